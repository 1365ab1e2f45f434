"""What a plug's other sessions say about one: read from their rows, judged by `continuity`."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain import events
from app.domain.billing.continuity import GAP, Continuity, Stretch, compare, habit_of
from app.domain.billing.evidence import PlugHistory
from app.domain.energy import DEFAULT_MAX_POWER_W, EnergyResult
from app.domain.energy.plausibility import RESOLUTION_WH
from app.domain.vocabulary import BillingState, SessionState
from app.domain.vocabulary.doubts import DOUBTS, About
from app.models import ChargingSession, Connector, MeterReading, StationReport

#: Sessions before and after one that are looked at.
BEFORE, AFTER = 6, 3
#: A step between two readings says something of power when it is this long, in seconds.
STEP_S = 60
#: A sample of power further above the register's greatest step than this is no measuring.
SAMPLE_MOST = Decimal(2)


@dataclass(frozen=True, slots=True)
class Plug:
    """A session's plug: what it told before, and the sessions around, the nearest first."""

    history: PlugHistory
    earlier: tuple[Stretch, ...] = ()
    later: tuple[Stretch, ...] = ()


def plug_of(db: Session, session: ChargingSession) -> Plug:
    """Read what is known of a session's plug: two short queries by its index, and its row."""
    of_plug = select(ChargingSession).where(
        ChargingSession.station_id == session.station_id,
        ChargingSession.evse == session.evse,
        ChargingSession.connector == session.connector,
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.id != session.id,
    )
    at = ChargingSession.started_at
    before = of_plug.where(at <= session.started_at).order_by(at.desc(), ChargingSession.id.desc())
    after = of_plug.where(at > session.started_at).order_by(at, ChargingSession.id)
    earlier = tuple(_stretches(db.scalars(before.limit(BEFORE))))
    later = tuple(_stretches(db.scalars(after.limit(AFTER))))
    last = earlier[0] if earlier else None
    power = db.scalar(select(Connector.measured_power_w).where(*_plug(session)))
    history = PlugHistory(
        previous_stop_wh=last.last_wh if last else None,
        previous_ended_at=last.ended_at if last else None,
        habit=habit_of(earlier),
        greatest_power_w=Decimal(str(power)) if power else None,
    )
    return Plug(history, earlier, later)


def history_of(db: Session, session: ChargingSession) -> PlugHistory:
    """What a plug's earlier sessions say about this one's energy."""
    return plug_of(db, session).history


def continuity_of(
    db: Session, session: ChargingSession, plug: Plug, energy: EnergyResult
) -> Continuity:
    """Hold an ended session's registers against its neighbours'."""
    if session.ended_at is None:
        return Continuity()
    own = _told(session, energy.started_at, energy.ended_at)
    if energy.basis == "register":
        own = replace(own, first_wh=energy.initial_wh, last_wh=energy.final_wh)
    before = _told_before(db, session)
    found = compare(own, plug.earlier, plug.later, plug.history.habit, told_before=before)
    if GAP in found.remarks and _elsewhere(db, session, plug, own):
        return replace(found, remarks=())
    return found


def learn_power(db: Session, session: ChargingSession, energy: EnergyResult) -> None:
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
    sampled = db.scalar(
        select(func.max(MeterReading.power_w)).where(MeterReading.session_id == session.id)
    )
    sample = Decimal(str(sampled)) if sampled else Decimal(0)
    power = min(max(average, min(sample, SAMPLE_MOST * average)), DEFAULT_MAX_POWER_W)
    if power <= 0:
        return
    # Told out of order or by two at once, the greatest stays.
    db.execute(
        update(Connector)
        .where(
            *_plug(session),
            or_(Connector.measured_power_w.is_(None), Connector.measured_power_w < float(power)),
        )
        .values(measured_power_w=float(power))
        .execution_options(synchronize_session=False)
    )


def tell_gap(
    db: Session, session: ChargingSession, plug: Plug, found: Continuity, *, now: datetime
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


def close_gap(db: Session, session: ChargingSession, plug: Plug, energy: EnergyResult) -> None:
    """Take the remark off the session after this one, where this one explains it."""
    after = plug.later[0] if plug.later else None
    if after is None or after.first_wh is None or energy.final_wh is None:
        return
    row = db.get(ChargingSession, after.session_id)
    if row is not None and GAP in row.flags and after.first_wh - energy.final_wh <= RESOLUTION_WH:
        row.flags = [flag for flag in row.flags if flag != GAP]


def _stretches(rows: Iterable[ChargingSession]) -> Iterable[Stretch]:
    for row in rows:
        yield _told(row, row.started_at, row.ended_at or row.started_at)


def _told(row: ChargingSession, started_at: datetime, ended_at: datetime) -> Stretch:
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
    )


def _about_meter(flag: str) -> bool:
    """Whether a flag says that a session's registers are in doubt."""
    known = DOUBTS.get(flag)
    assumed = flag == "estimated_end"  # its last reading is a register all the same
    return known is not None and known.about is About.METER and known.holds and not assumed


def _told_before(db: Session, session: ChargingSession) -> Stretch | None:
    """The first other session of the plug with exactly this one's registers."""
    if session.meter_start_wh is None or session.meter_stop_wh is None:
        return None
    row = db.scalar(
        select(ChargingSession)
        .where(
            ChargingSession.station_id == session.station_id,
            ChargingSession.evse == session.evse,
            ChargingSession.connector == session.connector,
            ChargingSession.state == SessionState.ENDED,
            ChargingSession.meter_start_wh == session.meter_start_wh,
            ChargingSession.meter_stop_wh == session.meter_stop_wh,
            ChargingSession.id != session.id,
        )
        .order_by(ChargingSession.started_at, ChargingSession.id)
        .limit(1)
    )
    return next(iter(_stretches([row]))) if row is not None else None


def _elsewhere(db: Session, session: ChargingSession, plug: Plug, own: Stretch) -> bool:
    """Whether another plug of the station counted what flowed between: they may share a meter."""
    before = plug.earlier[0]
    if before.last_wh is None or own.first_wh is None:
        return False
    other = select(ChargingSession.id).where(
        ChargingSession.station_id == session.station_id,
        or_(
            ChargingSession.evse != session.evse,
            ChargingSession.connector != session.connector,
        ),
        ChargingSession.started_at <= session.started_at,
        ChargingSession.meter_start_wh >= before.last_wh - RESOLUTION_WH,
        ChargingSession.meter_stop_wh <= own.first_wh + RESOLUTION_WH,
        ChargingSession.meter_stop_wh > ChargingSession.meter_start_wh,
    )
    return db.scalar(other.limit(1)) is not None


def _plug(session: ChargingSession) -> tuple[ColumnElement[bool], ...]:
    return (
        Connector.station_id == session.station_id,
        Connector.evse == session.evse,
        Connector.connector == session.connector,
    )
