"""What the page of one session shows, gathered and said; and its readings as a file."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request
from sqlalchemy.orm import Session

from app.domain.charging.energy import EnergyFlag
from app.domain.ground.vocabulary import BillingState, SessionState
from app.domain.money import billing
from app.domain.money.tariffs import Interval, Usage
from app.extensions import db as flask_db
from app.models import Authorisation, Bill, ChargingSession, Message, Receipt, Review
from app.queries.charging import session_chart, session_timeline, station_energy
from app.queries.charging import sessions as queries
from app.queries.money import costs
from app.text import bill_text, message_words, session_words
from app.text.numbers import duration, local
from app.text.sentences import translated
from app.text.writers import DeskWriter
from app.web import listing

#: What a line of the delivery log is called.
DELIVERIES = {
    "queued": "Receipt queued",
    "sent": "Mail",
    "failed": "Mail failed",
    "postponed": "Mail postponed",
    "unknown": "Unclear whether the mail was taken",
    "skipped": "No receipt is sent",
}

#: What energy rests on where the register did not tell all of it.
ESTIMATES = {EnergyFlag.BEGIN_MISSING, EnergyFlag.INTEGRATED_POWER}

Line = tuple[str, str, str, str]


def page_of(db: Session, session: ChargingSession, now: datetime, hold_h: int) -> dict[str, Any]:
    """Gather what `templates/charging/sessions/show.html` shows, on the clock of the site."""
    zone, marked = session.timezone, _marked()
    assessment = billing.assess(db, session, now)
    usage = assessment.measured.usage
    bill = costs.of(session, assessment)
    readings = queries.readings(db, session.id)
    flags = [*session.flags, *assessment.doubts, *assessment.remarks]
    flags += sorted(flag.value for flag in assessment.measured.energy.flags)
    unsettled = [
        *session_words.standing(session, hold_h, _idle_since(usage)),
        *session_words.between(assessment),
    ]
    review, stands = queries.review(db, session.id), billing.standing(db, session)
    if "late_stop_noted" in session.flags or _is_kept(session, stands, review):
        unsettled.append(billing.difference(stands, session))
    return {
        "session": session,
        "zone": zone,
        "running": session.state is SessionState.CHARGING,
        "energy_wh": bill.energy_wh if bill else assessment.energy_wh,
        "estimated": _is_estimate(assessment, bill),
        "assessment": assessment,
        "bill": bill,
        "told": bill_text.in_words(bill, DeskWriter(zone)) if bill else None,
        "charging_s": session_chart.seconds(usage.charging),
        "idle_s": session_chart.seconds(usage.idle),
        "span_s": session_chart.span(session, now),
        "chart": session_chart.of(session, readings, usage.idle, _idle_words, zone, marked),
        "timeline": list(_story(db, session, now, marked)),
        "money": list(_money(session)),
        "receipt": _receipt(session),
        "review": review,
        "told_2x": session_timeline.facts_of(db, session),
        "session_energy": station_energy.of_session(db, session),
        "strays": queries.strays(db, session.id),
        "flags": session_words.explained(flags),
        "unsettled": unsettled,
        "billable": session.provisional and session.billing is BillingState.OPEN,
        "tariff_why": list(session_words.tariff_why(session)),
        "window": [_typed(at) for at in session_timeline.window(session, now)],
    }


def _is_kept(session: ChargingSession, bill: Bill | None, review: Review | None) -> bool:
    """Whether a person left the bill that stands as it is, against what is known now."""
    if bill is None or review is None or review.decision != "kept" or review.decided_at is None:
        return False
    evidence = (session.decided_wh, session.decided_minor)
    return (bill.energy_wh, bill.gross_minor) != evidence and bill.issued_at < review.decided_at


def _marked() -> Interval | None:
    """The stretch whose readings the address asks for, as a line of the bill leads there."""
    first, _, last = request.args.get("marked", "")[:80].partition("/")
    try:
        since, until = (datetime.fromisoformat(text).astimezone(UTC) for text in (first, last))
    except (ValueError, OverflowError):
        return None
    return (since, until) if since <= until else None


def _is_estimate(assessment: billing.Assessment, bill: Bill | None) -> bool:
    """Whether a part of the energy was never measured, and nobody has set it either."""
    set_by_hand = bill is not None and bill.facts.get("corrected")
    return not set_by_hand and not ESTIMATES.isdisjoint(assessment.measured.energy.flags)


def _idle_since(usage: Usage) -> datetime | None:
    """Since when the car takes no energy, None while it does."""
    return next((since for since, until in usage.idle if until == usage.ended_at), None)


def _idle_words(span: Interval) -> str:
    return f"idle {duration((span[1] - span[0]).total_seconds())}"


def _typed(at: datetime) -> str:
    """An instant as a date field of the reader wants it."""
    return f"{at.astimezone(listing.zone()):%Y-%m-%dT%H:%M:%S}"


def clock(session: ChargingSession, at: datetime) -> str:
    """A time on the site's clock; with its day where that is not the one of the start."""
    zone = ZoneInfo(session.timezone)
    same = at.astimezone(zone).date() == session.started_at.astimezone(zone).date()
    day = "" if same else f"{local(at, 'day', session.timezone)} "
    return day + local(at, "clock", session.timezone)


