"""The message log: every OCPP frame, a call and its answer in one row."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.ground.vocabulary import MessageOutcome
from app.models.base import Base, BigId, Id, StationOwned, choice


class Message(StationOwned, Base):
    """One call with what came back, or a stray frame.

    `outbound` tells who called: False, the charger called us.  `request` and
    `response` are the payloads as JSON text, secrets redacted; `latency_ms` is
    from the call to its answer.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_station", "station_id", "id"),
        Index("ix_messages_session", "session_id"),
        Index("ix_messages_at", "at"),
    )

    id: Mapped[Id]
    connection_id: Mapped[int | None] = mapped_column(BigId)
    session_id: Mapped[int | None] = mapped_column(BigId)
    outbound: Mapped[bool] = mapped_column(default=False)
    message_id: Mapped[str] = mapped_column(String(255), default="")
    action: Mapped[str] = mapped_column(String(60), default="")
    request: Mapped[str] = mapped_column(Text, default="")
    response: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[MessageOutcome | None] = mapped_column(choice(MessageOutcome))
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_description: Mapped[str | None] = mapped_column(String(300))
    at: Mapped[datetime]
    latency_ms: Mapped[float | None]
