"""The plain nouns: what each is called, how its rows are found and told, and what is done with one.

The API, the command line and the desk make their usual endpoints, commands and pages from these
records (`app/{api,cli,views}/ground/_plain.py`).  What is special of a noun stands beside them, in
the noun's own file on each floor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session, selectinload

from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import tags as tag_import
from app.domain.device import onboarding as boots
from app.domain.ground import texts
from app.domain.ground.rows import Column, read
from app.domain.ground.vocabulary import Actor
from app.domain.limits import profiles
from app.domain.money import tariff_book
from app.domain.network import sites, stations
from app.domain.office import (
    alert_rules,
    api_tokens,
    rights,
    schedules,
    second_factor,
    staff,
    webhooks,
)
from app.models import (
    AlertRule,
    ChargingProfile,
    Driver,
    OwnRole,
    ReportSchedule,
    Site,
    Station,
    Tag,
    TagGroup,
    Tariff,
    User,
    WebhookEndpoint,
)
from app.schemas.access import NewDriver, NewTag, NewTagGroup
from app.schemas.base import Schema
from app.schemas.limits import NewChargingProfile
from app.schemas.money import NewTariff
from app.schemas.network import NewSite, NewStation
from app.schemas.office import NewAlertRule, NewReportSchedule, NewWebhook
from app.schemas.staff import NewMachine, NewPerson, NewRole


@dataclass(frozen=True, slots=True)
class Resource:
    """A plain noun.

    `add(db, actor, tenant_id, now=…, **given)` and `edit(db, actor, row, now=…, **given)` take
    what is given by the names of the noun's `schema`; `archive` and `restore` take a row,
    `named(db, tenant_id, text)` finds one by what people call it, `called`.  `key` is a row's
    number in an address, `order` that of a list, `loaded` what a list needs of other tables;
    `numbered(db, number)` finds one where its table holds others, too.
    """

    noun: str
    model: Any
    schema: type[Schema]
    add: Callable[..., Any]
    edit: Callable[..., Any]
    named: Callable[..., Any]
    key: str
    order: Sequence[Any]
    archive: Callable[..., Any] | None = None
    restore: Callable[..., Any] | None = None
    columns: Sequence[Column] = ()
    loaded: Sequence[Any] = ()
    called: str = "name"
    numbered: Callable[[Session, int], Any] | None = None

    def name_of(self, row: Any) -> str:
        """What people call a row."""
        return str(getattr(row, self.called))

    def only(self, names: str) -> list[Column]:
        """The columns of these names, in the noun's order."""
        return [column for column in self.columns if column[0] in names.split()]


def operations(module: ModuleType, **own: Any) -> dict[str, Any]:
    """What is done with a noun: by the operations of its module, but for those of its `own`."""
    usual = ("add", "edit", "archive", "restore", "named")
    return {name: getattr(module, name) for name in usual if hasattr(module, name)} | own


def members(schema: type[Schema]) -> list[Column]:
    """Columns of what a row is given, in the schema's order; of other rows the tariff's name."""
    names = [
        "tariff=tariff.name" if name == "tariff_id" else name
        for name in schema.model_fields
        if name == "tariff_id" or not name.endswith(("_id", "_ids"))
    ]
    return read(" ".join(names))


def _driver(db: Session, tenant_id: int, who: str, *, archived: bool = False) -> Driver:
    """Find a driver by e-mail address, name, or id (archived ones, too)."""
    driver = db.get(Driver, texts.row_id(who) or 0)
    if driver is not None and driver.tenant_id == tenant_id:
        return driver
    return drivers.named(db, tenant_id, who, archived=archived)


SITES = Resource(
    noun="site",
    model=Site,
    schema=NewSite,
    **operations(sites),
    key="site_id",
    order=(Site.name_key,),
    columns=[
        *read("id"),
        *members(NewSite),
        ("stations", lambda site: sum(s.archived_at is None for s in site.stations)),
        *read("archived_at"),
    ],
)
TAG_GROUPS = Resource(
    noun="group",
    model=TagGroup,
    schema=NewTagGroup,
    **operations(tag_groups),
    key="group_id",
    order=(TagGroup.name, TagGroup.id),
    columns=[*read("id"), *members(NewTagGroup)],
    loaded=[selectinload(TagGroup.sites)],
)
DRIVERS = Resource(
    noun="driver",
    model=Driver,
    schema=NewDriver,
    **operations(drivers, named=_driver),
    key="driver_id",
    order=(func.lower(Driver.name), Driver.id),
    columns=[
        *read("id"),
        *members(NewDriver),
        ("tags", lambda row: [tag.value for tag in row.tags if tag.archived_at is None]),
        *read("archived_at"),
    ],
    loaded=[selectinload(Driver.sites)],
)


