"""Which workers live, and what follows for what a page may say of the stations they hold."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from app.domain.network.presence import ALIVE
from app.models import Connection, Station, WorkerNode


@dataclass(frozen=True, slots=True)
class Silence:
    """No worker answers; `since` is its last sign, None where none ever came."""

    since: datetime | None


def newest_beat(db: Session) -> datetime | None:
    """When any worker last said that it lives."""
    return db.scalar(select(func.max(WorkerNode.beat_at)))


def silence(db: Session, *, now: datetime) -> Silence | None:
    """Tell since when no worker answers; None while one does."""
    newest = newest_beat(db)
    if newest is not None and newest > now - ALIVE:
        return None
    return Silence(newest)


def connected(now: datetime) -> ColumnElement[bool]:
    """The condition that a living worker holds an open socket of the station."""
    holder = (
        select(Connection.id)
        .join(WorkerNode, WorkerNode.node == Connection.node)
        .where(
            Connection.id == Station.connection_id,
            Connection.closed_at.is_(None),
            WorkerNode.beat_at > now - ALIVE,
        )
        .exists()
    )
    return and_(Station.connection_id.is_not(None), holder)
