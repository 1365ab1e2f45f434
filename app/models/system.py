"""The message log, and what the parts of the installation last said of themselves."""

from datetime import datetime

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.domain.ground.vocabulary import MessageOutcome
from app.models.base import Base, BigId, Id, SiteOwned, StationOwned, TenantOwned, choice


class SystemMark(Base):
    """The last sign of a part that has no row of its own, such as the sweep.

    `ok` is how it went and `since` when it began to go like that; it pauses `until` then.
    """

    __tablename__ = "system_marks"

    part: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    ok: Mapped[bool] = mapped_column(default=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    sentence: Mapped[str] = mapped_column(String(300), default="")


class SchemaSupport(Base):
    """With the tables as `revision` left them, code that knows `oldest` may still go on."""

    __tablename__ = "schema_support"

    revision: Mapped[str] = mapped_column(String(32), primary_key=True)
    oldest: Mapped[str] = mapped_column(String(32))


class AttentionSeen(TenantOwned, Base):
    """Something that needed attention and has no end of its own, until a person had seen it.

    `subject` names it within its `kind`; what happens after `up_to` is news again.
    """

    __tablename__ = "attention_seen"
    __table_args__ = (UniqueConstraint("tenant_id", "kind", "subject"),)

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(300))
    up_to: Mapped[datetime]
    seen_by: Mapped[str] = mapped_column(String(120))
    at: Mapped[datetime]


class SupplyExcess(SiteOwned, Base):
    """A time in which a site drew more than its supply gives, last noted `last_at`.

    It is open while `ended_at` is None and it was noted lately.
    """

    __tablename__ = "supply_excesses"
    __table_args__ = (Index("ix_supply_excesses_last_at", "last_at"),)

    id: Mapped[Id]
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    peak_w: Mapped[float]
    limit_w: Mapped[float]


# The message log: every OCPP frame, a call and its answer in one row.


#: The messages that are in an index by how they ended; a query says it in the same words.
UNANSWERED = "outcome IS NULL OR outcome <> 'answered'"


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
        Index("ix_messages_message_id", "message_id"),
        # Nearly all are answered: what is not is few among many.
        Index(
            *("ix_messages_unanswered", "outcome", "id"),
            sqlite_where=text(UNANSWERED),
            postgresql_where=text(UNANSWERED),
        ),
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
