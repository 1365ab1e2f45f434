"""Who knocked, who was let in, and which worker holds it."""

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Base, BigId, Id, StationOwned

if TYPE_CHECKING:
    from app.models.stations import Station


class WorkerNode(Base):
    """A worker process; it is alive while `beat_at` is fresh, without a pause since `started_at`.

    `lag_ms` is how late its loop was at worst since the beat before; `slow_ms` and `slow_at` are of
    the last beat at which that was too much.  `spooled` messages, of `spooled_bytes`, wait in its
    spool since `spooled_since`: they came while the database was away.
    """

    __tablename__ = "worker_nodes"

    node: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    lag_ms: Mapped[int] = mapped_column(default=0)
    slow_ms: Mapped[int | None]
    slow_at: Mapped[datetime | None]
    spooled: Mapped[int] = mapped_column(default=0, server_default="0")
    spooled_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    spooled_since: Mapped[datetime | None]


class Connection(StationOwned, Base):
    """One accepted WebSocket; its id is the epoch: the higher one is the newer one.

    `booted_at` is when the station first told over it that it had booted.
    """

    __tablename__ = "connections"
    __table_args__ = (
        Index("ix_connections_station_opened", "station_id", "opened_at"),
        # The open ones are few among many: workers look for theirs every few seconds.
        Index(
            *("ix_connections_open", "station_id", "node"),
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Id]
    station_id: Mapped[int] = mapped_column(BigId, ForeignKey("stations.id"))
    node: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    protocol: Mapped[str | None] = mapped_column(String(20))
    security_profile: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    booted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_code: Mapped[int | None]
    close_reason: Mapped[str | None] = mapped_column(String(120))

    station: Mapped["Station"] = relationship()


class HandshakeAttempt(Base):
    """An attempt to connect; equal refusals within a minute share one row (`count`).

    `reason` is a stable code, `sentence` says it in plain words.  Rows of
    unknown identities belong to no tenant and are shown to every tenant's
    admins only while the installation has a single tenant.
    """

    __tablename__ = "handshake_attempts"
    __table_args__ = (Index("ix_handshake_attempts_last_at", "last_at"),)

    id: Mapped[Id]
    tenant_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tenants.id"))
    station_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("stations.id"), index=True)
    identity: Mapped[str] = mapped_column(String(128))
    path: Mapped[str] = mapped_column(String(300))
    address: Mapped[str] = mapped_column(String(64))
    subprotocols: Mapped[str] = mapped_column(String(200), default="")
    had_credentials: Mapped[bool] = mapped_column(default=False)
    accepted: Mapped[bool] = mapped_column(default=False)
    status: Mapped[int]
    reason: Mapped[str] = mapped_column(String(40))
    sentence: Mapped[str] = mapped_column(String(300))
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]

    station: Mapped["Station | None"] = relationship()
