"""What a session used, read from its rows: one way for running cost, bill and every recount."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.billing.evidence import Weighed, weigh
from app.domain.energy import (
    REGISTER,
    EnergyFacts,
    EnergyResult,
    Reading,
    billing_register,
    to_base_unit,
)
from app.domain.tariffs import Interval, Usage
from app.domain.vocabulary import Activity
from app.models import (
    ChargingSession,
    Connector,
    MeterReading,
    Station,
    StatusEvent,
    TransactionEvent,
)

_ZERO = Decimal(0)
_NOTHING: tuple[object, ...] = (None,) * 7

#: What each activity means for the price; an absent one is neither charging nor idle.
#: A session whose plug has said nothing yet is charging.
_MEANING = {
    Activity.CHARGING: "charging",
    Activity.SUSPENDED_EV: "idle",
    Activity.FINISHING: "idle",
}
#: Before its first report within the session, a plug may still show one of these.
_CARRIED = (Activity.SUSPENDED_EV, Activity.SUSPENDED_EVSE)


@dataclass(frozen=True, slots=True)
class Measured:
    """A session's energy with all it rests on, and what of it a tariff looks at.

    `corrected` says that a person gave the energy, not the meter.
    """

    energy: EnergyResult
    usage: Usage
    weighed: Weighed
    corrected: bool = False


def usage_of(
    db: Session, session: ChargingSession, now: datetime, *, energy_wh: Decimal | None = None
) -> Measured:
    """Measure a session from its rows; a running one up to `now`.

    `energy_wh` is what a person decided the energy to be: the meter's curve is
    then stretched to it.
    """
    weighed = weigh(facts_of(db, session))
    energy = weighed.energy
    if energy_wh is not None:
        energy = _stretched(energy, energy_wh)
    ended_at = energy.ended_at if session.ended_at is not None else max(now, energy.ended_at)
    charging, idle = _intervals(db, session, energy.started_at, ended_at)
    usage = Usage(
        started_at=energy.started_at,
        ended_at=ended_at,
        timezone=session.timezone,
        curve=energy.curve,
        charging=charging,
        idle=idle,
        meter_start_wh=energy.initial_wh,
        meter_stop_wh=energy.final_wh,
    )
    return Measured(energy, usage, weighed, energy_wh is not None)


def facts_of(db: Session, session: ChargingSession) -> EnergyFacts:
    """Gather what the meter, the charger and we know about a session's energy."""
    rows = db.scalars(
        select(MeterReading).where(MeterReading.session_id == session.id).order_by(MeterReading.id)
    )
    return EnergyFacts(
        meter_start_wh=session.meter_start_wh,
        started_at=session.started_at,
        meter_stop_wh=session.meter_stop_wh,
        ended_at=session.ended_at,
        max_power_w=_max_power_w(db, session),
        readings=readings_of(rows),
        received_start_at=session.start_received_at,
        received_end_at=session.stop_received_at,
    )


def readings_of(rows: Iterable[MeterReading]) -> tuple[Reading, ...]:
    """Turn stored meter readings into the ones that are measured, in order of arrival.

    `register_wh` is the register as it was understood when it arrived; where the
    samples beside it say otherwise (a unit set right by a quirk), it wins.
    """
    found: list[Reading] = []
    for order, row in enumerate(rows):
        samples = [made for sample in row.samples or () if (made := _reading(row, sample, order))]
        if row.register_wh is not None and billing_register(samples) != row.register_wh:
            samples = [sample for sample in samples if sample.measurand != REGISTER]
            samples.append(Reading(row.taken_at, row.register_wh, received=order))
        found.extend(samples)
    return tuple(found)


def _reading(row: MeterReading, sample: Sequence[object], order: int) -> Reading | None:
    """One sampled value, None if it holds no number (a signed text, a word)."""
    measurand, text, unit, phase, location, context, signed = (*sample, *_NOTHING)[:7]
    if signed is True:
        return None
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    name = str(measurand or REGISTER)
    based, _ = to_base_unit(value, str(unit) if unit else None, name)
    return Reading(
        taken_at=row.taken_at,
        value=based,
        measurand=name,
        phase=str(phase) if phase else None,
        location=str(location) if location else None,
        context=str(context) if context else None,
        received=order,
    )


