"""What the pages show of a station's device model: components, variables, monitors, events."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.device.device_events import SEVERE
from app.domain.device.device_model import name_of
from app.domain.device.variable_names import VariableName
from app.models import DeviceEvent, DisplayMessage, Station, StationVariable, VariableMonitor
from app.queries.ground.paging import like

#: Rows of the table of variables that are shown at once.
SHOWN = 400


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a station and how many variables it has."""

    name: VariableName
    variables: int

    @property
    def text(self) -> str:
        """Its name in one line."""
        return self.name.place


@dataclass(slots=True)
class Variable:
    """A variable with its attributes by their kind."""

    component: str
    text: str
    nature: StationVariable
    attributes: dict[str, StationVariable] = field(default_factory=dict)

    @property
    def secret(self) -> bool:
        """Whether its value is not kept."""
        return name_of(self.nature).secret


_PARTS = (
    StationVariable.component,
    StationVariable.component_instance,
    StationVariable.evse,
    StationVariable.connector,
)


def components(db: Session, station: Station) -> list[Component]:
    """The components of a station, in order of their names and places."""
    found = db.execute(
        select(*_PARTS, func.count())
        .where(
            StationVariable.station_id == station.id,
            StationVariable.component != "",
            StationVariable.attribute == "actual",
        )
        .group_by(*_PARTS)
    )
    listed = [
        Component(VariableName("", name, instance, evse, connector), count)
        for name, instance, evse, connector, count in found
    ]
    return sorted(
        listed,
        key=lambda one: (
            one.name.component.casefold(),
            one.name.component_instance or "",
            one.name.evse or 0,
            one.name.connector or 0,
        ),
    )


def variables(
    db: Session, station: Station, q: str, component: VariableName | None
) -> tuple[list[Variable], bool]:
    """The variables of a component, or those that fit a text; and whether there are more."""
    query = select(StationVariable).where(
        StationVariable.station_id == station.id, StationVariable.component != ""
    )
    if component is not None:
        for column, part in zip(
            _PARTS,
            (
                component.component,
                component.component_instance,
                component.evse,
                component.connector,
            ),
            strict=True,
        ):
            query = query.where(column.is_(None) if part is None else column == part)
    if q:
        pattern = like(q.casefold())
        query = query.where(
            or_(
                StationVariable.key.like(pattern, escape="\\"),
                func.lower(StationVariable.value).like(pattern, escape="\\"),
            )
        )
    rows = db.scalars(query.order_by(StationVariable.key).limit(SHOWN + 1)).all()
    found: dict[str, Variable] = {}
    for row in rows[:SHOWN]:
        name = name_of(row).of("actual")
        place, _, text = name.text.rpartition("/")
        one = found.setdefault(name.key, Variable(place, text, row))
        one.attributes[row.attribute] = row
    return list(found.values()), len(rows) > SHOWN


# What the pages show of a station's monitors and what it noticed, and of its display's texts.


def monitors(db: Session, station: Station, *, gone: bool = False) -> list[VariableMonitor]:
    """The monitors of a station; with `gone` also those that were cleared or refused."""
    query = select(VariableMonitor).where(VariableMonitor.station_id == station.id)
    if not gone:
        query = query.where(VariableMonitor.state.in_(("asked", "active", "rejected")))
    query = query.order_by(VariableMonitor.severity, VariableMonitor.id.desc())
    return list(db.scalars(query.limit(500)))


def events(station: Station, show: str) -> Select[Any]:
    """The events of a station: all, what went wrong, or what came as regular values."""
    query = select(DeviceEvent).where(DeviceEvent.station_id == station.id)
    regular = (DeviceEvent.origin == "stream") | (DeviceEvent.trigger == "periodic")
    if show == "values":
        return query.where(regular)
    if show == "open":
        return query.where(~DeviceEvent.cleared, DeviceEvent.severity <= SEVERE)
    return query if show == "all" else query.where(~regular)


def severe(limit: int = 100) -> Select[Any]:
    """Events in reach that need a person: severe and not cleared, newest first."""
    return (
        select(DeviceEvent)
        .where(~DeviceEvent.cleared, DeviceEvent.severity <= SEVERE)
        .order_by(DeviceEvent.at.desc())
        .limit(limit)
    )


def texts(db: Session, station: Station, limit: int = 200) -> list[DisplayMessage]:
    """The texts of a station, those that are gone last, newest first."""
    gone = DisplayMessage.state.in_(("cleared", "rejected"))
    query = (
        select(DisplayMessage)
        .where(DisplayMessage.station_id == station.id)
        .order_by(gone, DisplayMessage.changed_at.desc(), DisplayMessage.id.desc())
    )
    return list(db.scalars(query.limit(limit)))
