"""What the pages show of a station's settings: told, wanted, and where the two drift apart."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.device import device_model
from app.domain.device.settings import drifted
from app.domain.ground.vocabulary import CommandState, Order
from app.models import Command, Station, StationVariable
from app.queries.ground.paging import Page, Wish, fetch, like

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
    name = device_model.name_of(row)
    return Setting(row, name.text, name.secret, drifted(row))


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
        pattern = like(q.casefold())
        query = query.where(
            or_(
                StationVariable.key.like(pattern, escape="\\"),
                func.lower(StationVariable.value).like(pattern, escape="\\"),
            )
        )
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
