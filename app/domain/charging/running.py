"""Running sessions: the one that an order is about, and what live pages show of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.domain.charging.energy import POWER, billing_register, live_energy
from app.domain.charging.energy.readings import REGISTER, total_of
from app.domain.ground.bulk import BulkUpdate, among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.domain.ground.vocabulary import Arguments, BillingState, Sample, SessionState
from app.domain.network.plugs import AnyStation
from app.models import ChargingSession, Station

_SESSION = ChargingSession.__table__


@dataclass(slots=True)
class Shown:
    """What of a session's row the readings change, and what decides how."""

    id: int
    state: SessionState
    billing: BillingState
    provisional: bool
    started_at: datetime
    ended_at: datetime | None
    last_reading_at: datetime | None
    last_power_w: float | None
    last_soc_percent: float | None
    first_register_wh: Decimal | None
    last_register_wh: Decimal | None
    energy_wh: Decimal


_ASKED = among(_SESSION.c.id, "sessions")
_ROWS = (
    select(*(_SESSION.c[name] for name in Shown.__slots__)).where(_ASKED).order_by(_SESSION.c.id)
)
_BEFORE = BulkRead(_ROWS.with_for_update())
_FREE = BulkRead(_ROWS.with_for_update(skip_locked=True))
_THERE = BulkRead(select(_SESSION.c.id).where(_ASKED))


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


def _either(new: object, old: object) -> Any:
    return old if new is None else new


#: What the newest readings change of a running session's row.
SHOWN = (
    *("last_reading_at", "last_power_w", "last_soc_percent"),
    *("first_register_wh", "last_register_wh", "energy_wh"),
)
_SHOW = BulkUpdate(_SESSION, SHOWN)
#: And of one with an assumed end: its register stays, and its end moves.
_MOVE = BulkUpdate(_SESSION, (*SHOWN, "ended_at"))


def show(db: Session, gauges: Iterable[Gauge], *, wait: bool = True) -> list[Gauge]:
    """Bring sessions up to date with their newest readings.

    Those whose rows somebody else holds are waited for, or else left out: returns their gauges.
    """
    newest = {gauge.session_id: gauge for gauge in gauges}
    if not newest:
        return []
    shown: list[Shown] = []
    moved: list[Shown] = []
    rows = (_BEFORE if wait else _FREE)(db, sessions=list(newest))
    for session in (Shown(*row) for row in rows):
        if take_in(session, newest[session.id]):
            running = session.state is SessionState.CHARGING
            (shown if running else moved).append(session)
    _SHOW(db, [[one.id, *(getattr(one, name) for name in SHOWN)] for one in shown])
    _MOVE(db, [[one.id, *(getattr(one, name) for name in SHOWN), one.ended_at] for one in moved])
    left = newest.keys() - {row.id for row in rows}
    return [newest[row.id] for row in _THERE(db, sessions=left)]


def take_in(session: Any, gauge: Gauge) -> bool:
    """Bring the row of a session up to date; False where its readings are newer than these.

    A late reading does not turn live numbers back; a value that was not reported stays.
    """
    before = session.last_reading_at
    if before is not None and before > gauge.at:
        return False
    if session.state is SessionState.CHARGING:
        session.energy_wh = _energy(session, gauge)
        session.last_register_wh = _either(gauge.register_wh, session.last_register_wh)
    elif session.provisional and session.billing is BillingState.OPEN:
        # An assumed end moves to the readings that came after it (FIELD X7).
        session.ended_at = max(session.ended_at, gauge.at)
    session.last_reading_at = gauge.at
    session.last_power_w = _either(gauge.power_w, session.last_power_w)
    session.last_soc_percent = _either(gauge.soc_percent, session.last_soc_percent)
    session.first_register_wh = _either(session.first_register_wh, gauge.counted_from_wh)
    return True


