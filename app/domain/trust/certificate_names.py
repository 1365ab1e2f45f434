"""Whose name stands in a certificate, and whose a certificate is.

A certificate is made out to the station's identity, or to a name that staff gave it (the quirk
`certificate_name`, mostly the serial number).  The serial number that a station tells at its boot
is its own claim: it is shown and compared, and opens nothing.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import among
from app.domain.ground.errors import Invalid, Taken
from app.domain.trust import signing, x509
from app.models import Station, StationCertificate, StationVariable
from app.models.stations import name_key

#: Certificates that stations ask us to sign.
OWN = ("station", "v2g", "v2g20")
#: States in which a certificate of ours is good.
GOOD = ("issued", "accepted")

#: What staff do where a serial number is the name.
_PIN = "If that is right, give it as Name in its certificate under Quirks."

# The table, not the entity: a name is looked for in the whole installation, whoever is signed in.
_stations = Station.__table__
#: One query for each column, so that each goes by its index.
_HOLDERS = [
    select(_stations.c.id, column).where(among(column, "keys"))
    for column in (
        _stations.c.identity_key,
        _stations.c.certificate_name_key,
        _stations.c.serial_key,
    )
]
_held = StationCertificate.__table__
_told = StationVariable.__table__
#: The SECC id in the device model of 2.0.1 (part 2, appendix 3.1).
_SECC = and_(
    func.lower(_told.c.component) == "iso15118ctrlr", func.lower(_told.c.variable) == "seccid"
)


class ForeignName(Invalid):
    """A request or a certificate is not in the station's own name."""


def own(station: Station) -> tuple[str, ...]:
    """The names that a station's certificate may bear."""
    pinned = (station.quirks or {}).get("certificate_name")
    return (station.identity, pinned) if pinned else (station.identity,)


def owner(db: Session, station: Station, name: str, *, told: bool = True) -> str | None:
    """How another station is called that has `name`; None when nobody has it.

    It has it as its identity, as the name that staff gave, or (unless `told` is false) as the
    serial number that it told.  What another tenant calls its station is not said.
    """
    key = name_key(name)
    if key is None:
        return None
    columns = _stations.c
    identity = columns.identity_key.in_({key, name.strip().casefold()})
    used = columns.certificate_name_key == key
    if told:
        used = or_(used, columns.serial_key == key)
    row = db.execute(
        select(columns.identity, columns.tenant_id)
        .where(columns.id != station.id, or_(identity, and_(columns.archived_at.is_(None), used)))
        .order_by(columns.id)
        .limit(1)
    ).first()
    return _called(station, row)


def shared(db: Session, names: Mapping[int, str]) -> set[int]:
    """Which of these stations, by id, tell a name that some other one may have: see `owner`."""
    keys: dict[str, set[int]] = {}
    for number, name in names.items():
        for key in {name_key(name), name.strip().casefold()} - {None}:
            keys.setdefault(str(key), set()).add(number)
    given = {"keys": list(keys)}
    for query in _HOLDERS if keys else ():
        for number, key in db.execute(query, given).all():
            keys[key].add(number)
    return {number for those in keys.values() if len(those) > 1 for number in those & names.keys()}


def check_given(db: Session, station: Station) -> None:
    """Check the name that staff gave a station; raises `Taken` when it is another's already."""
    given = (station.quirks or {}).get("certificate_name")
    if given and (other := owner(db, station, given)) is not None:
        raise Taken(f"{given} is {_of(other)} already.", field="certificate_name")


def checked(db: Session, station: Station, names: tuple[str, ...], use: str) -> str:
    """The one name of a request or a certificate, as we spell it.

    For ISO 15118 it may also be the SECC id that the station told and no other did (SeccId in the
    device model of 2.0.1): that certificate is shown to cars and opens no door of ours.  Raises
    `ForeignName`.
    """
    if len(names) != 1 or not names[0].strip():
        found = "no name" if not any(name.strip() for name in names) else "more than one name"
        raise ForeignName(f"It is in {found}; it must be in that of this station.", field="csr")
    name = names[0]
    allowed = own(station) if use == "station" else (*own(station), *_secc_ids(db, station))
    for known in allowed:
        if known.casefold() == name.casefold():
            other = owner(db, station, known, told=False)
            if other is None and known not in own(station):
                other = _secc_owner(db, station, known)
            if other is None:
                return known
            raise ForeignName(f"It is in the name {_shown(name)}, also {_of(other)}.", field="csr")
    hint = ""
    if station.serial and name.casefold() == station.serial.casefold():
        hint = f" {_PIN}"
    raise ForeignName(
        f"It is in the name of {_shown(name)}, which is not this station.{hint}", field="csr"
    )


def objection(
    db: Session, station: Station, *, common_name: str, fingerprint: str, pem: str
) -> str | None:
    """Why a certificate with a sound chain does not prove `station`; None when it does.

    What we issued is good for the station that it was issued to, until it is revoked; what another
    authority issued without us, for the station in whose name it is.
    """
    known = db.execute(
        select(_held.c.station_id, _held.c.state, _held.c.use).where(
            _held.c.fingerprint == fingerprint, _held.c.use.in_(OWN)
        )
    ).all()
    if any(row.state == "revoked" for row in known):
        return "It was revoked."
    mine = [row for row in known if row.station_id == station.id]
    if known and not mine:
        return "It was issued to another station."
    if mine:
        good = [row.use for row in mine if row.state in GOOD]
        if not good:
            return "It was replaced or turned down; the station has to use its newest one."
        return None if "station" in good else "It is for ISO 15118, not for connecting."
    if x509.is_signed_by(pem, signing.own_roots(db)):
        return "It is signed by our authority, which has no record of it."
    try:
        checked(db, station, (common_name,), "station")
    except ForeignName as error:
        return _as_certificate(station, common_name, error)
    return None


def _as_certificate(station: Station, name: str, error: ForeignName) -> str:
    if any(known.casefold() == name.casefold() for known in own(station)):
        return error.sentence
    hint = f" {_PIN}" if _PIN in error.sentence else ""
    return f"It is made out to {_shown(name) or 'nobody'}.{hint}"


def _secc_ids(db: Session, station: Station) -> list[str]:
    query = select(_told.c.value).where(_told.c.station_id == station.id, _SECC)
    return [value for value in db.scalars(query) if value]


def _secc_owner(db: Session, station: Station, name: str) -> str | None:
    """How another station is called that told this SECC id, too; None when none did."""
    columns = _stations.c
    row = db.execute(
        select(columns.identity, columns.tenant_id)
        .join(_told, _told.c.station_id == columns.id)
        .where(
            columns.id != station.id,
            columns.archived_at.is_(None),
            _SECC,
            func.lower(_told.c.value) == name.lower(),
        )
        .order_by(columns.id)
        .limit(1)
    ).first()
    return _called(station, row)


def _called(station: Station, row: Any) -> str | None:
    """What may be said of another station to whoever sees `station`."""
    if row is None:
        return None
    return str(row.identity) if row.tenant_id == station.tenant_id else "another station"


def _of(other: str) -> str:
    return f"the name of {other}"


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:64]