def _names(rows: Sequence[Any], name: str) -> str | None:
    return f" {tag_import.PARTING} ".join(getattr(row, name) for row in rows) or None


TAGS = Resource(
    noun="tag",
    model=Tag,
    schema=NewTag,
    **operations(tags),
    key="tag_id",
    order=(Tag.key,),
    called="value",
    columns=[
        *read("id tag=value label"),
        ("driver", lambda tag: (tag.driver.email or tag.driver.name) if tag.driver else None),
        *read("group=group.name status expires=expires_at limit=concurrent_limit"),
        ("sites", lambda tag: _names(tag.sites, "name")),
        ("stations", lambda tag: _names(tag.stations, "identity")),
        *read("archived_at"),
    ],
    loaded=[selectinload(Tag.sites), selectinload(Tag.stations)],
)


PROFILES = Resource(
    noun="charging profile",
    model=ChargingProfile,
    schema=NewChargingProfile,
    **operations(profiles),
    key="profile_id",
    order=(ChargingProfile.name, ChargingProfile.id),
)


def _edit_station(
    db: Session,
    actor: Actor,
    station: Station,
    *,
    now: datetime,
    onboarding: dict[str, Any] | None = None,
    **given: Any,
) -> None:
    if onboarding is not None:
        boots.change(db, actor, station, onboarding, now=now)
    if given:
        stations.edit(db, actor, station, now=now, **given)


STATIONS = Resource(
    noun="station",
    model=Station,
    schema=NewStation,
    add=stations.register,
    edit=_edit_station,
    archive=stations.archive,
    restore=stations.restore,
    named=stations.called,
    key="station_id",
    order=(Station.identity_key,),
    called="identity",
    loaded=[selectinload(Station.connectors)],
)


def _edit_tariff(
    db: Session,
    actor: Actor,
    tariff: Tariff,
    *,
    now: datetime,
    default: bool | None = None,
    **given: Any,
) -> None:
    if given:
        tariff_book.edit(db, actor, tariff, now=now, **given)
    if default is not None:
        tariff_book.set_default(db, actor, tariff, default, now=now)


TARIFFS = Resource(
    noun="tariff",
    model=Tariff,
    schema=NewTariff,
    **operations(tariff_book, add=tariff_book.create, edit=_edit_tariff),
    key="tariff_id",
    order=(Tariff.name_key,),
    loaded=[selectinload(Tariff.versions)],
)
ALERT_RULES = Resource(
    noun="alert rule",
    model=AlertRule,
    schema=NewAlertRule,
    **operations(alert_rules),
    key="rule_id",
    order=(AlertRule.name_key,),
    columns=[
        *read("id"),
        *members(NewAlertRule),
        ("sites", lambda rule: [site.name for site in rule.sites]),
        *read("archived_at"),
    ],
    loaded=[selectinload(AlertRule.sites)],
)
ROLES = Resource(
    noun="role",
    model=OwnRole,
    schema=NewRole,
    add=rights.add_role,
    edit=rights.edit_role,
    named=rights.own,
    key="role_id",
    order=(OwnRole.name_key,),
)
STAFF = Resource(
    noun="member of staff",
    model=User,
    schema=NewPerson,
    **operations(staff, add=staff.create, named=lambda db, _, email: staff.by_email(db, email)),
    key="user_id",
    order=(User.email_key,),
    columns=[
        *read("id email name role=role_name owner=owner.email"),
        ("sites", lambda user: [site.name for site in user.sites]),
        *read("timezone language"),
        ("has_password", lambda user: user.password_hash is not None),
        ("second_factor", second_factor.has_one),
        *read("last_sign_in_at archived_at"),
    ],
    loaded=[selectinload(User.sites)],
    numbered=staff.get,
)
MACHINES = Resource(
    noun="machine",
    model=User,
    schema=NewMachine,
    add=api_tokens.add_machine,
    edit=api_tokens.edit_machine,
    named=STAFF.named,
    key="user_id",
    order=STAFF.order,
    numbered=api_tokens.machine,
)
WEBHOOKS = Resource(
    noun="webhook",
    model=WebhookEndpoint,
    schema=NewWebhook,
    **operations(webhooks),
    key="webhook_id",
    order=(WebhookEndpoint.name_key,),
)
REPORT_SCHEDULES = Resource(
    noun="report schedule",
    model=ReportSchedule,
    schema=NewReportSchedule,
    **operations(schedules),
    key="schedule_id",
    order=(ReportSchedule.name_key,),
    columns=[
        *read("id name kind by every file_format timezone recipients site=site.name"),
        *read("next_run_at archived_at"),
    ],
)
