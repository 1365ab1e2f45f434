"""Alerts: the rules that say what is watched and who is told, and what was found by them."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import AlertKind
from app.models.base import Base, BigId, Id, Name, SiteOwned, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.staff import User
    from app.models.stations import Station

alert_rule_sites = Table(
    "alert_rule_sites",
    Base.metadata,
    Column("rule_id", BigId, ForeignKey("alert_rules.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)


class AlertRule(TenantOwned, Base):
    """What is watched, where, and who is told.  No `sites` means: everywhere else.

    Of one kind there is one rule for each site, and one for all the others: a narrower rule
    replaces the general one.  `minutes` is how long it has to last, `days` how long before its
    end something is found that ends (None: as is usual); mails wait from `quiet_from` to
    `quiet_until` (on the clock of `timezone`); what nobody has acknowledged `escalate_after`
    minutes after it was told is told to `escalate_to`.
    """

    __tablename__ = "alert_rules"
    __table_args__ = (UniqueConstraint("tenant_id", "name_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    name_key: Mapped[str] = mapped_column(String(120))
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    minutes: Mapped[int] = mapped_column(default=0)
    days: Mapped[int | None]
    mail_to: Mapped[list[Any]] = mapped_column(default=list)
    quiet_from: Mapped[str | None] = mapped_column(String(5))
    quiet_until: Mapped[str | None] = mapped_column(String(5))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    escalate_after: Mapped[int | None]
    escalate_to: Mapped[list[Any]] = mapped_column(default=list)
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    sites: Mapped[list["Site"]] = relationship(secondary=alert_rule_sites)


class Alert(SiteOwned, Base):
    """Something that a rule found, until it is over.  Of no site: it concerns the organisation.

    `subject` names it within its `kind`: the index lets it be open but once.  `began_at` is when
    it began, `opened_at` when it was noticed.  `told_at` is when the mail about it left, None
    while it waits for the end of quiet hours or of a snooze; `over_told_at` that about its end.
    Closed by a person (`closed_by`) while it `goes_on`, it is not opened again before it is over.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            *("uq_alerts_open", "tenant_id", "kind", "subject"),
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_alerts_tenant_opened", "tenant_id", "opened_at"),
        Index("ix_alerts_closed_at", "closed_at"),
        Index(
            *("ix_alerts_goes_on", "tenant_id"),
            sqlite_where=text("goes_on"),
            postgresql_where=text("goes_on"),
        ),
    )

    id: Mapped[Id]
    site_id: Mapped[int | None] = mapped_column(  # type: ignore[assignment]
        BigId, ForeignKey("sites.id"), index=True
    )
    station_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("stations.id"))
    rule_id: Mapped[int] = mapped_column(BigId, ForeignKey("alert_rules.id"))
    kind: Mapped[AlertKind] = mapped_column(choice(AlertKind))
    subject: Mapped[str] = mapped_column(String(300))
    what: Mapped[str] = mapped_column(String(300))
    began_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(120))
    goes_on: Mapped[bool] = mapped_column(default=False, server_default=false())
    told_at: Mapped[datetime | None]
    over_told_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(120))
    snoozed_until: Mapped[datetime | None]
    assigned_to_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
    note: Mapped[str | None] = mapped_column(String(500))

    rule: Mapped[AlertRule] = relationship()
    site: Mapped["Site | None"] = relationship()
    station: Mapped["Station | None"] = relationship()
    assigned_to: Mapped["User | None"] = relationship()

    @property
    def label(self) -> str:
        """What people call it."""
        return self.what