def _energy(session: Any, gauge: Gauge) -> Decimal:
    """The live energy with this reading."""
    so_far_wh: Decimal = session.energy_wh
    if gauge.register_wh is None or session.last_register_wh is None:
        return so_far_wh
    since = session.last_reading_at or session.started_at
    return live_energy(so_far_wh, session.last_register_wh, since, gauge.register_wh, gauge.at)


def numbered(db: Session, station: Station, number: int) -> ChargingSession:
    """Return the session of a station with our number; raises `NotFound`."""
    session = db.get(ChargingSession, number)
    if session is None or session.station_id != station.id:
        raise NotFound(f"{station.identity} has no session {number}.", field="session_id")
    return session


def named(db: Session, station: Station, checked: Arguments) -> ChargingSession | None:
    """Return the session that the arguments name, None where they name none.

    It has to be charging, with a transaction.  Raises `NotFound` or `Conflict`.
    """
    if number := checked.get("session_id"):
        session, label, field = numbered(db, station, number), f"session {number}", "session_id"
    elif reference := checked.get("transaction_ref"):
        label, field = f"transaction {reference}", "transaction_ref"
        found = by_reference(db, station, reference)
        if found is None:
            raise NotFound(f"{station.identity} has no {label}.", field=field)
        session = found
    else:
        return None
    if session.state is not SessionState.CHARGING or session.transaction_ref is None:
        raise Conflict(f"{label.capitalize()} is not charging any more.", field=field)
    return session


def needed(db: Session, station: Station, checked: Arguments) -> ChargingSession:
    """Like `named`, but one has to be named."""
    session = named(db, station, checked)
    if session is None:
        raise Invalid("Say which session it is about.", field="session_id")
    return session


def at_evse(db: Session, station: Station, evse: int) -> ChargingSession | None:
    """Return the newest running session at an EVSE."""
    return next(iter(open_sessions(db, station, evse)), None)


def open_sessions(
    db: Session, station: AnyStation, evse: int | None = None
) -> list[ChargingSession]:
    """Return the station's running sessions, newest first; of one EVSE when given."""
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.state == SessionState.CHARGING
    )
    if evse is not None:
        query = query.where(ChargingSession.evse == evse)
    return list(db.scalars(query.order_by(ChargingSession.id.desc())))


def by_reference(
    db: Session, station: AnyStation, reference: str | None, *, locked: bool = False
) -> ChargingSession | None:
    """Find a session by OCPP's transaction id, running or not, within its station only.

    Ids are easy to guess: another station's id is an unknown one (CVE-2026-28230).
    """
    if not reference:
        return None
    query = select(ChargingSession).where(
        ChargingSession.station_id == station.id, ChargingSession.transaction_ref == reference
    )
    return db.scalar(query.with_for_update() if locked else query)


# One transaction id for two sessions of a station: the newest bears it, others it with a number.
# 1.6 has ids of ours, which are no session's of 2.x, whoever bears them.

#: Before the id in the start key of a session whose id is the station's own.
OF_STATION = "ref|"
_LONGEST_STEM = 56


def stem_of(ref: str) -> str:
    """What the numbers of sessions that stood aside from an id follow."""
    return f"{ref[:_LONGEST_STEM]}#"


def stood_aside(ref: str) -> ColumnElement[bool]:
    """Of sessions that stood aside from an id; ids that differ in their case only are two."""
    stem = stem_of(ref)
    return func.substr(_SESSION.c.transaction_ref, 1, len(stem)) == stem


def is_ours(session: Any) -> bool:
    """Whether we numbered the transaction of a session (its row of any kind)."""
    return not session.start_key.startswith(OF_STATION)


def by_number(db: Session, station_id: int, number: str) -> ChargingSession | None:
    """Find the session of a number that stood aside, locked, as 1.6 still names it."""
    ours = ~ChargingSession.start_key.startswith(OF_STATION)
    query = select(ChargingSession).where(
        ChargingSession.station_id == station_id, stood_aside(number), ours
    )
    return db.scalar(query.with_for_update())
