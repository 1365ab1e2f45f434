"""What the pages show of a station's monitors and what it noticed, and of its display's texts."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domain.device.device_events import SEVERE
from app.models import DeviceEvent, DisplayMessage, Station, VariableMonitor


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
