"""Commands: what staff asked of a station, and broadcasts: one order to many stations."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import BroadcastState, CommandState, Order
from app.models.base import AtStation, Base, BigId, Id, StationOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.stations import Station


class Command(AtStation, TenantOwned, Base):
    """An order to a station; `arguments` in the domain's words, `request` as it was sent.

    It must be *sent* before `expires_at`, or it never is.  `attempts` are the
    forms that were tried before the last one (see `app.domain.commands.orders.spec`), each
    with words (empty for the first), action, request, answer, state, sentence
    and latency_ms.  `subject` ties it to the row that it is about, as
    "reservation:7".
    """

    __tablename__ = "commands"
    __table_args__ = (
        Index("ix_commands_state_expires", "state", "expires_at"),
        Index("ix_commands_station_requested", "station_id", "requested_at"),
        Index("ix_commands_tenant_requested", "tenant_id", "requested_at"),
    )

    id: Mapped[Id]
    order: Mapped[Order] = mapped_column(choice(Order))
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[CommandState] = mapped_column(choice(CommandState), default=CommandState.QUEUED)
    sentence: Mapped[str | None] = mapped_column(String(500))
    action: Mapped[str | None] = mapped_column(String(60))
    request: Mapped[dict[str, Any] | None]
    answer: Mapped[dict[str, Any] | None]
    message_id: Mapped[str | None] = mapped_column(String(64))
    node: Mapped[str | None] = mapped_column(String(64))
    latency_ms: Mapped[float | None]
    requested_by: Mapped[str] = mapped_column(String(120))
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    session_id: Mapped[int | None] = mapped_column(BigId, index=True)
    attempts: Mapped[list[Any]] = mapped_column(default=list)
    subject: Mapped[str | None] = mapped_column(String(60))

    station: Mapped["Station"] = relationship()


# Broadcasts: one order to many stations, paced, each with its own command.


class Broadcast(TenantOwned, Base):
    """One order to every station of a filter.

    At most `at_once` are under way; when more than `stop_percent` of those that
    ended failed (None: never), the rest is not sent.  Each command lives `ttl_s`
    seconds before it was sent, or never is.  `goes_to` are the ids of all its stations, in
    order, until each has its row as a target; then None.
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
    goes_to: Mapped[list[Any] | None]


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
