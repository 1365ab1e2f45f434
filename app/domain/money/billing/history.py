"""What a plug's other sessions say about one: read from their rows, judged by `continuity`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.domain.charging.energy import DEFAULT_MAX_POWER_W, EnergyResult
from app.domain.charging.energy.plausibility import RESOLUTION_WH
from app.domain.charging.sessions.row import AnySession
from app.domain.ground import events
from app.domain.ground.vocabulary import BillingState, SessionState
from app.domain.ground.vocabulary.doubts import DOUBTS, About
from app.domain.money.billing.book import Book
from app.domain.money.billing.evidence import (
    GAP,
    Continuity,
    PlugHistory,
    Stretch,
    compare,
    habit_of,
)
from app.models import ChargingSession, Connector, StationReport

#: A step between two readings says something of power when it is this long, in seconds.
STEP_S = 60
#: A sample of power further above the register's greatest step than this is no measuring.
SAMPLE_MOST = Decimal(2)

_CONNECTOR = Connector.__table__
_GROW = (
    update(_CONNECTOR)
    .where(
        _CONNECTOR.c.station_id == bindparam("at_station"),
        _CONNECTOR.c.evse == bindparam("at_evse"),
        _CONNECTOR.c.connector == bindparam("at_connector"),
        or_(
            _CONNECTOR.c.measured_power_w.is_(None),
            _CONNECTOR.c.measured_power_w < bindparam("power"),
        ),
    )
    .values(measured_power_w=bindparam("power"))
)


@dataclass(frozen=True, slots=True)
class Plug:
    """A session's plug: what it told before, and the sessions around, the nearest first."""

    history: PlugHistory
    earlier: tuple[Stretch, ...] = ()
    later: tuple[Stretch, ...] = ()


def plug_of(book: Book, session: AnySession) -> Plug:
    """What is known of a session's plug."""
    earlier = tuple(_stretches(book, book.earlier.get(session.id, ())))
    later = tuple(_stretches(book, book.later.get(session.id, ())))
    last = earlier[0] if earlier else None
    power = book.plug(session).measured_w
    history = PlugHistory(
        previous_stop_wh=last.last_wh if last else None,
        habit=habit_of(earlier),
        greatest_power_w=Decimal(str(power)) if power else None,
    )
    return Plug(history, earlier, later)


def continuity_of(book: Book, session: AnySession, plug: Plug, energy: EnergyResult) -> Continuity:
    """Hold an ended session's registers against its neighbours'."""
    if session.ended_at is None or session.state is SessionState.NO_SHOW:
        return Continuity()
    own = _stretch(session, energy.started_at, energy.ended_at)
    if energy.basis == "register":
        own = replace(own, first_wh=energy.initial_wh, last_wh=energy.final_wh)
    before = next(iter(_stretches(book, book.twins.get(session.id, ()))), None)
    found = compare(own, plug.earlier, plug.later, plug.history.habit, told_before=before)
    if GAP in found.remarks and _elsewhere(book.db, session, plug, own):
        return replace(found, remarks=())
    return found


def learn_power(book: Book, session: AnySession, energy: EnergyResult) -> None:
    """Raise the most that a plug has measured, by a session that nothing speaks against.

    The greatest average between two readings counts, or a sample of power that
    is near it; never more than any plug gives.
    """
    steps = [
        (late_wh - early_wh) * 3600 / Decimal((late - early).total_seconds())
        for (early, early_wh), (late, late_wh) in pairwise(energy.curve)
        if (late - early).total_seconds() >= STEP_S
    ]
    average = max(steps, default=Decimal(0))
    told = (row.power_w for row in book.readings.get(session.id, ()))
    sampled = max((power_w for power_w in told if power_w is not None), default=None)
    sample = Decimal(str(sampled)) if sampled else Decimal(0)
    power = min(max(average, min(sample, SAMPLE_MOST * average)), DEFAULT_MAX_POWER_W)
    plug = book.plug(session)
    if power > 0 and (plug.measured_w is None or plug.measured_w < float(power)):
        plug.measured_w, plug.grew = float(power), True


