"""What the pages show of a station's device model, its settings, monitors and events."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.device import device_model
from app.domain.device.device_events import SEVERE
from app.domain.device.settings import drifted
from app.domain.device.variable_names import VariableName, name_of
from app.domain.ground.vocabulary import CommandState, Order
from app.models import (
    Command,
    DeviceEvent,
    DisplayMessage,
    Station,
    StationVariable,
    VariableMonitor,
)
from app.queries.ground.paging import Page, Wish, alike, fetch, like

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
        query = query.where(_holding(q))
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


def texts(db: Session, station: Station, limit: int = 200) -> list[DisplayMessage]:
    """The texts of a station, those that are gone last, newest first."""
    gone = DisplayMessage.state.in_(("cleared", "rejected"))
    query = (
        select(DisplayMessage)
        .where(DisplayMessage.station_id == station.id)
        .order_by(gone, DisplayMessage.changed_at.desc(), DisplayMessage.id.desc())
    )
    return list(db.scalars(query.limit(limit)))


#: Settings that a form offers to choose from.
OFFERED = 500
_READINGS = (Order.READ_SETTINGS, Order.READ_BASE_REPORT)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as its row is shown."""

    row: StationVariable
    key: str
    secret: bool
    drifted: bool

    @property
    def value(self) -> str | None:
        """What the station told last."""
        return self.row.value

    @property
    def read_only(self) -> bool:
        """Whether the station said that it cannot be changed."""
        return self.row.writable is False

    @property
    def waits(self) -> bool:
        """Whether a change was accepted and has not been told back yet."""
        row = self.row
        if row.wanted_at is None or self.drifted:
            return False
        return row.reboot_required or row.reported_at is None or row.reported_at < row.wanted_at


def shown(row: StationVariable) -> Setting:
    """A row with what is worked out from it."""
    name = name_of(row)
    return Setting(row, name.text, name.secret, drifted(row))


def _holding(q: str) -> ColumnElement[bool]:
    key = StationVariable.key.like(like(q.casefold()), escape="\\")
    return or_(key, alike(like(q), StationVariable.value))


def of(station: Station) -> Select[Any]:
    """The variables that are settings: plain keys, or of 2.x what may be written."""
    query = select(StationVariable).where(StationVariable.station_id == station.id)
    if device_model.has_plain_keys(station):
        return query.where(StationVariable.component == "")
    writable = or_(StationVariable.writable.is_(True), StationVariable.wanted_at.is_not(None))
    return query.where(StationVariable.component != "", writable)


def listed(db: Session, station: Station, q: str, show: str, wish: Wish) -> Page:
    """A page of settings, narrowed by text and by what is asked to be shown."""
    query = of(station)
    if q:
        query = query.where(_holding(q))
    if show == "set":
        query = query.where(StationVariable.wanted_at.is_not(None))
    if show == "drifted":
        numbers = [row.id for row in drifting(db, station)]
        query = query.where(StationVariable.id.in_(numbers))
    sorts: dict[str, Any] = {
        "key": StationVariable.key,
        "told": StationVariable.reported_at,
        "set": StationVariable.wanted_at,
    }
    page = fetch(db, query, wish, sorts, default="key", noun="settings")
    return replace(page, rows=[shown(row) for row in page.rows])


def offered(db: Session, station: Station) -> list[Setting]:
    """Settings that may be changed, for a list to choose from."""
    query = of(station).where(
        or_(StationVariable.writable.is_(None), StationVariable.writable.is_(True))
    )
    rows = db.scalars(query.order_by(StationVariable.key).limit(OFFERED))
    return [one for one in map(shown, rows) if not one.secret]


def total(db: Session, station: Station) -> int:
    """How many settings are known."""
    return db.scalar(select(func.count()).select_from(of(station).subquery())) or 0


def drifting(db: Session, station: Station | None = None) -> list[StationVariable]:
    """Settings whose told value is not the wanted one, of one station or of all in use."""
    query = select(StationVariable).where(
        StationVariable.wanted_at.is_not(None),
        StationVariable.wanted.is_not(None),
        ~StationVariable.reboot_required,
        or_(StationVariable.value.is_(None), StationVariable.value != StationVariable.wanted),
    )
    if station is not None:
        query = query.where(StationVariable.station_id == station.id)
    else:
        query = query.join(StationVariable.station).where(Station.archived_at.is_(None))
    rows = db.scalars(query.order_by(StationVariable.reported_at.desc()))
    return [row for row in rows if drifted(row)]


def read_at(db: Session, station: Station) -> datetime | None:
    """When all settings were read last."""
    readings = db.scalars(
        select(Command)
        .where(
            Command.station_id == station.id,
            Command.order.in_(_READINGS),
            Command.state == CommandState.ACCEPTED,
        )
        .order_by(Command.id.desc())
        .limit(20)
    )
    whole = next((row for row in readings if not row.arguments.get("keys")), None)
    return whole.settled_at if whole is not None else None


def asked(
    db: Session, station: Station, orders: tuple[Order, ...], limit: int = 4
) -> list[Command]:
    """The newest commands of some kinds."""
    query = select(Command).where(Command.station_id == station.id, Command.order.in_(orders))
    return list(db.scalars(query.order_by(Command.id.desc()).limit(limit)))
