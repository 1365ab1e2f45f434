"""Limits that change while they hold: setpoints, and what 2.1 changes in place (blocks K and Q).

A setpoint is how much an EVSE gives to the session that runs there.  They have a lane of their own:
one row per EVSE, changed in place, of which the newest wins.  What
was not sent yet is replaced and never queued behind; no order, profile or audit entry is made for
each.  On the wire a setpoint is the session's profile at stack level 1, always under one number,
so that a station replaces it in place (1.6 section 5.16, 2.0.1 K01.FR.05).

In 2.1 also dynamic profiles, a session's priority and way of energy transfer, reserve signals.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from app.domain.charging import reports, running
from app.domain.commands import command_rules
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground import events
from app.domain.ground.errors import Conflict, DomainError, Invalid, NotFound
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import (
    Actor,
    Arguments,
    CommandState,
    Json,
    Order,
    Outcome,
    SessionState,
)
from app.domain.limits import profile_documents, profiles
from app.domain.limits.ev_plan import LEAST_A
from app.domain.limits.profile_documents import MORE_NUMBERS, tenths
from app.domain.limits.profile_forms import VOLTS
from app.domain.limits.station_profiles import HELD, KIND, number_in_place, of_station, of_subject
from app.models import ChargingSession, Command, Setpoint, Station, StationProfile

#: The states of a row: what is wanted waits, was sent, or ended as its station answered.
WAITING, SENT = "waiting", "sent"
#: Above all plans for the car (level 0).
LEVEL = 1
#: What was sent and not answered for so long was lost with its worker; it is sent again.
LOST_AFTER = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A setpoint to be sent: the arguments of SET_PROFILE, and which wish of its row it is."""

    row_id: int
    wanted: int
    arguments: Arguments


def want(
    db: Session,
    actor: Actor,
    station: Station,
    evse: int,
    *,
    limit: Decimal,
    unit: str,
    phases: int | None,
    now: datetime,
    ttl_s: float,
) -> Setpoint:
    """Say how much the session at an EVSE shall get: amperes per phase, or watts of all.

    It is sent within `ttl_s` or never.  Raises `Invalid`, `Conflict` where nobody charges there,
    and `NotConnected`.
    """
    command_rules.check(db, station, Order.SET_PROFILE, {"connector": evse}, now)
    if station.supported_orders and Order.SET_PROFILE not in station.supported_orders:
        raise Conflict(f"{station.identity} knows no charging profiles.")
    session = running.at_evse(db, station, evse)
    if session is None or session.transaction_ref is None:
        raise Conflict(f"Nobody charges at connector {evse} of {station.identity}.")
    # Watts without phases are those of direct current, which knows no least.
    least = LEAST_A if unit == "A" else LEAST_A * VOLTS * (phases or 0)
    if limit < 0 or 0 < limit < least:
        raise Invalid(f"No car charges with {limit} {unit}: give 0, or {least} and more.")
    # One wish after another, and none while a worker takes the last: each is counted.
    db.refresh(session, ["id"], with_for_update=True)
    row = of_evse(db, station.id, evse)
    if row is None:
        row = Setpoint(station_id=station.id, evse=evse, wanted=0)
        db.add(row)
    period: Json = {"limit": format(limit, "f"), **({"phases": phases} if phases else {})}
    row.document = profile_documents.read(
        {
            "purpose": "session",
            "kind": "absolute",
            "stack_level": LEVEL,
            "unit": unit,
            "periods": [period],
        }
    )
    row.session_id, row.wanted, row.state, row.sentence = session.id, row.wanted + 1, WAITING, None
    row.wanted_at, row.wanted_by = now, actor.name[:120]
    row.expires_at = now + timedelta(seconds=ttl_s)
    events.station_changed(db, station)
    return row


def of_evse(db: Session, station_id: int, evse: int) -> Setpoint | None:
    """The setpoint of an EVSE, if it ever had one, locked."""
    query = select(Setpoint).where(Setpoint.station_id == station_id, Setpoint.evse == evse)
    return db.scalar(query.with_for_update().execution_options(populate_existing=True))


