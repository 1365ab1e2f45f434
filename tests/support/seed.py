"""A small charging network that looks like a real one: for pages, screenshots and browser tests.

`fill(db, now)` adds everything and returns the rows by name; nothing is committed.  It plays at
Depot Nord on the day of `now`: see `seed_sessions` for the charging, `seed_log` for the messages.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session
from werkzeug.security import generate_password_hash

from app.domain.ground.vocabulary import Activity, Availability, Order, Role, Token
from app.domain.network import tenants
from app.domain.office.sign_ins import digest
from app.models import (
    ChargingSession,
    Connection,
    Connector,
    Driver,
    SignIn,
    Site,
    Station,
    Tag,
    Tariff,
    TariffVersion,
    User,
    WorkerNode,
)
from tests.support import seed_again, seed_log, seed_sessions

PASSWORD = "nine blue kilowatts"
ZONE = "Europe/Berlin"

DAY_AND_NIGHT = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "exclusive", "percent": "19"},
    "free_minutes": 0,
    "components": [
        {"kind": "start", "price": "0.50"},
        {
            "kind": "energy",
            "price": "0.32",
            "name": "night rate",
            "when": {"from": "20:00", "until": "08:00"},
        },
        {"kind": "energy", "price": "0.45", "name": "day rate"},
        {"kind": "idle", "price": "0.10", "grace_minutes": 10},
    ],
}


@dataclass
class Seeded:
    """What was made, by name."""

    now: datetime
    people: dict[str, User] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)
    drivers: dict[str, Driver] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    sessions: dict[str, ChargingSession] = field(default_factory=dict)
    version: Any = None


_lately = datetime.min.replace(tzinfo=UTC)


def lately() -> datetime:
    """Now or some seconds ago: what plays then is seeded once for many tests."""
    global _lately
    now = datetime.now(UTC)
    if now - _lately > timedelta(seconds=20):
        _lately = now
    return _lately


def fill(db: Session, now: datetime, *, history: int = 40) -> Seeded:
    """Add the network; `history` is the number of plain sessions of the days before."""
    made = Seeded(now)
    seed_again.fill(db, made, history, lambda: _fill(db, made, history))
    return made


def fill_online(db: Session, now: datetime) -> Seeded:
    """Add the network whose stations are online for minutes to come and take every order."""
    made = fill(db, now, history=0)
    for node in db.scalars(select(WorkerNode)):
        node.beat_at = now + timedelta(minutes=5)
    for station in made.stations.values():
        station.supported_orders = [order.value for order in Order]
    return made


def _fill(db: Session, made: Seeded, history: int) -> None:
    tenant = tenants.first(db, now=made.now)
    _people(db, made, tenant.id)
    _places(db, made, tenant.id)
    _drivers(db, made, tenant.id)
    _stations(db, made, tenant.id)
    seed_sessions.fill(db, made, history)
    seed_log.fill(db, made)
    db.flush()
    for person in made.people.values():
        let_in(db, person)
    db.flush()


def signed_in(app: Any, user: User) -> Any:
    """A test client whose cookie names this member of staff."""
    db = object_session(user)
    secret = cookie_of(user.id)
    if db.scalar(select(SignIn.id).where(SignIn.token_hash == digest(secret))) is None:
        let_in(db, user)
        db.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = secret, True
    return client


def cookie_of(user_id: int) -> str:
    """The secret in the cookie of a member of staff who was let in."""
    return f"seeded {user_id}"


def let_in(db: Session, user: User) -> None:
    """Give a member of staff a sign-in that lasts, and that no request writes to."""
    far = datetime(2100, 1, 1, tzinfo=UTC)
    db.add(
        SignIn(
            tenant_id=user.tenant_id,
            user_id=user.id,
            token_hash=digest(cookie_of(user.id)),
            made_at=user.created_at,
            seen_at=far,
            expires_at=far,
        )
    )


def _people(db: Session, made: Seeded, tenant_id: int) -> None:
    secret = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1000")
    for name, role in (
        ("Grace Hopper", Role.ADMIN),
        ("Otto Olsen", Role.OPERATOR),
        ("Vera Voss", Role.VIEWER),
    ):
        email = f"{name.split()[0].lower()}@example.org"
        made.people[role.value] = User(
            tenant_id=tenant_id,
            email=email,
            email_key=email,
            name=name,
            password_hash=secret,
            role=role,
            timezone=ZONE,
            language="en",
            created_at=made.now - timedelta(days=90),
        )
    db.add_all(made.people.values())


def _places(db: Session, made: Seeded, tenant_id: int) -> None:
    before = made.now - timedelta(days=90)
    tariff = Tariff(
        tenant_id=tenant_id,
        name="Kerb day/night",
        name_key="kerb day/night",
        currency="EUR",
        is_default=True,
        created_at=before,
    )
    db.add(tariff)
    db.flush()
    made.version = TariffVersion(
        tariff_id=tariff.id,
        number=7,
        definition=DAY_AND_NIGHT,
        created_at=before,
        created_by="Grace Hopper",
    )
    db.add(made.version)
    for name, address, zone, currency in (
        ("Depot Nord", "Hafenstraße 12, 20457 Hamburg", ZONE, "EUR"),
        ("City Garage", "Bahnhofstrasse 3, 8001 Zürich", "Europe/Zurich", "CHF"),
    ):
        made.sites[name] = Site(
            tenant_id=tenant_id,
            name=name,
            name_key=name.casefold(),
            address=address,
            timezone=zone,
            currency=currency,
            tariff_id=tariff.id if currency == "EUR" else None,
            created_at=before,
        )
    db.add_all(made.sites.values())
    db.flush()


def _drivers(db: Session, made: Seeded, tenant_id: int) -> None:
    before = made.now - timedelta(days=80)
    for name, card in (
        ("Ada Lovelace", "04:A2:19:B0"),
        ("Ben Franklin", "04:77:C1:0E"),
        ("Çağla Öztürk", "04:5D:33:F8"),
    ):
        email = f"{name.split()[0].lower()}@example.org".encode("ascii", "ignore").decode()
        driver = Driver(
            tenant_id=tenant_id,
            name=name,
            email=email,
            email_key=email,
            language="en",
            created_at=before,
        )
        db.add(driver)
        db.flush()
        token = Token(card)
        made.drivers[name.split()[0]] = driver
        made.tags[name.split()[0]] = Tag(
            tenant_id=tenant_id,
            value=card,
            key=token.key,
            bare_key=token.bare_key,
            label="card",
            driver_id=driver.id,
            created_at=before,
        )
    db.add_all(made.tags.values())
    db.flush()


def _stations(db: Session, made: Seeded, tenant_id: int) -> None:
    for number in range(1, 7):
        site = made.sites["Depot Nord" if number < 6 else "City Garage"]
        identity = f"CP-{number:02d}"
        station = Station(
            tenant_id=tenant_id,
            site_id=site.id,
            identity=identity,
            identity_key=identity.casefold(),
            name=f"{site.name.split()[0]} Row {'AAABBC'[number - 1]}",
            vendor="Alfen",
            model="Eve Double Pro",
            firmware="6.4.0-4210",
            serial=f"ACE04{number:05d}",
            protocol="ocpp1.6",
            supported_orders=[order.value for order in Order],
            max_power_w=22_000,
            connected_at=made.now - timedelta(days=2, hours=3),
            last_seen_at=made.now - timedelta(seconds=20),
            last_boot_at=made.now - timedelta(days=2, hours=3),
            created_at=made.now - timedelta(days=80),
        )
        db.add(station)
        db.flush()
        for evse in (1, 2):
            db.add(
                Connector(
                    station_id=station.id,
                    evse=evse,
                    plug_type="Type 2",
                    max_power_w=22_000,
                    availability=Availability.AVAILABLE,
                    activity=Activity.NONE,
                    status_word="Available",
                    status_at=made.now - timedelta(hours=1),
                    status_received_at=made.now - timedelta(hours=1),
                )
            )
        made.stations[identity] = station
    db.flush()
    _connect(db, made)
    _plug(made, "CP-03", 2, Availability.FAULTED, Activity.NONE, "Faulted", "GroundFailure")
    _plug(made, "CP-04", 1, Availability.OCCUPIED, Activity.CHARGING, "Charging")
    _plug(made, "CP-05", 1, Availability.OCCUPIED, Activity.SUSPENDED_EV, "SuspendedEV")


def _connect(db: Session, made: Seeded) -> None:
    """All stations but the last are held by a worker that stays alive for the day."""
    alive = made.now + timedelta(days=1)
    db.add(WorkerNode(node="seed", started_at=made.now - timedelta(days=3), beat_at=alive))
    for station in list(made.stations.values())[:-1]:
        opened = Connection(
            station_id=station.id,
            node="seed",
            address="198.51.100.20",
            protocol="ocpp1.6",
            opened_at=station.connected_at,
        )
        db.add(opened)
        db.flush()
        station.connection_id = opened.id
    off = made.stations["CP-06"]
    off.connected_at = None
    off.disconnected_at = off.last_seen_at = made.now - timedelta(hours=3)


def _plug(
    made: Seeded,
    name: str,
    evse: int,
    availability: Availability,
    activity: Activity,
    word: str,
    error: str | None = None,
) -> None:
    plug = made.stations[name].connectors[evse - 1]
    plug.availability, plug.activity, plug.status_word = availability, activity, word
    plug.error_code = error
