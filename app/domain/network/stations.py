"""Stations: registered, changed, given passwords, put into the archive."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.device import onboarding, password_rotation
from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.events import StationChanged, record
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, Arguments, Json, Registration, SessionState
from app.domain.money import tariff_choice
from app.domain.network import credentials, plugs
from app.domain.office import audit
from app.domain.trust import certificate_names
from app.models import ChargingSession, Site, Station
from app.models.stations import name_key
from app.schemas import quirks
from app.schemas.network import NewStation

#: 0: no password, from known networks only; 1: password; 2: password over TLS; 3: certificate.
SECURITY_PROFILES = (0, 1, 2, 3)
PASSWORD_LENGTHS = (8, 64)
#: Members that are set on their own, in an order that matters.
_APART = {"identity", "site_id", "security_profile", "connectors", "plug_type"}


def register(
    db: Session,
    actor: Actor,
    tenant_id: int,
    site: Site,
    identity: str,
    *,
    now: datetime,
    password: str | None = None,
    **given: Any,
) -> tuple[Station, str | None]:
    """Register a station and return it with its new password, which is shown this once.

    `given` is what else `NewStation` names.  Without `password` one is made (not for security
    profile 0, which has none); for a chosen one None is returned.  Raises `Invalid` or `Taken`.
    """
    station = Station(
        tenant_id=tenant_id, created_at=now, quirks={}, supported_orders=[], security_profile=1
    )
    clear = _first_password(station, password, given.get("security_profile", 1))
    _move(station, site)
    _identify(db, station, identity)
    _apply(db, station, given)
    db.add(station)
    db.flush()
    plugs.preset(db, station, given.get("connectors", 1), given.get("plug_type"))
    audit.note(db, actor, "station.register", station, now=now, also=({}, plugs.summary(station)))
    record(db, StationChanged(tenant_id, station.id))
    return station, clear


def edit(db: Session, actor: Actor, station: Station, *, now: datetime, **given: Any) -> Station:
    """Change what is given and leave the rest.  Raises `Invalid` or `Taken`."""
    before, terms = audit.snapshot(station), credentials.access_terms(station)
    with db.no_autoflush:
        if "site_id" in given:
            _move(station, site_of(db, given["site_id"]))
        if "identity" in given:
            _identify(db, station, given["identity"])
        _apply(db, station, given)
    db.flush()
    also: tuple[Json, Json] = ({}, {})
    if "connectors" in given or "plug_type" in given:
        had, count = plugs.summary(station), given.get("connectors", plugs.count(station))
        plugs.preset(db, station, count, given.get("plug_type"))
        if had != (has := plugs.summary(station)):
            also = (had, has)
    _decided(db, station, terms)
    _note(db, actor, "station.edit", station, now, before, also)
    return station


def set_registration(
    db: Session, actor: Actor, station: Station, registration: Registration, *, now: datetime
) -> Station:
    """Say how the station's next BootNotification is answered; blocking ends its connection."""
    before, terms = audit.snapshot(station), credentials.access_terms(station)
    station.registration = registration
    db.flush()
    _decided(db, station, terms)
    _note(db, actor, "station.registration", station, now, before)
    return station


def new_password(db: Session, actor: Actor, station: Station, *, now: datetime) -> str:
    """Give the station a new password and return it: it can never be read again.

    A connection that is open ends: the next one needs the new password.
    """
    clear = credentials.generate()
    _give(db, actor, station, credentials.hash_generated(clear), now)
    return clear


def set_password(
    db: Session, actor: Actor, station: Station, password: str, *, now: datetime
) -> None:
    """Give the station a password that somebody chose.  Raises `Invalid`.

    A connection that is open ends, unless this is the password that it came with.
    """
    old, chosen = station.password_hash, checked_password(password)
    same = old is not None and credentials.matches(old, chosen.encode())
    _give(db, actor, station, old if same else credentials.hash_chosen(chosen), now)


def _give(
    db: Session, actor: Actor, station: Station, password_hash: str | None, now: datetime
) -> None:
    station.password_hash = password_hash
    password_rotation.overtaken(db, station, now=now)
    credentials.password_changed(db, actor, station, now=now)


def archive(db: Session, actor: Actor, station: Station, *, now: datetime) -> None:
    """Put a station away: it may no longer connect, its history stays.

    Raises `Conflict` while a session is charging there.
    """
    for _, why in archive_all(db, actor, [station], now=now).refused:
        raise Conflict(why)


def archive_all(db: Session, actor: Actor, stations: Sequence[Station], *, now: datetime) -> Tally:
    """Put many stations away, but those where a session is charging."""
    ids = [station.id for station in stations]
    charging = select(ChargingSession.station_id, func.min(ChargingSession.id)).where(
        ChargingSession.station_id.in_(ids), ChargingSession.state == SessionState.CHARGING
    )
    running = dict(db.execute(charging.group_by(ChargingSession.station_id)).all())
    tally = Tally()

    def refusal(row: Station) -> str | None:
        if row.id not in running:
            return None
        return f"Session {running[row.id]} is still charging at {row.identity}: end it first."

    able = tally.sift(stations, refusal, lambda row: row.identity)
    gone = [station for station in able if station.archived_at is None]
    credentials.access_changed(db, *gone)
    audit.change_all(db, actor, "station.archive", gone, now=now, archived_at=now)
    for station in gone:
        record(db, StationChanged(station.tenant_id, station.id))
    tally.changed = len(gone)
    return tally


#: What may be done to many stations.
MANY = Many(Station, {"archive": archive_all})


