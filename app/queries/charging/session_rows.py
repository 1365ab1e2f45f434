"""Charging sessions as the rows of a file: plain columns, nothing loaded as an object."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased

from app.domain.ground.vocabulary import BillKind
from app.models import Bill, ChargingSession, Driver, Site, Station
from app.queries.charging.sessions import Filter
from app.queries.ground.paging import in_pieces, narrowed


class SessionRow(NamedTuple):
    """One session; what it cost is by the bill that stands, `site_…` is on its site's clock."""

    session: int
    station: str
    connector: int
    site: str
    driver: str | None
    tag: str
    started: datetime
    ended: datetime | None
    site_started: str
    site_ended: str | None
    duration_s: int | None
    idle_s: int | None
    state: str
    provisional: bool
    unauthorised: bool
    stop_reason: str | None
    energy_wh: Decimal
    register_start_wh: Decimal | None
    register_stop_wh: Decimal | None
    billing: str
    bill: str | None
    currency: str
    net_minor: int | None
    tax_minor: int | None
    total_minor: int | None
    flags: str


_LATER: Any = aliased(Bill)
_NEWEST = select(func.max(_LATER.sequence)).where(_LATER.session_id == ChargingSession.id)
_STANDS = and_(
    Bill.session_id == ChargingSession.id,
    Bill.sequence == _NEWEST.scalar_subquery(),
    Bill.kind != BillKind.CREDIT,
)
#: What both files tell of a session, where it was and whose.  It stands last among their columns:
#: the first one says whose rows may be seen.
OF_SESSION: dict[str, Any] = {
    "station": Station.identity,
    "site": Site.name,
    "driver": Driver.name,
    "started": ChargingSession.started_at,
    "ended": ChargingSession.ended_at,
    "timezone": ChargingSession.timezone,
    "idle_s": Bill.facts["idle_s"].as_string(),
}
_OWN = ("state", "provisional", "unauthorised", "energy_wh", "billing", "currency", "flags")
_COLUMNS: dict[str, Any] = {
    **{name: getattr(ChargingSession, name) for name in _OWN},
    "session": ChargingSession.id,
    "connector": ChargingSession.evse,
    "tag": ChargingSession.token,
    "stop_reason": ChargingSession.stop_word,
    "register_start_wh": ChargingSession.meter_start_wh,
    "register_stop_wh": ChargingSession.meter_stop_wh,
    "bill": Bill.number,
    "net_minor": Bill.net_minor,
    "tax_minor": Bill.tax_minor,
    "total_minor": Bill.gross_minor,
    **OF_SESSION,
}


def rows(db: Session, wanted: Filter) -> Iterator[SessionRow]:
    """Yield the sessions of a filter, the newest first."""
    query = (
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .select_from(ChargingSession)
        .join(Station, Station.id == ChargingSession.station_id)
        .join(Site, Site.id == ChargingSession.site_id)
        .outerjoin(Driver, Driver.id == ChargingSession.driver_id)
        .outerjoin(Bill, _STANDS)
        .where(narrowed(wanted.select(db)))
    )
    for row in in_pieces(db, query, (ChargingSession.started_at, ChargingSession.id)):
        yield as_named(SessionRow, row, flags=" | ".join(row.flags))


def as_named(kind: Any, row: Any, **more: Any) -> Any:
    """A row as a named tuple, with what its session's times, its site's clock and its bill tell."""
    known = {
        "site_started": on_clock(row.started, row.timezone),
        "site_ended": on_clock(row.ended, row.timezone),
        "duration_s": None if row.ended is None else int((row.ended - row.started).total_seconds()),
        "idle_s": whole(row.idle_s),
        **more,
    }
    return kind(*(known[name] if name in known else getattr(row, name) for name in kind._fields))


def on_clock(at: datetime | None, timezone: str) -> str | None:
    """A time on the clock of a site, with its offset."""
    return None if at is None else at.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def whole(value: Any) -> int | None:
    """A number that a bill's facts hold; None for what is none."""
    try:
        return None if value is None else int(value)
    except ValueError:
        return None