def _story(
    db: Session, session: ChargingSession, now: datetime, marked: Interval | None
) -> Iterator[Line]:
    for entry in session_timeline.of(db, session, now):
        text = entry.text
        if isinstance(entry.thing, Message):
            said = message_words.in_words(entry.thing)
            text = " · ".join(filter(None, [entry.thing.action or "Stray frame", said]))
        inside = marked is not None and marked[0] <= entry.at <= marked[1]
        kind = f"{entry.kind} marked".strip() if inside else entry.kind
        # Whatever else stands there is a name, or a word of the station.
        who = translated(entry.who) if isinstance(entry.thing, Authorisation) else entry.who
        yield clock(session, entry.at), text, who, kind


def _money(session: ChargingSession) -> Iterator[Line]:
    """From the stop to the mail: what was done about the money of a session."""
    entries: list[tuple[datetime, str, str, str]] = []
    if session.stop_received_at is not None:
        entries.append((session.stop_received_at, _stopped(session), "", ""))
    for bill in session.bills:
        kinds = {"bill": "Bill", "credit": "Credit", "correction": "Corrected bill"}
        who = "" if bill.issued_by == "system" else bill.issued_by
        entries.append((bill.issued_at, f"{kinds[bill.kind]} {bill.number} issued", who, ""))
        for delivery in bill.receipt.deliveries if bill.receipt else ():
            bad = delivery.event in ("failed", "unknown")
            word = DELIVERIES.get(delivery.event, delivery.event.capitalize())
            entries.append(
                (
                    delivery.at,
                    " · ".join(filter(None, [word, delivery.detail])),
                    "",
                    "bad" if bad else "",
                )
            )
    for at, text, who, kind in sorted(entries, key=lambda entry: entry[0]):
        yield clock(session, at), text, who, kind


def _stopped(session: ChargingSession) -> str:
    """What began the billing."""
    if session.state is SessionState.NO_SHOW:
        return "Found to have run out unused"
    return "Closed at the last reading" if session.provisional else "Stop stored and answered"


def _receipt(session: ChargingSession) -> Receipt | None:
    """The receipt of the newest bill that has one."""
    found = [bill for bill in session.bills if bill.receipt is not None]
    newest: Bill | None = max(found, key=lambda bill: bill.sequence, default=None)
    return newest.receipt if newest else None


def readings_file(session: ChargingSession, kind: str) -> Response:
    """All readings of a session as CSV, or as JSON with every sampled value."""
    readings = queries.readings(flask_db.session(), session.id)
    name = f"session-{session.id}-readings"
    if kind == "csv":
        return listing.file_response(
            name, session_words.READING, readings, since=session.started_at, until=session.ended_at
        )
    return Response(
        json.dumps(session_words.as_json(session, readings), indent=2),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )
