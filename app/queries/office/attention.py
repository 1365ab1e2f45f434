"""What needs a person now: the first card of Home, most pressing first.

Each finding says what, since when and how much, in values; the words and the links are the
template's.  A finding is gone as soon as its cause is: what a person has solved is not shown.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models import DeviceEvent, Site, Station, StationReport
from app.queries.ground.findings import Finding
from app.queries.office import attention_devices as devices
from app.queries.office import attention_doors as doors
from app.queries.office import attention_money as money

__all__ = ["Finding", "findings", "visible"]


def findings(db: Session, *, tenant_id: int, now: datetime) -> list[Finding]:
    """Return everything that needs attention, most pressing first."""
    return [
        *devices.slow_workers(db, now),
        *devices.faulted(db, now),
        *devices.severe_events(db, tenant_id),
        *devices.offline(db, now),
        *devices.supplies(db, tenant_id, now),
        *money.held(db),
        *money.failed_receipts(db, tenant_id),
        *money.failed_mails(db, tenant_id),
        *money.endless(db, now),
        *money.unreachable_prices(db, now),
        *devices.security_events(db, tenant_id, now),
        *devices.signing(db),
        *devices.running_out(db, now),
        *devices.drifted(db),
        *devices.unmeasured(db, tenant_id, now),
        *devices.gaps(db, tenant_id, now),
        *money.stray_stops(db),
        *doors.unknown_tags(db, tenant_id, now),
        *doors.knocks(db, tenant_id, now),
        *doors.never_connected(db, tenant_id, now),
    ]


def visible(db: Session, tenant_id: int, kind: str, subject: str) -> bool:
    """Whether whoever asks may see what a finding of this kind is about."""
    row: Any = _ROWS.get(kind)
    if row is not None:
        number = int(subject[:18]) if subject.isascii() and subject.isdigit() else 0
        return db.scalar(select(row.id).where(row.id == number)) is not None
    if kind == "unmeasured":
        return visible(db, tenant_id, "station", subject.partition(":")[0])
    if kind == "unknown_tag":
        return doors.was_tapped(db, subject)
    if kind == "knock":
        return doors.has_knocked(db, tenant_id, subject)
    if kind == "failed_mails":
        return money.alone(db)
    return kind == "failed_receipts"


#: Kinds whose subject is the number of a row; what is out of reach is not found.
_ROWS = {
    "severe_event": DeviceEvent,
    "security_event": StationReport,
    "register_gap": StationReport,
    "supply_exceeded": Site,
    "station": Station,
}
