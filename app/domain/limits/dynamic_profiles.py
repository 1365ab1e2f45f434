"""Dynamic profiles, priority, ways of energy transfer, reserve signals (2.1 blocks K and Q)."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.charging import reports, running
from app.domain.commands.orders.spec import Prepared
from app.domain.ground import events
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Arguments, CommandState, Json, Outcome
from app.domain.limits.profile_documents import MORE_NUMBERS, tenths
from app.domain.limits.station_profiles import HELD, KIND, of_subject
from app.models import Command, Station, StationProfile

_RATES = ("limit", *MORE_NUMBERS)


def prepare_update(
    db: Session, actor: Actor, station: Station, checked: Arguments, now: datetime
) -> Prepared:
    """Check that the profile is one that can be updated; the arguments gain `number`."""
    number = checked["station_profile_id"]
    row = db.scalar(
        select(StationProfile).where(
            StationProfile.station_id == station.id, StationProfile.id == number
        )
    )
    if row is None or row.state not in HELD:
        raise NotFound(f"{station.identity} holds no profile {number}.", field="station_profile_id")
    if (row.sent or row.document).get("kind") != "dynamic":
        raise Conflict(f"Profile {number} is not dynamic.", field="station_profile_id")
    update = {
        name: tenths(name, checked[name], lowest=_lowest(name))
        for name in _RATES
        if checked.get(name) is not None
    }
    if not update:
        raise Invalid("Say the new limit or setpoint.", field="limit")
    arguments = {**checked, "number": row.wire_number, "update": update}
    return Prepared(arguments, f"{KIND}:{row.id}", row.session_id)


def _lowest(name: str) -> Decimal:
    return Decimal(0) if name.startswith("limit") else Decimal(-10_000_000)


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
    row = db.scalar(
        select(StationProfile)
        .where(
            StationProfile.station_id == station.id,
            func.coalesce(StationProfile.number, StationProfile.id) == number,
            StationProfile.state.in_(HELD),
        )
        .order_by(StationProfile.id.desc())
        .limit(1)
    )
    document = (row.sent or row.document) if row is not None else {}
    if row is None or document.get("kind") != "dynamic":
        return None
    period = document["periods"][0]
    found = {"limit": period["limit"]} if "limit" in period else {}
    more = {name: value for name, value in period.get("more", {}).items() if name in _RATES}
    return {**found, **more}


def prepare_session(
    db: Session, actor: Actor, station: Station, checked: Arguments, now: datetime
) -> Prepared:
    """Name the transaction of an order about a running session."""
    session = running.needed(db, station, checked)
    named = {"session_id": session.id, "transaction_ref": session.transaction_ref}
    return Prepared({**checked, **named}, None, session.id)


def prepare_signal(
    db: Session, actor: Actor, station: Station, checked: Arguments, now: datetime
) -> Prepared:
    """A signal of the grid holds from a moment: now, unless another is given."""
    return Prepared({**checked, "at": checked.get("at") or now.isoformat()})


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
