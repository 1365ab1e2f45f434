"""What a live page shows of running sessions: their newest readings, and their energy so far."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from app.domain.bulk import BulkUpdate, among
from app.domain.energy import POWER, billing_register, live_energy
from app.domain.energy.readings import REGISTER, total_of
from app.domain.vocabulary import BillingState, Sample, SessionState
from app.models import ChargingSession

_SESSION: Any = ChargingSession.__table__
_BEFORE = select(
    _SESSION.c.id,
    _SESSION.c.started_at,
    _SESSION.c.last_register_wh,
    _SESSION.c.last_reading_at,
    _SESSION.c.energy_wh,
    _SESSION.c.state,
    _SESSION.c.provisional,
).where(among(_SESSION.c.id, "sessions"))


class Gauge(NamedTuple):
    """The newest readings of a running session, for the live pages."""

    session_id: int
    tenant_id: int
    station_id: int
    at: datetime
    register_wh: Decimal | None
    power_w: float | None
    soc_percent: float | None
    counted_from_wh: Decimal | None


class Values(NamedTuple):
    """What one instant's samples come to."""

    register_wh: Decimal | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None


def values_of(samples: Iterable[Sample]) -> Values:
    """What the samples of one instant come to."""
    told: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.value is not None:
            told.setdefault(sample.measurand, []).append(sample)
    register = told.get(REGISTER)
    power = total_of(told.get(POWER, ()), POWER)
    return Values(
        billing_register(register) if register else None,
        float(power[0]) if power else None,
        _greatest(told.get("Current.Import")),
        _greatest(told.get("Voltage")),
        _greatest(told.get("SoC")),
    )


def _greatest(samples: Sequence[Sample] | None) -> float | None:
    """The largest value over the phases: what a chart shows."""
    return float(max(sample.value or 0 for sample in samples)) if samples else None


def keep_newest(gauges: dict[int, Gauge], session: Any, at: datetime, values: Values) -> None:
    """Keep the newest of each value; what one instant did not tell stays from the one before."""
    before = gauges.get(session.id)
    first = before.counted_from_wh if before is not None else None
    if before is not None and before.at > at:
        return
    told = (
        values
        if before is None
        else Values(
            _either(values.register_wh, before.register_wh),
            _either(values.power_w, before.power_w),
            None,
            None,
            _either(values.soc_percent, before.soc_percent),
        )
    )
    gauges[session.id] = Gauge(
        session.id,
        session.tenant_id,
        session.station_id,
        at,
        told.register_wh,
        told.power_w,
        told.soc_percent,
        _first_known(session.meter_start_wh, session.first_register_wh, first, told.register_wh),
    )


def _first_known(*values: Decimal | None) -> Decimal | None:
    return next((value for value in values if value is not None), None)


def _either(new: Any, old: Any) -> Any:
    return old if new is None else new


def _while_running(name: str) -> str:
    kept = f"COALESCE(new.{name}, old.{name})"
    return f"CASE WHEN old.state = '{SessionState.CHARGING}' THEN {kept} ELSE old.{name} END"


#: A late reading does not turn live numbers back; a value that was not reported stays.
_SHOW = BulkUpdate(
    _SESSION,
    (
        *("last_reading_at", "last_power_w", "last_soc_percent", "first_register_wh"),
        *("last_register_wh", "energy_wh"),
    ),
    values={
        "last_power_w": "COALESCE(new.last_power_w, old.last_power_w)",
        "last_soc_percent": "COALESCE(new.last_soc_percent, old.last_soc_percent)",
        "first_register_wh": "COALESCE(old.first_register_wh, new.first_register_wh)",
        "last_register_wh": _while_running("last_register_wh"),
        "energy_wh": _while_running("energy_wh"),
    },
    only="(old.last_reading_at IS NULL OR old.last_reading_at <= new.last_reading_at)",
)
_SEEN_AT = bindparam("seen_at", type_=_SESSION.c.last_reading_at.type)
#: An assumed end moves to the readings that came after it (FIELD X7).
_MOVE_END = (
    update(_SESSION)
    .where(
        _SESSION.c.id == bindparam("session"),
        and_(_SESSION.c.provisional, _SESSION.c.billing == BillingState.OPEN),
        _SESSION.c.ended_at < _SEEN_AT,
        or_(_SESSION.c.last_reading_at.is_(None), _SESSION.c.last_reading_at <= _SEEN_AT),
    )
    .values(ended_at=_SEEN_AT)
)


def show(db: Session, gauges: Iterable[Gauge]) -> None:
    """Bring sessions up to date with their newest readings."""
    newest = {gauge.session_id: gauge for gauge in gauges}
    if not newest:
        return
    before = {row.id: row for row in db.execute(_BEFORE, {"sessions": list(newest)}).all()}
    shown = [
        (
            gauge.session_id,
            gauge.at,
            gauge.power_w,
            gauge.soc_percent,
            gauge.counted_from_wh,
            gauge.register_wh,
            _energy(before.get(gauge.session_id), gauge),
        )
        for gauge in newest.values()
    ]
    ended = [
        {"session": row.id, "seen_at": newest[row.id].at}
        for row in before.values()
        if row.provisional
    ]
    if ended:
        db.connection().execute(_MOVE_END, ended)
    _SHOW(db, shown)


def _energy(before: Any, gauge: Gauge) -> Decimal | None:
    """The live energy with this reading; None leaves it as it is."""
    told = before is not None and before.state == SessionState.CHARGING
    if not told or gauge.register_wh is None or before.last_register_wh is None:
        return None
    since = before.last_reading_at or before.started_at
    return live_energy(
        before.energy_wh, before.last_register_wh, since, gauge.register_wh, gauge.at
    )
