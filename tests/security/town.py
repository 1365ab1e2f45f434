"""Two companies in one installation, and within ours a site that some staff may not see.

`theirs` is another tenant; every text that a charger or a person can give there is poisoned with
markup and line breaks, and carries THEIRS.  `ours` has Depot Nord, whose texts carry HIDDEN, and
City Garage, the only site in reach of the staff whose names begin with `near_`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import Enum, String, Table, Text, func, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from app.domain.access import drivers, tag_groups, tags
from app.domain.ground.vocabulary import SYSTEM, Area, Right
from app.domain.office import audit, rights, staff
from app.domain.office.rights import BUILT_IN, Rights
from app.extensions import db as flask_db
from app.models import (
    Alert,
    AlertRule,
    ApiToken,
    AuthorityCertificate,
    Base,
    Bill,
    Broadcast,
    ChargingProfile,
    ChargingSession,
    Command,
    CustomerReport,
    DeviceEvent,
    Driver,
    DriverQuestion,
    FileJob,
    FirmwareFile,
    Message,
    NotedFault,
    OwnRole,
    Passkey,
    ReportSchedule,
    Reservation,
    SavedFilter,
    SignIn,
    Site,
    Station,
    StationCertificate,
    StationProfile,
    StationVariable,
    StrayStop,
    Tag,
    TagGroup,
    Tariff,
    Tenant,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests.security import furniture
from tests.support import seed

THEIRS, HIDDEN = "THEIRSzq", "HIDDENzq"
MARKUP = "<svg/onload=alert(1)>"

#: Columns that hold a key or a word of ours, never what a charger or a person wrote.
OURS = frozenset(
    {
        "timezone",
        "valid_from",
        "valid_until",
        "currency",
        "language",
        "digest",
        "start_key",
        "transaction_ref",
        "password_hash",
        "token_hash",
        "identity_key",
        "field_code",
        "credential_id",
        "public_key",
        "name_key",
        "email",
        "email_key",
        "key",
        "bare_key",
        "validation",
        "protocol",
        "reason",
        "occasion",
        "outcome",
        "kind",
        "decision",
        "event",
        "state",
        "purpose",
        "hint",
        "node",
        "status",
        "role",
        "unit",
    }
)
#: Roles of our own, and somebody who has each.
OWN_ROLES: dict[str, Rights] = {
    "clerk": {Area.MONEY: Right.READ},
    "tester": {Area.MONEY: Right.READ},
    "fitter": {Area.NETWORK: Right.WRITE, Area.COMMANDS: Right.WRITE, Area.DEVICE: Right.READ},
    "personnel": {Area.STAFF: Right.WRITE, Area.AUDIT: Right.READ},
}
#: Rows that the database itself refuses to change, and rows that belong to nobody.
LEFT_ALONE = frozenset({"bills", "bill_lines", "audit_entries", "tenants", "worker_nodes"})


@dataclass
class Side:
    """What one side of the town has: an id for every parameter of a URL."""

    tenant_id: int
    ids: dict[str, int]
    people: dict[str, str] = field(default_factory=dict)


@dataclass
class Town:
    """The application, and what there is in it."""

    app: Flask
    theirs: Side
    ours: Side
    hidden: Side
    near: Side

    def client(self, person: str = "admin", side: Side | None = None) -> Any:
        """A browser in which somebody of `side` (ours) is signed in; "" is nobody."""
        client = self.app.test_client()
        if person:
            with client.session_transaction() as cookie:
                cookie["_user_id"] = (side or self.ours).people[person]
                cookie["_fresh"] = True
        return client


def build(app: Flask, now: datetime) -> Town:
    """Fill the application's database."""
    with app.app_context():
        db = flask_db.session()
        theirs = network(db, now)
        _move_aside(db, theirs.tenant_id)
        poison(db, _rows_of_tenant(theirs.tenant_id), f"{MARKUP}{THEIRS}\r\nX-Forged: 1")
        ours = network(db, now)
        depot = _at_site(db, ours, "Depot Nord")
        garage = _at_site(db, ours, "City Garage")
        _near_people(db, ours, garage.ids["site_id"], now)
        _people_of_own_roles(db, ours, now)
        stations = select(Station.id).where(Station.site_id == depot.ids["site_id"])
        poison(db, _rows_of_stations(list(db.scalars(stations))), HIDDEN)
        for station in db.scalars(select(Station)):
            audit.note(db, SYSTEM, "station.register", station, now=now)
        db.commit()
        flask_db.session.remove()
    return Town(app, theirs, ours, depot, garage)