def restore(db: Session, actor: Actor, station: Station, *, now: datetime) -> None:
    """Take a station out of the archive; its site must be in use."""
    if station.site.archived_at is not None:
        raise Conflict(f"The site {station.site.name} is in the archive: restore it first.")
    if station.archived_at is not None:
        certificate_names.check_given(db, station)
        audit.restore(db, actor, station, now=now, kind="station")
        record(db, StationChanged(station.tenant_id, station.id))


called = texts.finder(Station, "station", by="identity_key")


def _apply(db: Session, station: Station, given: Arguments) -> None:
    """Set what is given: by its rule where it has one, else as it is."""
    rules: dict[str, Callable[[Any], Any]] = {
        "name": lambda text: NewStation.line("name", text),
        "validation": _validation,
        "username_alias": partial(_alias, db, station),
        "quirks": quirks.validated,
        "max_power_w": plugs.power,
    }
    for name, value in NewStation.kept(given, rules, but=_APART).items():
        setattr(station, name, value)
    if "quirks" in given:
        certificate_names.check_given(db, station)
    _secure(station, given.get("security_profile", station.security_profile))
    tariff_choice.refuse_misfit(db, station.tariff_id, station, field="tariff_id")


def _validation(word: str | None) -> str | None:
    if word not in (None, "", "strict", "tolerant"):
        raise Invalid("The validation must be strict or tolerant.", field="validation")
    return word or None


def site_of(db: Session, number: int) -> Site:
    """Return the site with this number; raises `Invalid`."""
    site = db.get(Site, number)
    if site is None:
        raise Invalid("There is no such site.", field="site_id")
    return site


def _move(station: Station, site: Site) -> None:
    if site.tenant_id != station.tenant_id:
        raise NotFound("There is no such site.", field="site_id")
    if site.archived_at is not None and site.id != station.site_id:
        raise Conflict(f"The site {site.name} is in the archive.", field="site_id")
    station.site_id, station.site = site.id, site


def _identify(db: Session, station: Station, identity: str) -> None:
    identity = NewStation.line("identity", identity, required=True)
    if ":" in identity:
        raise Invalid("The identity may hold no colon.", field="identity")
    if not identity.isprintable():
        raise Invalid("The identity may hold only what can be printed.", field="identity")
    # The table, not the entity: an identity is unique in the whole installation.
    table = Station.__table__
    twin = db.execute(
        select(table.c.id, table.c.archived_at, table.c.tenant_id).where(
            table.c.identity_key == texts.key(identity)
        )
    ).first()
    if twin is not None and twin.id != station.id:
        hidden = twin.archived_at is not None and twin.tenant_id == station.tenant_id
        where = "is in the archive: restore it instead" if hidden else "is registered already"
        raise Taken(f"A station called {identity} {where}.", field="identity")
    named = db.scalar(
        select(table.c.id).where(
            table.c.certificate_name_key == name_key(identity), table.c.archived_at.is_(None)
        )
    )
    if named not in (None, station.id):
        raise Taken(
            f"{identity} is the name in the certificate of another station.", field="identity"
        )
    station.identity, station.identity_key = identity, texts.key(identity)


def _alias(db: Session, station: Station, alias: str | None) -> str | None:
    """Check the user name that a station sends; another station's identity never is one."""
    alias = NewStation.line("username_alias", alias, "The user name")
    table = Station.__table__
    owner = db.scalar(select(table.c.id).where(table.c.identity_key == texts.key(alias)))
    if alias and owner not in (None, station.id):
        raise Taken(f"{alias} is the identity of another station.", field="username_alias")
    return alias or None


def _secure(station: Station, profile: int) -> None:
    if profile not in SECURITY_PROFILES:
        raise Invalid("The security profile must be 0, 1, 2 or 3.", field="security_profile")
    if profile == 0 and not (station.quirks or {}).get("allowed_networks"):
        raise Invalid(
            "Without a password the station may come from known networks only: name them.",
            field="allowed_networks",
        )
    raised = profile != station.security_profile
    if raised and profile in (1, 2) and not station.password_hash:
        raise Invalid(
            "This security profile needs a password: make one on the Setup page first.",
            field="security_profile",
        )
    station.security_profile = profile


def _first_password(station: Station, password: str | None, profile: int) -> str | None:
    if password:
        station.password_hash = credentials.hash_chosen(checked_password(password))
        return None
    if profile == 0:
        return None
    clear = credentials.generate()
    station.password_hash = credentials.hash_generated(clear)
    return clear


def checked_password(password: str) -> str:
    """Return a password that somebody chose; raises `Invalid` when no station can have it."""
    least, most = PASSWORD_LENGTHS
    if not least <= len(password) <= most:
        raise Invalid(f"A password has {least} to {most} characters.", field="password")
    if not password.isprintable():
        raise Invalid("The password holds a character that cannot be typed.", field="password")
    return password


def _decided(db: Session, station: Station, before: tuple[Any, ...]) -> None:
    if credentials.access_terms(station) != before:
        credentials.access_changed(db, station)


def _note(
    db: Session, actor: Actor, action: str, station: Station, now: datetime, before: Json,
    also: tuple[Json, Json] | None = None,
) -> None:  # fmt: skip
    audit.note(db, actor, action, station, now=now, before=before, also=also)
    waited = before.get("registration") == Registration.PENDING
    if waited and station.registration is Registration.ACCEPTED:
        onboarding.approved(db, station, now=now)
    record(db, StationChanged(station.tenant_id, station.id))
