"""Stations: who they are, how they connect, and how they stand now."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.api.ground._shapes import Body
from app.domain.device import onboarding
from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Registration, StationMode
from app.domain.network import plugs, stations
from app.domain.network.presence import connected
from app.domain.network.quirks import QUIRKS
from app.models import Connector, Site, Station
from app.resource import STATIONS
from app.uow import unit_of_work

noun = Noun("stations", "Chargers: registered, changed, archived, and what is known of them now.")
blueprint = noun.blueprint

VALIDATIONS = ("strict", "tolerant")

CONNECTOR = _rows.shape(
    "Connector",
    "A plug as last reported; `evse` 0 is the station itself. `stale`: not confirmed since the "
    "station last connected. `status_word` is the status as the station spelled it.",
    Connector,
    without=("id", "station_id"),
)
STATION = _rows.shape(
    "Station",
    "A charger. `registration` is how its next boot is answered, `booted_registration` how the "
    "last one was.",
    Station,
    without=(
        *("identity_key", "connection_id", "boot_raw"),
        *("access_epoch", "serial_key", "certificate_name_key"),
    ),
    connected=s.boolean("A living worker holds its open socket."),
    connectors=s.listed(CONNECTOR),
)
REGISTERED = s.Shape(
    "RegisteredStation",
    "A new station. `password` is told this once; null when one was chosen.",
    {**STATION.members, "password": s.text(null=True, read=lambda row: row.told)},
)
CREDENTIALS = s.Shape(
    "Credentials",
    "The new password is told this once; null when one was chosen.",
    {"station_id": s.integer(), "username": s.text(), "password": s.text(null=True)},
)

#: What a station may be given, new or old.
DETAILS = {
    "name": s.text(most=120),
    "note": s.text(most=500, null=True),
    "security_profile": s.integer("0, 1, 2 or 3.", least=0, most=3),
    "registration": s.word(Registration, "How its next boot is answered; blocked: it is refused."),
    "mode": s.word(StationMode, "Who may charge: nobody, listed tags, or everybody."),
    "validation": s.word(VALIDATIONS, "Null: as the installation.", null=True),
    "username_alias": s.text(most=64, null=True),
    "quirks": s.free("What its firmware needs: " + ", ".join(QUIRKS) + "."),
    "onboarding": s.free(
        "What it is sent after a boot: read, ask_boot, local_list (true or left out), triggers "
        "(a list), settings (key: value). Empty: nothing."
    ),
    "tariff_id": s.row_id("Null: as the site.", null=True),
    "max_power_w": s.number(null=True),
    "connectors": s.integer("Number of plugs.", least=0, most=plugs.MOST),
    "plug_type": s.word(plugs.TYPES, null=True),
}
NEW = Body(
    "NewStation",
    "A station to be registered. Without a password one is made.",
    {"identity": s.text(least=1, most=48), "site_id": s.row_id()},
    {"password": s.text("8 to 64 characters.", most=64, null=True), **DETAILS},
    example={"identity": "CP-7", "site_id": 1, "connectors": 2},
)
CHANGES = Body(
    "StationChanges",
    "What is to be different; the rest stays. `quirks` replaces all of them.",
    {},
    {"identity": s.text(least=1, most=48), "site_id": s.row_id(), **DETAILS},
    example={"registration": "pending"},
)
PASSWORD = Body(
    "NewCredentials",
    "Empty: a password is made.",
    {},
    {"password": s.text("8 to 64 characters.", most=64, null=True)},
)


def _see(ask: Ask, found: list[Station]) -> None:
    """Note on each station whether it is connected."""
    ids = [station.id for station in found]
    online = set(ask.db.scalars(select(Station.id).where(Station.id.in_(ids), connected(ask.now))))
    for station in found:
        station.connected = station.id in online  # type: ignore[attr-defined]


plain = Plain(noun, STATIONS, STATION, seen=_see)
plain.list(
    "The stations in reach, in the order in which they were registered.",
    {
        "identity": (
            s.text("In any case.", most=64),
            lambda _, identity: Station.identity_key == texts.key(identity),
        ),
        "site_id": s.row_id(),
        "registration": s.word(Registration),
        "mode": s.word(StationMode),
        "protocol": s.text("As ocpp1.6.", most=20),
        "connected": (
            s.boolean(),
            lambda ask, there: connected(ask.now) if there else ~connected(ask.now),
        ),
        "archived": s.boolean("True: those in the archive instead."),
    },
)
plain.show("One station with its connectors and their statuses.")
plain.archive("Put a station away: it may no longer connect, its history stays.", 409)
plain.restore("Take a station out of the archive.", 409)


@noun.post(
    "/stations",
    "operator",
    "Register a station",
    body=NEW,
    answers={201: REGISTERED},
    problems=(409,),
    secret=True,
)
def create(ask: Ask) -> Any:
    """Register a station; its password is in this answer and nowhere else."""
    given = dict(ask.body)
    wish = given.pop("onboarding", None)
    with unit_of_work() as db:
        station, clear = stations.register(
            db,
            ask.actor,
            ask.tenant_id,
            site_of(db, given.pop("site_id")),
            given.pop("identity"),
            now=ask.now,
            **given,
        )
        if wish:
            onboarding.change(db, ask.actor, station, wish, now=ask.now)
    station.told = clear
    return plain.made(ask, station)


@noun.patch(
    "/stations/{station_id}",
    "operator",
    "Change a station",
    body=CHANGES,
    answers={200: STATION},
    problems=(409,),
)
def edit(ask: Ask, station_id: int) -> Any:
    """Change what is given: registration, validation, security profile, quirks and the like."""
    station, given = ask.get(Station, station_id, "station"), dict(ask.body)
    wish = given.pop("onboarding", None)
    with unit_of_work() as db:
        if wish is not None:
            onboarding.change(db, ask.actor, station, wish, now=ask.now)
        if "site_id" in given:
            given["site"] = site_of(db, given.pop("site_id"))
        if given:
            stations.edit(db, ask.actor, station, now=ask.now, **given)
    return plain.told(ask, station)


@noun.post(
    "/stations/{station_id}/credentials",
    "operator",
    "Give a station a new password",
    body=PASSWORD,
    answers={200: CREDENTIALS},
    secret=True,
)
def credentials(ask: Ask, station_id: int) -> Any:
    """Make or set the password; an open connection stays, the next one needs the new one."""
    station, clear = ask.get(Station, station_id, "station"), None
    with unit_of_work() as db:
        if chosen := ask.body.get("password"):
            stations.set_password(db, ask.actor, station, chosen, now=ask.now)
        else:
            clear = stations.new_password(db, ask.actor, station, now=ask.now)
    name = station.username_alias or station.identity
    return {"station_id": station.id, "username": name, "password": clear}


def site_of(db: Session, number: int) -> Site:
    """Return the site that a body names; raises `Invalid`."""
    site = db.get(Site, number)
    if site is None:
        raise Invalid("There is no such site.", field="site_id")
    return site