#: Built once: it is asked for four times a second.
_ROWS = Setpoint.__table__
_LOST = (_ROWS.c.state == SENT) & (_ROWS.c.sent_at <= bindparam("lost_by"))
_DUE = (
    select(_ROWS.c.id, _ROWS.c.station_id)
    .where(or_(_ROWS.c.state == WAITING, _LOST))
    .order_by(_ROWS.c.wanted_at)
)


def due(db: Session, *, now: datetime) -> list[tuple[int, int]]:
    """What waits to be sent: (row, station), the oldest wish first.

    What could not be sent in time is found, too: whoever holds the station ends it (`claim`).
    """
    found = db.execute(_DUE, {"lost_by": now - LOST_AFTER})
    return [(row, station) for row, station in found]


def claim(db: Session, row_id: int, connection_id: int | None, *, now: datetime) -> Claimed | None:
    """Take the newest wish of an EVSE for sending over this connection.

    None where it is over, or where the station has come over another connection.  What was taken
    at this very moment is ours: the commit was kept, and is tried again as its answer was lost.
    """
    row = db.get(Setpoint, row_id, with_for_update=True, populate_existing=True)
    if row is None or (row.state == SENT and now != (row.sent_at or now) > now - LOST_AFTER):
        return None
    if row.state not in (WAITING, SENT):
        return None
    station = db.get_one(Station, row.station_id)
    if station.connection_id != connection_id:
        return None
    session = db.get(ChargingSession, row.session_id)
    if row.expires_at <= now:
        _over(db, station, row, "expired", "It could not be sent in time.", now)
        return None
    if session is None or session.state is not SessionState.CHARGING:
        _over(db, station, row, "over", "Its session has ended.", now)
        return None
    try:
        fitted = profiles.fitted(db, station, row.document, now=now)
    except DomainError as error:
        _over(db, station, row, "rejected", error.sentence[:300], now)
        return None
    row.sent, row.state, row.sent_at = fitted.document, SENT, now
    row.sentence = " ".join(fitted.notes)[:300] or None
    arguments = {
        "connector": row.evse,
        "number": _number(db, row),
        "profile": fitted.document,
        "begun_at": session.started_at.isoformat(),
        "session_id": session.id,
        "transaction_ref": session.transaction_ref,
    }
    events.station_changed(db, station)
    return Claimed(row.id, row.wanted, arguments)


def give_back(db: Session, claims: Collection[tuple[int, datetime]]) -> None:
    """Have wishes wait again that were taken, each at its moment, and were not sent."""
    for row_id, at in sorted(claims):
        row = db.get(Setpoint, row_id, with_for_update=True, populate_existing=True)
        if row is not None and (row.state, row.sent_at) == (SENT, at):
            row.state, row.sent_at = WAITING, None
            events.station_changed(db, db.get_one(Station, row.station_id))


def settle(db: Session, claimed: Claimed, outcome: Outcome, *, now: datetime) -> None:
    """Keep what the station said to a setpoint, unless a newer one is wanted by now."""
    row = db.get(Setpoint, claimed.row_id, with_for_update=True, populate_existing=True)
    if row is None or row.wanted != claimed.wanted:
        return
    row.state, row.settled_at = outcome.state.value, now
    if outcome.state is CommandState.ACCEPTED:
        row.accepted = row.sent
    else:
        row.sentence = outcome.sentence[:300]
    events.station_changed(db, db.get_one(Station, row.station_id))


def expire(db: Session, *, now: datetime) -> int:
    """End wishes that no worker could send in time; returns how many."""
    query = select(Setpoint).where(Setpoint.state == WAITING, Setpoint.expires_at <= now)
    overdue = db.scalars(query.with_for_update(skip_locked=True)).all()
    for row in overdue:
        station = db.get_one(Station, row.station_id)
        _over(db, station, row, "expired", "It could not be sent in time.", now)
    return len(overdue)


