"""Commands: what staff asked of a station, and what came of it."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import CommandState, Order
from app.models.base import Base, BigId, Id, StationOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.stations import Station


class Command(StationOwned, TenantOwned, Base):
    """An order to a station; `arguments` in the domain's words, `request` as it was sent.

    It must be *sent* before `expires_at`, or it never is.  `attempts` are the
    forms that were tried before the last one (see `app.domain.commands.fallbacks`), each
    with words (empty for the first), action, request, answer, state, sentence
    and latency_ms.  `subject` ties it to the row that it is about, as
    "reservation:7".
    """

    __tablename__ = "commands"
    __table_args__ = (
        Index("ix_commands_state_expires", "state", "expires_at"),
        Index("ix_commands_station_requested", "station_id", "requested_at"),
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
