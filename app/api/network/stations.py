"""Sites and stations: places, the chargers there, how they connect, and how they stand now."""

from operator import attrgetter
from typing import Annotated

from flask import Response

from app.api.ground import _bulk, _rows
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.domain.device import onboarding
from app.domain.ground import texts
from app.domain.ground.vocabulary import Area, Right
from app.domain.network import stations
from app.domain.network.presence import connected
from app.models import ChargingSession, Connector, Site, Station
from app.process.clock import utc_now
from app.queries.network.bundle import Extent
from app.queries.network.stations import online_among
from app.resource import SITES, STATIONS
from app.schemas import network as schemas
from app.schemas.answers import Answer, From, read
from app.schemas.bulk import StationsBulk
from app.uow import unit_of_work
from app.web import bundle, listing
from app.web.problems import Problem

station_noun = Noun(
    "stations", "Chargers: registered, changed, archived, and what is known of them now."
)

CONNECTOR = _rows.answer(
    "Connector",
    "A plug as last reported; `evse` 0 is the station itself. `stale`: not confirmed since the "
    "station last connected. `status_word` is the status as the station spelled it.",
    Connector,
    without=("id", "station_id"),
)
STATION = _rows.answer(
    "Station",
    "A charger. `registration` is how its next boot is answered, `booted_registration` how the "
    "last one was.",
    Station,
    without=(
        *("identity_key", "connection_id", "boot_raw"),
        *("access_epoch", "serial_key", "certificate_name_key", "field_code"),
    ),
    connected=read(bool, attrgetter("connected"), "A living worker holds its open socket."),
    connectors=list[CONNECTOR],  # type: ignore[valid-type]
)


class RegisteredStation(STATION):  # type: ignore[misc,valid-type]
    """A new station. `password` is told this once; null when one was chosen."""

    password: Annotated[str | None, From(attrgetter("told"))]


class Credentials(Answer):
    """The new password is told this once; null when one was chosen."""

    station_id: int
    username: str
    password: str | None


def _see(ask: Ask, found: list[Station]) -> None:
    """Note on each station whether it is connected."""
    online = online_among(ask.db, [station.id for station in found], ask.now)
    for station in found:
        station.connected = station.id in online  # type: ignore[attr-defined]


plain_stations = Plain(station_noun, STATIONS, STATION, seen=_see)
stations_list = plain_stations.list(
    "The stations in reach, in the order in which they were registered.",
    schemas.Stations,
    {
        "identity": lambda identity: Station.identity_key == texts.key(identity),
        "connected": lambda there: connected(utc_now()) if there else ~connected(utc_now()),
    },
)
plain_stations.show("One station with its connectors and their statuses.")
plain_stations.edit(
    "Change what is given: registration, validation, security profile, quirks and the like.",
    schemas.StationChanges,
)
plain_stations.archive("Put a station away: it may no longer connect, its history stays.", 409)
plain_stations.restore("Take a station out of the archive.", 409)
_bulk.hang(
    *(station_noun, stations.MANY, stations_list, StationsBulk),
    "Put many stations away: they may no longer connect, their history stays.",
)


@station_noun.post(
    "/stations",
    "Register a station",
    body=schemas.NewStation,
    answers={201: RegisteredStation},
    problems=(409,),
    secret=True,
)
def create(ask: Ask) -> object:
    """Register a station; its password is in this answer and nowhere else."""
    given = dict(ask.body)
    wish = given.pop("onboarding", None)
    with unit_of_work() as db:
        station, clear = stations.register(
            db,
            ask.actor,
            ask.tenant_id,
            stations.site_of(db, given.pop("site_id")),
            given.pop("identity"),
            now=ask.now,
            **given,
        )
        if wish:
            onboarding.change(db, ask.actor, station, wish, now=ask.now)
    station.told = clear  # type: ignore[attr-defined]
    return plain_stations.made(ask, station)


@station_noun.post(
    "/stations/{station_id}/credentials",
    "Give a station a new password",
    body=schemas.NewCredentials,
    answers={200: Credentials},
    secret=True,
)
def credentials(ask: Ask, station_id: int) -> object:
    """Make or set the password; an open connection stays, the next one needs the new one."""
    station, clear = plain_stations.row(ask, station_id), None
    with unit_of_work() as db:
        if chosen := ask.body.get("password"):
            stations.set_password(db, ask.actor, station, chosen, now=ask.now)
        else:
            clear = stations.new_password(db, ask.actor, station, now=ask.now)
    name = station.username_alias or station.identity
    return {"station_id": station.id, "username": name, "password": clear}


# Sites: places with a time zone and a currency.

site_noun = Noun("sites", "Places where stations stand.")

SITE = _rows.answer("Site", "A place; tariffs follow its wall clock.", Site, without=("name_key",))


plain_sites = Plain(site_noun, SITES, SITE)
plain_sites.list(
    "The sites in reach, in the order in which they were added.",
    schemas.Sites,
    {"name": lambda name: Site.name_key == texts.key(name)},
)
plain_sites.show("One site.")
plain_sites.create(
    "Add a site; for tokens that reach all sites.", schemas.NewSite, 409, everywhere=True
)
plain_sites.edit("Change what is given and leave the rest.", schemas.SiteChanges)
plain_sites.archive("Put a site away; refused while stations stand there.", 409)
plain_sites.restore("Take a site out of the archive.")


# Support bundles: a station, or a session with the minutes around it, as one ZIP.

bundle_noun = Noun("support", "What a manufacturer needs to understand a fault, as one file.")
ZIP = File(
    "application/zip",
    "index.html, about.json and a file of JSON lines for each kind of row; without secrets, names "
    "and e-mail addresses, tags under pseudonyms.",
)


@bundle_noun.get(
    "/stations/{station_id}/support-bundle",
    "Read a station’s support bundle",
    right="write",
    answers={200: ZIP},
    query=schemas.SupportBundle,
)
def of_station(ask: Ask, station_id: int) -> Response:
    """Messages, settings, connections, statuses and more of the last days; the audit notes it."""
    station = ask.get(Station, station_id, "station")
    return _sent(ask, bundle.extent(station, now=ask.now, days=ask.query.get("days")))


@bundle_noun.get(
    "/sessions/{session_id}/support-bundle",
    "Read a session’s support bundle",
    right="write",
    answers={200: ZIP},
    query=schemas.SessionBundle,
)
def of_session(ask: Ask, session_id: int) -> Response:
    """A session with its readings and bills, and two minutes before and after it."""
    session = ask.get(ChargingSession, session_id, "session")
    return _sent(ask, bundle.extent(session.station, session, now=ask.now))


def _sent(ask: Ask, of: Extent) -> Response:
    cards = bool(ask.query.get("tags"))
    if cards and not ask.caller.may(Area.PRIVACY, Right.READ):
        raise Problem(403, "Only who may see personal data hands on the numbers of tags.")
    name = bundle.name_of(of, ask.now)
    parts = bundle.pack(ask.db, ask.actor, of, now=ask.now, cards=cards)
    return listing.sent(parts, "application/zip", name)
