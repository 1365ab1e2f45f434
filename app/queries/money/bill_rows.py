"""Bills as the rows of a file: plain columns, nothing loaded as an object."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import Bill, ChargingSession, Driver, Receipt, Site, Station
from app.queries.charging.session_rows import as_named, on_clock
from app.queries.ground.paging import in_pieces, narrowed
from app.queries.money.bills import Filter


class BillRow(NamedTuple):
    """One bill; `duration_s` is that of its session, `site_…` is on its site's clock."""

    number: str
    kind: str
    issued_at: datetime
    site_issued_at: str
    issued_by: str
    session: int
    driver: str | None
    station: str
    site: str
    site_started: str
    site_ended: str | None
    duration_s: int | None
    idle_s: int | None
    energy_wh: Decimal
    currency: str
    net_minor: int
    tax_minor: int
    gross_minor: int
    reason: str | None
    receipt: str | None
    sent_at: datetime | None
    digest: str | None


_COLUMNS: dict[str, Any] = {
    "number": Bill.number,
    "kind": Bill.kind,
    "issued_at": Bill.issued_at,
    "issued_by": Bill.issued_by,
    "session": Bill.session_id,
    "driver": Driver.name,
    "station": Station.identity,
    "site": Site.name,
    "timezone": ChargingSession.timezone,
    "started": ChargingSession.started_at,
    "ended": ChargingSession.ended_at,
    "idle_s": Bill.facts["idle_s"].as_string(),
    "energy_wh": Bill.energy_wh,
    "currency": Bill.currency,
    "net_minor": Bill.net_minor,
    "tax_minor": Bill.tax_minor,
    "gross_minor": Bill.gross_minor,
    "reason": Bill.reason,
    "receipt": Receipt.state,
    "sent_at": Receipt.sent_at,
    "digest": Bill.digest,
}


def rows(db: Session, wanted: Filter) -> Iterator[BillRow]:
    """Yield the bills of a filter, the newest first."""
    query = (
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .select_from(Bill)
        .join(ChargingSession, ChargingSession.id == Bill.session_id)
        .join(Station, Station.id == ChargingSession.station_id)
        .join(Site, Site.id == Bill.site_id)
        .outerjoin(Driver, Driver.id == Bill.driver_id)
        .outerjoin(Receipt, Receipt.bill_id == Bill.id)
        .where(narrowed(wanted.select(db)))
    )
    for row in in_pieces(db, query, (Bill.issued_at, Bill.id)):
        issued = on_clock(row.issued_at, row.timezone)
        yield as_named(BillRow, row, site_issued_at=issued)