def keep_power(book: Book) -> None:
    """Store what plugs have learnt.  Told out of order or by two at once, the greatest stays."""
    grown = [
        {"at_station": at[0], "at_evse": at[1], "at_connector": at[2], "power": plug.measured_w}
        for at, plug in book.plugs.items()
        if plug.grew
    ]
    if grown:
        book.db.connection().execute(_GROW, grown)
    for plug in book.plugs.values():
        plug.grew = False


def tell_gap(
    db: Session, session: AnySession, plug: Plug, found: Continuity, *, now: datetime
) -> None:
    """Tell staff, as a report of the station, of energy that flowed in no session."""
    if GAP not in found.remarks or found.between_wh is None:
        return
    before = plug.earlier[0]
    db.add(
        StationReport(
            station_id=session.station_id,
            kind=GAP,
            word=f"{found.between_wh / 1000:.3f} kWh"[:120],
            payload={
                "evse": session.evse,
                "connector": session.connector,
                "between_wh": format(found.between_wh, "f"),
                "session_id": session.id,
                "previous_session_id": before.session_id,
                "since": before.ended_at.isoformat(),
            },
            at=session.started_at,
            received_at=now,
        )
    )
    events.record(db, events.StationChanged(session.tenant_id, session.station_id))


def close_gap(book: Book, session: AnySession, plug: Plug, energy: EnergyResult) -> None:
    """Take the remark off the session after this one, where this one explains it."""
    after = plug.later[0] if plug.later else None
    if after is None or after.first_wh is None or energy.final_wh is None:
        return
    told = GAP in book.live(book.later[session.id][0]).flags
    row = book.db.get(ChargingSession, after.session_id) if told else None
    if row is not None and after.first_wh - energy.final_wh <= RESOLUTION_WH:
        row.flags = [flag for flag in row.flags if flag != GAP]


def _stretches(book: Book, rows: Iterable[Any]) -> Iterable[Stretch]:
    for row in map(book.live, rows):
        yield _stretch(row, row.started_at, row.ended_at or row.started_at)


def _stretch(row: Any, started_at: datetime, ended_at: datetime) -> Stretch:
    """A session's registers, as they were told and as far as they are believed."""
    first, last = row.meter_start_wh, row.meter_stop_wh
    if last is None:
        last = row.last_register_wh
    if first is None and last is not None:
        first = last - row.energy_wh
    if any(_about_meter(flag) for flag in row.flags or ()):
        first = last = None
    return Stretch(
        session_id=row.id,
        started_at=started_at,
        ended_at=ended_at,
        start_wh=row.meter_start_wh,
        stop_wh=row.meter_stop_wh,
        first_wh=first,
        last_wh=last,
        billed=row.billing is BillingState.BILLED,
        dated="clock_replaced" not in (row.flags or ()),
    )


def _about_meter(flag: str) -> bool:
    """Whether a flag says that a session's registers are in doubt."""
    known = DOUBTS.get(flag)
    assumed = flag == "estimated_end"  # its last reading is a register all the same
    return known is not None and known.about is About.METER and known.holds and not assumed


def _elsewhere(db: Session, session: AnySession, plug: Plug, own: Stretch) -> bool:
    """Whether another plug of the station counted what flowed between: they may share a meter."""
    before = plug.earlier[0]
    if before.last_wh is None or own.first_wh is None:
        return False
    other = select(ChargingSession.id).where(
        ChargingSession.station_id == session.station_id,
        or_(ChargingSession.evse != session.evse, ChargingSession.connector != session.connector),
        ChargingSession.started_at <= session.started_at,
        ChargingSession.meter_start_wh >= before.last_wh - RESOLUTION_WH,
        ChargingSession.meter_stop_wh <= own.first_wh + RESOLUTION_WH,
        ChargingSession.meter_stop_wh > ChargingSession.meter_start_wh,
    )
    return db.scalar(other.limit(1)) is not None