def _over(
    db: Session, station: Station, row: Setpoint, state: str, sentence: str, now: datetime
) -> None:
    row.state, row.sentence, row.settled_at = state, sentence, now
    events.station_changed(db, station)


def _number(db: Session, row: Setpoint) -> int:
    """Its own number; that of the profile which stands there already, where levels are few."""
    like = StationProfile(
        station_id=row.station_id,
        evse=row.evse,
        session_id=row.session_id,
        document=row.document,
        sent=row.sent,
    )
    return number_in_place(db, like) or row.wire_number


_RATES = ("limit", *MORE_NUMBERS)


def prepare_update(ask: Ask) -> Prepared:
    """Check that the profile is one that can be updated; the arguments gain `number`."""
    number = ask.given["station_profile_id"]
    row = of_station(ask.db, ask.station, number)
    if row is None or row.state not in HELD:
        raise NotFound(
            f"{ask.station.identity} holds no profile {number}.", field="station_profile_id"
        )
    if (row.sent or row.document).get("kind") != "dynamic":
        raise Conflict(f"Profile {number} is not dynamic.", field="station_profile_id")
    update = {
        name: tenths(
            name, ask.given[name], lowest=Decimal(0 if name.startswith("limit") else -10_000_000)
        )
        for name in _RATES
        if ask.given.get(name) is not None
    }
    if not update:
        raise Invalid("Say the new limit or setpoint.", field="limit")
    arguments = {**ask.given, "number": row.wire_number, "update": update}
    return Prepared(arguments, f"{KIND}:{row.id}", row.session_id)


def settle_update(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """The station uses the new values: so does our copy, which it may ask for."""
    row = of_subject(db, command)
    if row is None or outcome.state is not CommandState.ACCEPTED:
        return
    document = dict(row.sent or row.document)
    document["periods"] = [updated(document["periods"][0], command.arguments["update"])]
    row.sent = document
    db.flush()


def updated(period: Mapping[str, Any], update: Mapping[str, Any]) -> Json:
    """A period with new values."""
    changed = {**period, **{name: update[name] for name in update if name == "limit"}}
    more = {**period.get("more", {}), **{name: update[name] for name in update if name != "limit"}}
    return {**changed, "more": more} if more else changed


def asked_for(db: Session, station: Station, number: int) -> Json | None:
    """The values of a dynamic profile that a station asks for; None: there is none (K28.FR.12)."""
    row = newest(
        db,
        StationProfile,
        func.coalesce(StationProfile.number, StationProfile.id) == number,
        StationProfile.state.in_(HELD),
        station_id=station.id,
    )
    document = (row.sent or row.document) if row is not None else {}
    if row is None or document.get("kind") != "dynamic":
        return None
    period = document["periods"][0]
    found = {"limit": period["limit"]} if "limit" in period else {}
    more = {name: value for name, value in period.get("more", {}).items() if name in _RATES}
    return {**found, **more}


def prepare_session(ask: Ask) -> Prepared:
    """Name the transaction of an order about a running session."""
    session = running.needed(ask.db, ask.station, ask.given)
    named = {"session_id": session.id, "transaction_ref": session.transaction_ref}
    return Prepared({**ask.given, **named}, None, session.id)


def prepare_signal(ask: Ask) -> Prepared:
    """A signal of the grid holds from a moment: now, unless another is given."""
    return Prepared({**ask.given, "at": ask.given.get("at") or ask.now.isoformat()})


def note_priority(
    db: Session, station: Station, reference: str, active: bool, *, now: datetime
) -> int | None:
    """Keep that a session was given priority at the station; return the session's number."""
    session = running.by_reference(db, station, reference)
    word = "on" if active else "off"
    payload = {"transaction": reference, "active": active}
    reports.add(db, station, "priority_charging", word, payload, at=now, now=now)
    if session is None:
        return None
    events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))
    return session.id