def network(db: Session, now: datetime) -> Side:
    """A tenant with everything that the seed knows, a group of tags and a token of its admin."""
    tenant = Tenant(name=f"Company {db.scalar(select(func.count(Tenant.id)))}", created_at=now)
    db.add(tenant)
    db.flush()
    with patch.object(seed.tenants, "first", lambda db, now: tenant):
        made = seed.fill(db, now, history=4)
    group = tag_groups.add(db, SYSTEM, tenant.id, now=now, name="Fleet")
    made.tags["Ada"].group_id = group.id
    admin = made.people["admin"]
    db.add(
        ApiToken(
            tenant_id=tenant.id,
            user_id=admin.id,
            name="Script",
            token_hash=f"{tenant.id:064}",
            hint="amp_1234",
            created_at=now,
        )
    )
    db.add(
        Passkey(
            tenant_id=tenant.id,
            user_id=admin.id,
            name="Phone",
            credential_id=f"{tenant.id:064}",
            public_key="",
            made_at=now,
        )
    )
    kept = {"page": "stations.index", "name": "Mine", "name_key": "mine", "query": "online=no"}
    db.add(SavedFilter(tenant_id=tenant.id, user_id=admin.id, created_at=now, **kept))
    furniture.furnish(db, tenant.id, now)
    furniture.ask(db, tenant.id, now)
    side = Side(tenant.id, {})
    for parameter, model in PARAMETERS.items():
        side.ids[parameter] = _some(db, model, tenant.id)
    side.people = {role: seed.cookie_of(person.id) for role, person in made.people.items()}
    return side


#: What the parameters of URLs are the ids of.
PARAMETERS: dict[str, Any] = {
    "station_id": Station,
    "site_id": Site,
    "session_id": ChargingSession,
    "bill_id": Bill,
    "stray_id": StrayStop,
    "question_id": DriverQuestion,
    "command_id": Command,
    "driver_id": Driver,
    "tag_id": Tag,
    "group_id": TagGroup,
    "tariff_id": Tariff,
    "user_id": User,
    "role_id": OwnRole,
    "token_id": ApiToken,
    "passkey_id": Passkey,
    "reservation_id": Reservation,
    "job_id": FileJob,
    "profile_id": ChargingProfile,
    "station_profile_id": StationProfile,
    "firmware_id": FirmwareFile,
    "broadcast_id": Broadcast,
    "report_id": CustomerReport,
    "certificate_id": StationCertificate,
    "event_id": DeviceEvent,
    "variable_id": StationVariable,
    "root_id": AuthorityCertificate,
    "sign_in_id": SignIn,
    "message_id": Message,
    "alert_id": Alert,
    "rule_id": AlertRule,
    "webhook_id": WebhookEndpoint,
    "delivery_id": WebhookDelivery,
    "fault_id": NotedFault,
    "schedule_id": ReportSchedule,
    "filter_id": SavedFilter,
}
#: Those that belong to a site.
AT_SITES = (
    *("station_id", "site_id", "session_id", "bill_id", "stray_id", "command_id"),
    *("question_id", "fault_id"),
    *("reservation_id", "job_id", "report_id", "certificate_id"),
    *("event_id", "variable_id", "station_profile_id", "message_id"),
    *("driver_id", "tag_id", "group_id", "alert_id"),
)


def _some(db: Session, model: Any, tenant_id: int, site_id: int | None = None) -> int:
    query = select(func.max(model.id))
    if hasattr(model, "tenant_id"):
        query = query.where(model.tenant_id == tenant_id)
    else:
        query = query.where(model.station_id.in_(_stations(tenant_id)))
    if site_id is not None and hasattr(model, "site_id"):
        query = query.where(model.site_id == site_id)
    elif site_id is not None and hasattr(model, "station_id"):
        query = query.where(
            model.station_id.in_(select(Station.id).where(Station.site_id == site_id))
        )
    return db.scalar(query) or 0


def _stations(tenant_id: int) -> Any:
    return select(Station.id).where(Station.tenant_id == tenant_id)


def _at_site(db: Session, side: Side, name: str) -> Side:
    site_id = db.scalar(select(Site.id).where(Site.tenant_id == side.tenant_id, Site.name == name))
    ids = {
        parameter: _some(db, PARAMETERS[parameter], side.tenant_id, site_id)
        for parameter in AT_SITES
        if parameter not in ("site_id", "driver_id", "tag_id", "group_id")
    }
    ids |= _people_at(db, side, site_id or 0, HIDDEN if name == "Depot Nord" else "Garage")
    return Side(side.tenant_id, {**ids, "site_id": site_id or 0})


