"""Variables by which a 2.x station tells the state of its plugs, as a StatusNotification does.

`AvailabilityState` of a Connector, an EVSE or the ChargingStation is that state
itself (2.0.1 G01.FR.03 to 07); `Problem`, `Tripped` and `Fault` of those are a fault.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.device.variable_names import VariableName
from app.domain.ground.vocabulary import Activity, Availability, ConnectorRef, StatusReport
from app.models import Connector, Station, StatusEvent

STATE = "availabilitystate"
TROUBLES = frozenset({"problem", "tripped", "fault"})
#: The components that stand for plugs; the greatest first, for a plug's own word counts last.
_PLACES = ("chargingstation", "evse", "connector")
#: What a whole EVSE may be called whichever of its plugs is in use, and a whole station.
_OF_ALL = frozenset({Availability.AVAILABLE, Availability.UNAVAILABLE, Availability.FAULTED})
#: A greater number is no plug's.
_MOST = 10_000


def is_trouble(name: VariableName) -> bool:
    """Whether the variable says that something is wrong."""
    return name.variable.casefold() in TROUBLES and name.attribute == "actual"


def is_yes(value: str | None) -> bool:
    """Whether a variable's text means true."""
    return (value or "").strip().casefold() in ("true", "1")


def follow_all(
    db: Session, station: Station, told: Iterable[tuple[VariableName, str | None]], *, now: datetime
) -> None:
    """Take in the states among the variables of a report."""
    mine = [one for one in told if one[0].component.casefold() in _PLACES]
    for name, value in sorted(mine, key=lambda one: _PLACES.index(one[0].component.casefold())):
        follow(db, station, name, value, at=now, now=now)


def follow(
    db: Session,
    station: Station,
    name: VariableName,
    value: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Let the plugs that a variable stands for show what it says; most variables say nothing."""
    variable = name.variable.casefold()
    if name.attribute != "actual" or name.component.casefold() not in _PLACES or value is None:
        return
    if variable == STATE:
        _state(db, station, name, value, at, now)
    elif variable in TROUBLES:
        for plug in _plugs(db, station, name):
            _trouble(db, station, plug, name.variable, is_yes(value), at, now)


def _state(
    db: Session, station: Station, name: VariableName, value: str, at: datetime, now: datetime
) -> None:
    word = value.strip().capitalize()
    known = {one.value: one for one in Availability if one is not Availability.UNKNOWN}
    availability = known.get(word.casefold())
    plugs = _plugs(db, station, name)
    whole = name.component.casefold() == "chargingstation" or len(plugs) > 1
    if availability is None or (whole and availability not in _OF_ALL):
        return
    for plug in plugs:
        told = StatusReport(plug, availability, None, word, at)
        reports.status(db, station, told, now=now)


def _trouble(
    db: Session,
    station: Station,
    plug: ConnectorRef,
    variable: str,
    present: bool,
    at: datetime,
    now: datetime,
) -> None:
    """A trouble is a fault of the plug; over, the plug is again what it was before."""
    row = reports.connector_of(db, station, plug)
    if present:
        told = StatusReport(
            plug, Availability.FAULTED, Activity.NONE, "Faulted", at, error_code=variable[:60]
        )
    elif row.availability is Availability.FAULTED and row.error_code == variable[:60]:
        before = _before(db, row)
        if before is None:
            told = StatusReport(plug, Availability.AVAILABLE, None, "Available", at)
        else:
            told = StatusReport(plug, before.availability, before.activity, before.status_word, at)
    else:
        return
    reports.status(db, station, told, now=now)


def _before(db: Session, row: Connector) -> StatusEvent | None:
    """The last status of a plug that was no fault."""
    return db.scalar(
        select(StatusEvent)
        .where(
            StatusEvent.station_id == row.station_id,
            StatusEvent.evse == row.evse,
            StatusEvent.connector == row.connector,
            StatusEvent.availability != Availability.FAULTED,
        )
        .order_by(StatusEvent.id.desc())
        .limit(1)
    )


def _plugs(db: Session, station: Station, name: VariableName) -> list[ConnectorRef]:
    """The plugs that a component stands for; none where it names one that cannot be."""
    kind, evse = name.component.casefold(), name.evse
    if kind == "chargingstation":
        return [ConnectorRef(0)]
    if evse is None or not 0 < evse <= _MOST:
        return []
    if kind == "connector":
        number = 1 if name.connector is None else name.connector
        return [ConnectorRef(evse, number)] if 0 < number <= _MOST else []
    known = db.scalars(
        select(Connector.connector).where(
            Connector.station_id == station.id, Connector.evse == evse
        )
    )
    return [ConnectorRef(evse, number) for number in known] or [ConnectorRef(evse)]
