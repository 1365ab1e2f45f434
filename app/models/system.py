"""What the parts of the installation last said of themselves, and what people have seen of it."""

from datetime import datetime

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, Id, SiteOwned, TenantOwned


class SystemMark(Base):
    """The last sign of a part that has no row of its own, such as the sweep.

    `ok` is how it went and `since` when it began to go like that.
    """

    __tablename__ = "system_marks"

    part: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    ok: Mapped[bool] = mapped_column(default=True)
    since: Mapped[datetime]
    sentence: Mapped[str] = mapped_column(String(300), default="")


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
    """A time in which a site drew more than its supply gives; open while `ended_at` is None."""

    __tablename__ = "supply_excesses"
    __table_args__ = (Index("ix_supply_excesses_last_at", "last_at"),)

    id: Mapped[Id]
    began_at: Mapped[datetime]
    last_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    peak_w: Mapped[float]
    limit_w: Mapped[float]
