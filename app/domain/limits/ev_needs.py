"""What cars ask for over ISO 15118: kept, answered with a plan, and the plan sent (2.x K15-K17).

Needs are documents in our words: {"transfer", "phases", "energy_wh", "most_w",
"least_w", "departure_at", "most_periods", "details"}; numbers are texts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.commands import commands
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import DomainError
from app.domain.ground.redaction import redact
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, SessionState
from app.domain.limits import station_profiles, supply
from app.domain.limits.ev_plan import Needs, planned
from app.domain.limits.profile_forms import in_unit, rate_at
from app.models import ChargingSession, Command, EvNeeds, Station

#: A plan that could not be sent so long after it was asked for is of no use (K15.FR.08).
WITHIN_S = 60.0
#: Needs that were told so long before a session are not that session's.
WAITED = timedelta(minutes=15)

_NEEDS = EvNeeds.__table__
_WAITING = BulkRead(
    select(_NEEDS.c.station_id).where(
        among(_NEEDS.c.station_id, "stations"),
        _NEEDS.c.answer == "processing",
        _NEEDS.c.session_id.is_(None),
    )
)


def take_in(
    db: Session, station: Station, evse: int, needs: Mapping[str, Any], *, now: datetime
) -> EvNeeds:
    """Keep a car's needs, plan for it, and have the plan sent; its `answer` says how to answer.

    Needs that come before their session wait for it (`session_began`).
    """
    session = running.at_evse(db, station, evse)
    row = EvNeeds(
        station_id=station.id,
        evse=evse,
        session_id=session.id if session else None,
        transfer=str(needs.get("transfer", ""))[:40],
        needs=redact(dict(needs)),
        answer="rejected",
        why="",
        received_at=now,
    )
    db.add(row)
    db.flush()
    allowed = _allowed(db, session)
    if allowed is not None and row.transfer not in allowed:
        ways = " or ".join(sorted(word.replace("_", " ") for word in allowed))
        row.why = f"It asks for {row.transfer.replace('_', ' ')}, and only {ways} was allowed."
    elif session is None:
        row.answer = "processing"
        row.why = "No session runs at this connector yet; the plan follows when one has begun."
    else:
        _plan(db, station, session, row, now)
    events.station_changed(db, station)
    return row


def _allowed(db: Session, session: ChargingSession | None) -> frozenset[str] | None:
    """The ways of energy transfer that a session was allowed last; None: all of them (Q01)."""
    if session is None:
        return None
    last = newest(
        db,
        Command,
        session_id=session.id,
        order=Order.ALLOW_ENERGY_TRANSFER,
        state=CommandState.ACCEPTED,
    )
    return frozenset(last.arguments["transfers"]) if last is not None else None


def waiting(db: Session, station_ids: Iterable[int]) -> set[int]:
    """The stations among these at which needs may wait for their session."""
    return {row.station_id for row in _WAITING(db, stations=set(station_ids))}


def session_began(
    db: Session, station: Station, session: ChargingSession, *, now: datetime
) -> bool:
    """Plan for needs that were told before the session was known; True when some waited."""
    row = latest(db, station, session.evse)
    if row is None or row.answer != "processing" or row.session_id is not None:
        return False
    if session.state is not SessionState.CHARGING or row.received_at < now - WAITED:
        return False
    row.session_id = session.id
    _plan(db, station, session, row, now)
    db.flush()
    return True


def car_schedule(
    db: Session, station: Station, evse: int, document: Mapping[str, Any], *, now: datetime
) -> bool:
    """Keep what a car says it will do; False when that exceeds our plan (K15.FR.12).

    What exceeds the plan is answered with the same plan again, once.
    """
    row = latest(db, station, evse)
    if row is None:
        row = EvNeeds(
            station_id=station.id,
            evse=evse,
            transfer="",
            needs={},
            answer="accepted",
            why="The car told a schedule without having told its needs.",
            received_at=now,
        )
        db.add(row)
    again = row.car_schedule is not None
    row.car_schedule, row.car_schedule_at = dict(document), now
    fits = row.plan is None or _within(document, row.plan)
    if not fits and not again and row.session_id is not None and row.plan is not None:
        session = db.get(ChargingSession, row.session_id)
        if session is not None:
            _send(db, station, session, row, row.plan, now)
    events.station_changed(db, station)
    return fits


def latest(db: Session, station: Station, evse: int | None = None) -> EvNeeds | None:
    """The newest needs at an EVSE, or at the whole station."""
    query = select(EvNeeds).where(EvNeeds.station_id == station.id)
    if evse is not None:
        query = query.where(EvNeeds.evse == evse)
    return db.scalar(query.order_by(EvNeeds.id.desc()).limit(1))


def _plan(
    db: Session, station: Station, session: ChargingSession, row: EvNeeds, now: datetime
) -> None:
    wanted = "A" if _whole(row.needs.get("phases")) else "W"
    unit = supply.unit_for(db, station, wanted)
    limit_w = _limit_w(db, station, row.evse, now)
    switches = supply.abilities(db, station).switches_phases
    plan = planned(_needs(row.needs), limit_w, unit, now, switches=switches)
    if plan is None:
        row.answer = "no_profile"
        row.why = "Neither the car nor the station says what power there is, so nothing is planned."
        return
    row.plan, row.why = plan.document, plan.why[:600]
    row.answer = "accepted"
    _send(db, station, session, row, plan.document, now)


def _send(
    db: Session,
    station: Station,
    session: ChargingSession,
    row: EvNeeds,
    document: Mapping[str, Any],
    now: datetime,
) -> None:
    """Order the plan; where that cannot be, the needs are refused, with the reason."""
    arguments = {"document": dict(document), "session_id": session.id}
    try:
        with db.begin_nested():
            command = commands.queue(
                *(db, SYSTEM, station, Order.SET_PROFILE, arguments), now=now, ttl_s=WITHIN_S
            )
    except DomainError as error:
        row.answer = "rejected"
        row.why = f"{row.why} But it could not be sent: {error.sentence}"[:600]
        return
    profile = station_profiles.of_subject(db, command)
    row.station_profile_id = profile.id if profile else None


def _needs(needs: Mapping[str, Any]) -> Needs:
    departure = needs.get("departure_at")
    return Needs(
        phases=_whole(needs.get("phases")),
        energy_wh=_number(needs.get("energy_wh")),
        departure_at=datetime.fromisoformat(departure) if departure else None,
        most_w=_number(needs.get("most_w")),
        least_w=_number(needs.get("least_w")),
    )


def _limit_w(db: Session, station: Station, evse: int, now: datetime) -> Decimal | None:
    """What the EVSE may give now: its own facts and limits, its share of its station's."""
    whole: list[Decimal] = []
    known: list[Decimal] = []
    for profile in station_profiles.current(db, station, evse):
        document = profile.reported or profile.sent or profile.document
        limit = document.get("purpose") in ("external", "station_max")
        if limit and document.get("periods") and document.get("unit"):
            rate = rate_at(in_unit(document, "W"), now)
            limits = known if profile.evse else whole
            limits += [Decimal(rate)] if rate is not None else []
    most = float(min(whole)) if whole else None
    own = supply.power_limit_w(db, station, evse, most)
    known += [] if own is None else [Decimal(str(own))]
    return min(known) if known else None


def _within(document: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Tell whether a car's schedule stays below the plan, a tenth of an ampere forgiven."""
    if not document.get("periods") or document.get("unit") not in ("A", "W"):
        return True
    most = max(Decimal(period["limit"]) for period in in_unit(plan, "W")["periods"])
    phases = plan["periods"][0].get("phases", 3)
    theirs = [{"phases": phases, **period} for period in document["periods"]]
    asked = in_unit({**document, "periods": theirs}, "W")["periods"]
    slack = Decimal(23 * phases)
    return all(Decimal(period["limit"]) <= most + slack for period in asked if "limit" in period)


def _number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _whole(value: Any) -> int:
    return int(value) if value is not None else 0
