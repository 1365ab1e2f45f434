"""Webhooks: the endpoints that programs of others listen at, and what was delivered to them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import DeliveryState
from app.models.base import Base, BigId, Id, Name, TenantOwned, choice


class WebhookEndpoint(TenantOwned, Base):
    """An address that is told of `events`: words of `WebhookEvent`, each with since when.

    `secret` is sealed with the installation's key, because it has to sign; the `old_secret` is
    good until `old_secret_until`.
    After failures nothing is sent before `retry_at`; `failing_since` is when they began, and
    `disabled_at` when nothing was sent any more, by a person or (`disabled_why`) by us.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (UniqueConstraint("tenant_id", "name_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    name_key: Mapped[str] = mapped_column(String(120))
    url: Mapped[str] = mapped_column(String(500))
    events: Mapped[dict[str, Any]]
    secret: Mapped[str] = mapped_column(String(300))
    old_secret: Mapped[str | None] = mapped_column(String(300))
    old_secret_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    retry_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_why: Mapped[str | None] = mapped_column(String(300))
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class WebhookDelivery(TenantOwned, Base):
    """One event for one endpoint: `body` is what is sent, the same each time it is tried.

    `key` names the event, so that it is delivered but once; `message_id` is the receiver's key.
    `status`, `latency_ms`, `answer` (its first bytes) and `error` are of the last try.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "key"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
        # What waits is little among much.
        Index(
            *("ix_webhook_deliveries_waiting", "endpoint_id", "next_try_at"),
            sqlite_where=text("state IN ('queued', 'sending')"),
            postgresql_where=text("state IN ('queued', 'sending')"),
        ),
    )

    id: Mapped[Id]
    endpoint_id: Mapped[int] = mapped_column(BigId, ForeignKey("webhook_endpoints.id"))
    event: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(120))
    message_id: Mapped[str] = mapped_column(String(64))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(
        choice(DeliveryState), default=DeliveryState.QUEUED
    )
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    status: Mapped[int | None]
    latency_ms: Mapped[float | None]
    answer: Mapped[str | None] = mapped_column(String(500))
    error: Mapped[str | None] = mapped_column(String(300))
    happened_at: Mapped[datetime]
    created_at: Mapped[datetime]

    endpoint: Mapped[WebhookEndpoint] = relationship()


class WebhookMark(Base):
    """How far events of a kind were read off their table: rows since `at`, of ids from `floor` on.

    See `app.queries.office.happenings`.
    """

    __tablename__ = "webhook_marks"

    event: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    floor: Mapped[int] = mapped_column(BigId, default=0)
