"""What a live page shows of running sessions: their newest readings, and their energy so far."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.bulk import among
from app.domain.energy import POWER, billing_register, live_energy
from app.domain.energy.readings import REGISTER, total_of
from app.domain.vocabulary import BillingState, Sample, SessionState
from app.models import ChargingSession

_SESSION: Any = ChargingSession.__table__
_RUNNING = _SESSION.c.state == SessionState.CHARGING
_ASSUMED = and_(_SESSION.c.provisional, _SESSION.c.billing == BillingState.OPEN)
_BEFORE = select(
    _SESSION.c.id,
    _SESSION.c.started_at,
    _SESSION.c.last_register_wh,
    _SESSION.c.last_reading_at,
    _SESSION.c.energy_wh,
).where(among(_SESSION.c.id, "sessions"), _RUNNING)


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


_SEEN_AT = bindparam("seen_at", type_=_SESSION.c.last_reading_at.type)
_POWER = bindparam("power", type_=_SESSION.c.last_power_w.type)
_SOC = bindparam("soc", type_=_SESSION.c.last_soc_percent.type)
_REGISTER = bindparam("register", type_=_SESSION.c.last_register_wh.type)
_FIRST = bindparam("first", type_=_SESSION.c.first_register_wh.type)
_ENERGY = bindparam("energy", type_=_SESSION.c.energy_wh.type)
#: A late reading does not turn live numbers back; a value that was not reported stays.
_SHOW = (
    update(_SESSION)
    .where(
        _SESSION.c.id == bindparam("session"),
        or_(_SESSION.c.last_reading_at.is_(None), _SESSION.c.last_reading_at <= _SEEN_AT),
    )
    .values(
        last_reading_at=_SEEN_AT,
        last_power_w=func.coalesce(_POWER, _SESSION.c.last_power_w),
        last_soc_percent=func.coalesce(_SOC, _SESSION.c.last_soc_percent),
        first_register_wh=func.coalesce(_SESSION.c.first_register_wh, _FIRST),
        last_register_wh=case(
            (_RUNNING, func.coalesce(_REGISTER, _SESSION.c.last_register_wh)),
            else_=_SESSION.c.last_register_wh,
        ),
        energy_wh=case(
            (_RUNNING, func.coalesce(_ENERGY, _SESSION.c.energy_wh)),
            else_=_SESSION.c.energy_wh,
        ),
        # An assumed end moves to the readings that came after it (FIELD X7).
        ended_at=case(
            (and_(_ASSUMED, _SESSION.c.ended_at < _SEEN_AT), _SEEN_AT),
            else_=_SESSION.c.ended_at,
        ),
    )
)


def show(db: Session, gauges: Iterable[Gauge]) -> None:
    """Bring sessions up to date with their newest readings."""
    newest = {gauge.session_id: gauge for gauge in gauges}
    if not newest:
        return
    before = {row.id: row for row in db.execute(_BEFORE, {"sessions": list(newest)}).all()}
    rows = [
        {
            "session": gauge.session_id,
            "seen_at": gauge.at,
            "power": gauge.power_w,
            "soc": gauge.soc_percent,
            "register": gauge.register_wh,
            "first": gauge.counted_from_wh,
            "energy": _energy(before.get(gauge.session_id), gauge),
        }
        for gauge in newest.values()
    ]
    db.connection().execute(_SHOW, rows)


def _energy(before: Any, gauge: Gauge) -> Decimal | None:
    """The live energy with this reading; None leaves it as it is."""
    if before is None or gauge.register_wh is None or before.last_register_wh is None:
        return None
    since = before.last_reading_at or before.started_at
    return live_energy(
        before.energy_wh, before.last_register_wh, since, gauge.register_wh, gauge.at
    )