def _max_power_w(db: Session, session: ChargingSession) -> Decimal | None:
    """The most that the plug can deliver, as its own row or the station's says."""
    plug = db.scalar(
        select(Connector.max_power_w).where(
            Connector.station_id == session.station_id,
            Connector.evse == session.evse,
            Connector.connector == session.connector,
        )
    )
    if not plug:
        plug = db.scalar(select(Station.max_power_w).where(Station.id == session.station_id))
    return Decimal(str(plug)) if plug else None


def _intervals(
    db: Session, session: ChargingSession, started_at: datetime, ended_at: datetime
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """When the vehicle took energy and when it only occupied the plug, by the plug's reports.

    A 2.x transaction tells of itself; a plug's own word says less there.
    """
    if session.last_seq_no is not None:
        return _stretches(_told(db, session), "charging", started_at, ended_at)
    of_plug = select(StatusEvent).where(
        StatusEvent.station_id == session.station_id,
        StatusEvent.evse == session.evse,
        StatusEvent.connector == session.connector,
    )
    before = db.scalar(
        of_plug.where(StatusEvent.at <= started_at)
        .order_by(StatusEvent.at.desc(), StatusEvent.id.desc())
        .limit(1)
    )
    meaning = "charging"
    if before is not None and before.activity in _CARRIED:
        meaning = _MEANING.get(before.activity, "")
    within = of_plug.where(StatusEvent.at > started_at, StatusEvent.at < ended_at)
    told = db.scalars(within.order_by(StatusEvent.at, StatusEvent.id))
    changes = [(event.at, event.activity) for event in told]
    return _stretches(changes, meaning, started_at, ended_at)


def _told(db: Session, session: ChargingSession) -> list[tuple[datetime, Activity]]:
    """What a transaction's events say that went on, by the station's clock and numbering."""
    rows = db.execute(
        select(TransactionEvent.at, TransactionEvent.activity)
        .where(
            TransactionEvent.station_id == session.station_id,
            TransactionEvent.session_id == session.id,
            TransactionEvent.activity.is_not(None),
        )
        .order_by(TransactionEvent.at, TransactionEvent.seq_no, TransactionEvent.digest)
    )
    return [(at, activity) for at, activity in rows if activity is not None]


def _stretches(
    changes: Iterable[tuple[datetime, Activity]],
    meaning: str,
    started_at: datetime,
    ended_at: datetime,
) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
    """The stretches of charging and of idling between changes; `meaning` is what goes before."""
    found: dict[str, list[Interval]] = {"charging": [], "idle": []}
    since = started_at
    for at, activity in changes:
        at = min(max(at, started_at), ended_at)
        _add(found, meaning, since, at)
        meaning, since = _MEANING.get(activity, ""), at
    _add(found, meaning, since, ended_at)
    return tuple(found["charging"]), tuple(found["idle"])


def _add(found: dict[str, list[Interval]], meaning: str, since: datetime, until: datetime) -> None:
    """Add a stretch, joined to the one before it where they touch."""
    if meaning not in found or since >= until:
        return
    known = found[meaning]
    if known and known[-1][1] == since:
        since = known.pop()[0]
    known.append((since, until))


def _stretched(energy: EnergyResult, energy_wh: Decimal) -> EnergyResult:
    """The same session with another energy; without a curve, it flows evenly."""
    if energy.energy_wh > _ZERO:
        factor = energy_wh / energy.energy_wh
        curve = tuple((at, value * factor) for at, value in energy.curve[:-1])
        curve += ((energy.ended_at, energy_wh),)
    else:
        curve = ((energy.started_at, _ZERO), (energy.ended_at, energy_wh))
    return replace(energy, energy_wh=energy_wh, curve=curve)


def seconds_of(intervals: Iterable[Interval]) -> int:
    """Whole seconds of some intervals."""
    return int(sum((until - since for since, until in intervals), timedelta(0)).total_seconds())