def _people_at(db: Session, side: Side, site_id: int, name: str) -> dict[str, int]:
    """A driver, a group and a tag that belong to one site."""
    sites, now = frozenset({site_id}), datetime.now(UTC)
    given: dict[str, Any] = {"tenant_id": side.tenant_id, "now": now}
    group = tag_groups.add(db, SYSTEM, name=f"{name} fleet", site_ids=sites, **given)
    driver = drivers.add(db, SYSTEM, name=f"{name} driver", site_ids=sites, **given)
    tag = tags.add(
        db,
        SYSTEM,
        value=f"{name}{site_id}",
        label=f"{name} tag",
        driver_id=driver.id,
        group_id=group.id,
        site_ids=sites,
        **given,
    )
    return {"group_id": group.id, "driver_id": driver.id, "tag_id": tag.id}


def _near_people(db: Session, side: Side, site_id: int, now: datetime) -> None:
    site = db.get(Site, site_id)
    for role in BUILT_IN:
        user = User(
            tenant_id=side.tenant_id,
            email=f"near.{role}@example.org",
            email_key=f"near.{role}@example.org",
            name=f"Near {role}",
            role=role,
            created_at=now,
        )
        user.sites = [site]
        db.add(user)
        db.flush()
        seed.let_in(db, user)
        side.people[f"near_{role}"] = seed.cookie_of(user.id)


def _people_of_own_roles(db: Session, side: Side, now: datetime) -> None:
    for name, held in OWN_ROLES.items():
        role = rights.add_role(db, SYSTEM, side.tenant_id, name=name.title(), rights=held, now=now)
        user = staff.create(
            *(db, SYSTEM),
            tenant_id=side.tenant_id,
            email=f"{name}@example.org",
            name=name.title(),
            role=role.name,
            now=now,
        )
        seed.let_in(db, user)
        side.people[name] = seed.cookie_of(user.id)


def _move_aside(db: Session, tenant_id: int) -> None:
    """Make room for a second network: identities, addresses and nodes are unique everywhere."""
    for model, column in ((Station, "identity_key"), (User, "email_key")):
        for row in db.scalars(select(model).where(model.tenant_id == tenant_id)):
            setattr(row, column, f"{getattr(row, column)}.{tenant_id}")
    nodes = Base.metadata.tables["worker_nodes"]
    db.execute(update(nodes).values(node=nodes.c.node + f"-{tenant_id}"))
    db.flush()


def _rows_of_tenant(tenant_id: int) -> Any:
    stations = select(Station.__table__.c.id).where(Station.__table__.c.tenant_id == tenant_id)

    def owned(table: Table) -> Any:
        if "tenant_id" in table.c:
            return table.c.tenant_id == tenant_id
        return table.c.station_id.in_(stations) if "station_id" in table.c else None

    return owned


def _rows_of_stations(ids: list[int]) -> Any:
    def owned(table: Table) -> Any:
        if table.name == "stations":
            return table.c.id.in_(ids)
        return table.c.station_id.in_(ids) if "station_id" in table.c else None

    return owned


def unguard(db: Session) -> None:
    """Let rows be changed that bills rest on: what chargers tell stands in them, too."""
    guards = sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in db.scalars(guards).all():
        db.execute(sql(f'DROP TRIGGER "{name}"'))


def poison(db: Session, owned: Any, text: str) -> None:
    """Write `text` into every free text of the rows that `owned(table)` selects."""
    unguard(db)
    for table in Base.metadata.sorted_tables:
        condition = owned(table)
        if condition is None or table.name in LEFT_ALONE or "id" not in table.c:
            continue
        columns = [column for column in table.c if _is_free_text(column)]
        for row_id in db.scalars(select(table.c.id).where(condition)).all():
            values = {column.name: _fitting(column, text, row_id) for column in columns}
            if values:
                db.execute(update(table).where(table.c.id == row_id).values(values))
    db.flush()
    db.expire_all()


def _is_free_text(column: Any) -> bool:
    kind = column.type
    if column.name in OURS or isinstance(kind, Enum) or type(kind) not in (String, Text):
        return False
    return not column.foreign_keys


def _fitting(column: Any, text: str, row_id: int) -> str:
    """The text with the row's number, cut to the column; names must stay apart."""
    length = column.type.length or 2000
    return f"{text} {row_id}"[:length] if len(text) + 8 <= length else f"{text}"[:length]
