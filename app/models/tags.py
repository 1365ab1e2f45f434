"""Drivers: people who charge and get receipts; and tags: what they show, and what was decided."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import TagStatus, Verdict
from app.models.base import AtStation, Base, BigId, Id, Name, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.tariffs import Tariff

driver_sites = Table(
    "driver_sites",
    Base.metadata,
    Column("driver_id", BigId, ForeignKey("drivers.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)


class Driver(TenantOwned, Base):
    """A person; `language` is the one of the receipt (en, de).

    `statements`: each month they get a statement of their bills by mail, as they do where a
    group of one of their tags says so.

    `sites` says whose matter the driver is: staff of those sites may change them.  None: it
    is the whole organisation's.  Where a driver may charge is said by their tags.
    """

    __tablename__ = "drivers"
    __table_args__ = (UniqueConstraint("tenant_id", "email_key"),)

    id: Mapped[Id]
    name: Mapped[Name]
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(8), default="en")
    note: Mapped[str | None] = mapped_column(String(500))
    tariff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariffs.id"))
    archived_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    statements: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]

    tags: Mapped[list["Tag"]] = relationship(back_populates="driver")
    tariff: Mapped["Tariff | None"] = relationship()
    sites: Mapped[list["Site"]] = relationship(secondary=driver_sites)


class DriverStatement(TenantOwned, Base):
    """That a driver was mailed the statement of a month, and when last: never twice by itself."""

    __tablename__ = "driver_statements"
    __table_args__ = (UniqueConstraint("driver_id", "month"),)

    id: Mapped[Id]
    driver_id: Mapped[int] = mapped_column(BigId, ForeignKey("drivers.id"))
    month: Mapped[str] = mapped_column(String(7))
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[datetime]


class Forgetting(TenantOwned, Base):
    """That a driver's name, addresses and tags give way to a pseudonym: one row, never removed.

    `words` maps what is to go to what stands for it, until all of it is gone; `places` says for
    each long table up to which id it has yet to be looked through.  Until `names_gone_at` is
    set, in the unit of work that adds the row, the database lets names in the audit be replaced.
    """

    __tablename__ = "forgettings"

    id: Mapped[Id]
    driver_id: Mapped[int] = mapped_column(BigId, ForeignKey("drivers.id"), unique=True)
    pseudonym: Mapped[str] = mapped_column(String(60))
    words: Mapped[dict[str, Any]]
    places: Mapped[dict[str, Any]]
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[datetime]
    names_gone_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None] = mapped_column(index=True)


# Tags: what drivers show, the groups they form, and every decision about a tap.

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.stations import Station
    from app.models.tariffs import Tariff

tag_sites = Table(
    "tag_sites",
    Base.metadata,
    Column("tag_id", BigId, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)

tag_stations = Table(
    "tag_stations",
    Base.metadata,
    Column("tag_id", BigId, ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True),
    Column("station_id", BigId, ForeignKey("stations.id", ondelete="CASCADE"), primary_key=True),
)

tag_group_sites = Table(
    "tag_group_sites",
    Base.metadata,
    Column("group_id", BigId, ForeignKey("tag_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("site_id", BigId, ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True),
)


class TagGroup(TenantOwned, Base):
    """Tags of one group may stop each other's sessions; `parent` is OCPP's parentIdTag.

    `sites` says whose matter the group is, as it does of a driver.  The tags of a
    `master_pass` group end any session where they are allowed, and begin none (2.0.1 C16).
    """

    __tablename__ = "tag_groups"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    id: Mapped[Id]
    name: Mapped[Name]
    parent: Mapped[str] = mapped_column(String(36))
    tariff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tariffs.id"))
    master_pass: Mapped[bool] = mapped_column(default=False, server_default=false())
    statements: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime]

    tariff: Mapped["Tariff | None"] = relationship()
    sites: Mapped[list["Site"]] = relationship(secondary=tag_group_sites)


class Tag(TenantOwned, Base):
    """A card, fob or app token.  No `sites` and no `stations` means: everywhere.

    `key` is the case-folded, trimmed value and `bare_key` the same without
    separators (FIELD X13).  `concurrent_limit` None means: no limit.
    """

    __tablename__ = "tags"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        Index("ix_tags_tenant_bare_key", "tenant_id", "bare_key"),
    )

    id: Mapped[Id]
    value: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255))
    bare_key: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(40), default="id_tag")
    label: Mapped[str | None] = mapped_column(String(120))
    status: Mapped[TagStatus] = mapped_column(choice(TagStatus), default=TagStatus.ACTIVE)
    expires_at: Mapped[datetime | None]
    concurrent_limit: Mapped[int | None]
    driver_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("drivers.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tag_groups.id"))
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    driver: Mapped["Driver | None"] = relationship(back_populates="tags")
    group: Mapped[TagGroup | None] = relationship()
    sites: Mapped[list["Site"]] = relationship(secondary=tag_sites)
    stations: Mapped[list["Station"]] = relationship(secondary=tag_stations)

    @property
    def site_ids(self) -> frozenset[int]:
        return frozenset(site.id for site in self.sites)

    @property
    def station_ids(self) -> frozenset[int]:
        """The single stations that it is for."""
        return frozenset(station.id for station in self.stations)


class Authorisation(AtStation, TenantOwned, Base):
    """One decision about a tap, kept with its reason and the facts behind it.

    `occasion` is authorize, start or stop; `reason` a stable code.
    """

    __tablename__ = "authorisations"
    __table_args__ = (Index("ix_authorisations_tenant_at", "tenant_id", "at"),)

    id: Mapped[Id]
    evse: Mapped[int | None]
    token: Mapped[str] = mapped_column(String(255), index=True)
    tag_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    session_id: Mapped[int | None] = mapped_column(BigId, index=True)
    occasion: Mapped[str] = mapped_column(String(20))
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    reason: Mapped[str] = mapped_column(String(40))
    sentence: Mapped[str] = mapped_column(String(500))
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]

    tag: Mapped[Tag | None] = relationship()
    station: Mapped["Station"] = relationship()
