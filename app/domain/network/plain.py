"""Plain rows of what the road of hot messages needs to know, loaded for many stations at once.

They bear the names of the models' columns, so that the rules work on either; nothing of them is
written by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.bulk_read import BulkRead
from app.domain.ground.vocabulary import Json, Registration, StationMode
from app.models import Site, Station

_STATION = Station.__table__
_SITE = Site.__table__


@dataclass(slots=True)
class SiteRow:
    """What of a site a session needs."""

    id: int
    name: str
    timezone: str
    currency: str
    tariff_id: int | None


@dataclass(slots=True)
class StationRow:
    """What of a station its messages need, as it is in this unit of work."""

    id: int
    tenant_id: int
    site_id: int
    identity: str
    mode: StationMode
    registration: Registration
    access_epoch: int
    connection_id: int | None
    quirks: Json
    tariff_id: int | None
    clock_offset_s: int | None
    clock_samples: list[Any] | None
    connected_at: datetime | None
    last_boot_at: datetime | None
    site: SiteRow


_STATIONS = BulkRead(
    select(
        *(_STATION.c[name] for name in ("id", "tenant_id", "site_id", "identity", "mode")),
        *(_STATION.c[name] for name in ("registration", "access_epoch", "connection_id")),
        *(_STATION.c[name] for name in ("quirks", "tariff_id")),
        *(_STATION.c[name] for name in ("clock_offset_s", "clock_samples")),
        *(_STATION.c[name] for name in ("connected_at", "last_boot_at")),
        *(_SITE.c[name] for name in ("id", "name", "timezone", "currency", "tariff_id")),
    )
    .join(_SITE, _SITE.c.id == _STATION.c.site_id)
    .where(among(_STATION.c.id, "stations"))
)
_OWN = 14


def stations(db: Session, station_ids: Iterable[int]) -> dict[int, StationRow]:
    """The rows of these stations, by id."""
    found = {}
    for row in _STATIONS(db, stations=set(station_ids)):
        own: list[Any] = [*row[:_OWN], SiteRow(*row[_OWN:])]
        found[row[0]] = StationRow(*own)
    return found
