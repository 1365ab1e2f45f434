"""Broadcasts: one order to many stations, paced, each with its own command."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.ground.vocabulary import BroadcastState, Order
from app.models.base import Base, BigId, Id, StationOwned, TenantOwned, choice


class Broadcast(TenantOwned, Base):
    """One order to every station of a filter.

    At most `at_once` are under way; when more than `stop_percent` of those that
    ended failed (None: never), the rest is not sent.  Each command lives `ttl_s`
    seconds before it was sent, or never is.
    """

    __tablename__ = "broadcasts"

    id: Mapped[Id]
    order: Mapped[Order] = mapped_column(choice(Order))
    arguments: Mapped[dict[str, Any]]
    filter: Mapped[dict[str, Any]]
    at_once: Mapped[int] = mapped_column(default=10)
    stop_percent: Mapped[int | None]
    ttl_s: Mapped[int] = mapped_column(default=60)
    state: Mapped[BroadcastState] = mapped_column(
        choice(BroadcastState), default=BroadcastState.RUNNING
    )
    sentence: Mapped[str | None] = mapped_column(String(300))
    requested_by: Mapped[str] = mapped_column(String(120))
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class BroadcastTarget(StationOwned, Base):
    """One station of a broadcast.

    `state` is waiting, under_way, skipped (with a sentence), cancelled, or how
    its command ended.
    """

    __tablename__ = "broadcast_targets"
    __table_args__ = (
        Index("ix_broadcast_targets_broadcast", "broadcast_id", "state"),
        Index("ix_broadcast_targets_command", "command_id"),
    )

    id: Mapped[Id]
    broadcast_id: Mapped[int] = mapped_column(BigId, ForeignKey("broadcasts.id"))
    command_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20), default="waiting")
    sentence: Mapped[str | None] = mapped_column(String(300))
