"""Stations from a file: each row is tried as what it would be, and taken back when only looked at.

A row changes the station that has its identity (any case), or registers one.  A
column that the file does not have, and an empty cell, leave what is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.domain.access.imports import cells
from app.domain.access.imports.plans import (
    Options,
    Plan,
    PlannedRow,
    alone,
    begun,
    facts,
    one_by_one,
    spaced,
    taken_back,
)
from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor, Json, Registration, StationMode
from app.domain.network import credentials, plugs, stations
from app.models import Site, Station, Tariff

#: Passwords that a file may bring: each takes a twentieth of a second to hash.
MOST_CHOSEN = 200
#: No car takes less: six amperes at 230 V are 1380 W.
_LEAST_W = 1000
#: The columns that the page of an import shows.
COLUMNS = ("identity", "site", "name", "connectors", "plug_type", "max_power_w", "security_profile",
           "mode", "registration", "validation", "username_alias", "tariff", "password",
           "note")  # fmt: skip
_WORDS = ("Name", "Site", "Plugs", "Power", "Security profile", "Mode", "Registration",
          "Validation", "User name", "Tariff", "Note", "Password")  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedStation(PlannedRow):
    """What a row makes of a station; `clear` is a password that was made, told this once."""

    clear: str | None = None


@dataclass(slots=True)
class _Look:
    """What the rows of one file are held against; `hashes` are of the file's own passwords."""

    db: Session
    actor: Actor
    tenant_id: int
    now: datetime
    options: Options
    hashes: Mapping[int, str]
    sites: dict[str, Site]
    tariffs: dict[str, int]
    listed: dict[str, Station]
    made: Plan[PlannedStation]


def hashes(rows: Iterable[Row]) -> dict[int, str]:
    """Hash the passwords that rows bring, by line; slow, so before a unit of work begins.

    Passwords that cannot be used are left to `carry_out`.  Raises `Invalid` for too many.
    """
    chosen = _chosen(rows)
    if len(chosen) > MOST_CHOSEN:
        raise Invalid(
            f"A file may bring {MOST_CHOSEN} passwords; this one has {len(chosen)}.", field="file"
        )
    return {line: credentials.hash_chosen(password) for line, password in chosen.items()}


def refuse_passwords(table: Table) -> None:
    """Raise `Invalid` where a file that is to be kept for a job brings passwords."""
    if _chosen(table.rows):
        raise Invalid(
            "A file that a job imports is kept until then, and passwords are not: leave them out, "
            "and fetch those that are made when it is done.",
            field="file",
        )


def _chosen(rows: Iterable[Row]) -> dict[int, str]:
    return {row.line: row.cells["password"] for row in rows if row.cells.get("password")}


def listed(table: Table, *, now: datetime) -> tuple[Plan[PlannedStation], list[Row]]:
    """What is known of a file before any row is tried, and the rows that can be.

    `now` is when the import begins: its stations are known again by it.
    """
    made: Plan[PlannedStation] = Plan(at=now)
    rows = alone(made, begun(table, made), _key, _identity)
    made.errors.sort(key=lambda error: error.number)
    return made, rows


def try_out(
    db: Session,
    actor: Actor,
    made: Plan[PlannedStation],
    rows: Sequence[Row],
    *,
    tenant_id: int,
    options: Options,
) -> None:
    """Add to a plan what an import of these rows would do."""
    unused = dict.fromkeys((row.line for row in rows), "")
    with taken_back(db):
        carry_out(db, actor, made, rows, unused, tenant_id=tenant_id, options=options)


def carry_out(
    db: Session,
    actor: Actor,
    made: Plan[PlannedStation],
    rows: Sequence[Row],
    hashed: Mapping[int, str],
    *,
    tenant_id: int,
    options: Options,
) -> None:
    """Take in every row that can be, and add to the plan what it did.

    `rows` are some of those that were `listed`; `hashed` is what `hashes` returned of them.
    """
    books = _books(db, tenant_id, [_key(row) for row in rows])
    look = _Look(db, actor, tenant_id, cast("datetime", made.at), options, hashed, *books, made)

    def tried(row: Row) -> PlannedStation:
        with db.begin_nested() as trial:
            planned = _taken(row, look)
            if planned.what == "same":
                trial.rollback()
        return planned

    one_by_one(made, rows, _identity, tried)


def _identity(row: Row) -> str:
    return row.cells.get("identity", "")


def _key(row: Row) -> str:
    return texts.key(_identity(row))


def _books(
    db: Session, tenant_id: int, keys: Sequence[str]
) -> tuple[dict[str, Site], dict[str, int], dict[str, Station]]:
    """Sites and tariffs by their names, and the stations with one of some keys."""
    sites = db.scalars(select(Site).where(Site.tenant_id == tenant_id))
    tariffs = db.scalars(select(Tariff).where(Tariff.tenant_id == tenant_id))
    known = select(Station).where(Station.tenant_id == tenant_id, Station.identity_key.in_(keys))
    known = known.options(selectinload(Station.connectors), selectinload(Station.tariff))
    return (
        {spaced(site.name): site for site in sites},
        {tariff.name_key: tariff.id for tariff in tariffs},
        {station.identity_key: station for station in db.scalars(known)},
    )


def _taken(row: Row, look: _Look) -> PlannedStation:
    """Carry a row out; raises what the operation raises."""
    given = {name: cell for name, cell in row.cells.items() if cell}
    identity = cells.kept(given.get("identity", ""))
    details, warnings = details_of(given, look.tariffs), []
    place = _place(given, look)
    if details.get("max_power_w", _LEAST_W) < _LEAST_W:
        warnings.append(f"It gives only {details['max_power_w']:g} W: is its power in kW?")
    station = look.listed.get(texts.key(identity))
    if row.short:
        warnings.append("The row has fewer cells than the heading; what it lacks stays as it is.")
    if station is None:
        return _registered(row, identity, place, details, look, warnings)
    if station.archived_at is not None:
        raise Invalid(f"{station.identity} is archived; restore it first.")
    if given.get("password"):
        warnings.append("Its password stays: it is changed on the station's Setup page.")
    before = _typed(station, "stays")
    if place is not None:
        details["site_id"] = place.id
    _hold_back(station, details, look, warnings)
    stations.edit(look.db, look.actor, station, now=look.now, **details)
    look.db.refresh(station, ["tariff"])
    told = facts(_WORDS, _typed(station, "stays"), before)
    what = "update" if any(fact.changed for fact in told) else "same"
    return PlannedStation(row.line, station.identity, what, told, tuple(warnings))


def _registered(
    row: Row, identity: str, place: Site | None, details: Json, look: _Look, warnings: list[str]
) -> PlannedStation:
    if place is None:
        raise Invalid("The row names no site.")
    chosen = row.cells.get("password", "")
    if chosen:
        stations.checked_password(chosen)
    station, clear = stations.register(
        look.db, look.actor, look.tenant_id, place, identity, now=look.now, **details
    )
    if chosen:
        station.password_hash, clear = look.hashes[row.line], None
        look.db.flush()
    word = "from the file" if chosen else "made" if clear else "none"
    look.db.refresh(station, ["tariff"])
    told = facts(_WORDS, _typed(station, word), None)
    return PlannedStation(row.line, station.identity, "add", told, tuple(warnings), clear)


def _hold_back(station: Station, details: Json, look: _Look, warnings: list[str]) -> None:
    """Keep a blocked station blocked unless that it may connect was agreed to."""
    wanted = details.get("registration", Registration.BLOCKED)
    if station.registration is not Registration.BLOCKED or wanted is Registration.BLOCKED:
        return
    look.made.blocked.append(station.identity)
    if not look.options.unblock:
        del details["registration"]
        warnings.append("It stays blocked: that it may connect again has to be agreed to.")


def _place(given: Mapping[str, str], look: _Look) -> Site | None:
    name = given.get("site", "") or (
        look.options.site if texts.key(given.get("identity", "")) not in look.listed else ""
    )
    if not name:
        return None
    if spaced(name) not in look.sites:
        raise Invalid(f"There is no site called {name}.", field="site")
    return look.sites[spaced(name)]


def details_of(given: Mapping[str, str], tariffs: Mapping[str, int]) -> Json:
    """What the cells of a row say about a station; raises `Invalid`."""
    found: Json = {
        name: given[name] for name in ("name", "note", "username_alias") if name in given
    }
    for name in ("security_profile", "connectors"):
        if name in given:
            found[name] = cells.whole(given[name], name.replace("_", " "))
    if "plug_type" in given:
        found["plug_type"] = plugs.kind(given["plug_type"])
    for name, unit in (("max_power_w", "W"), ("max_power_kw", "kW"), ("power", "")):
        if name in given:
            watts = cells.power_w(given[name], unit)
            if found.setdefault("max_power_w", watts) != watts:
                raise Invalid("The row tells two powers.", field="max_power_w")
    for name, words in (("mode", StationMode), ("registration", Registration)):
        if name in given:
            found[name] = _word(name, given[name], words)
    if "validation" in given:
        word = texts.key(given["validation"])
        found["validation"] = None if word == "default" else word
    if "tariff" in given:
        if texts.key(given["tariff"]) not in tariffs:
            raise Invalid(f"There is no tariff called {given['tariff']}.", field="tariff")
        found["tariff_id"] = tariffs[texts.key(given["tariff"])]
    return found


def _word(name: str, value: str, words: Any) -> Any:
    try:
        return words(texts.key(value))
    except ValueError:
        choices = ", ".join(word.value for word in words)
        raise Invalid(f"{value} is no {name}; it is one of {choices}.", field=name) from None


def _typed(station: Station, password: str) -> tuple[str, ...]:
    """What is typed about a station, in words."""
    own = plugs.of(station)
    kinds = sorted({plug.plug_type for plug in own if plug.plug_type})
    power = f"{station.max_power_w / 1000:g} kW" if station.max_power_w else ""
    return (
        station.name or "",
        station.site.name,
        f"{len(own)} × {', '.join(kinds)}" if kinds else str(len(own)),
        power,
        str(station.security_profile),
        station.mode.value if station.mode else "",
        station.registration.value if station.registration else "",
        station.validation or "default",
        station.username_alias or "",
        station.tariff.name if station.tariff else "as the site",
        station.note or "",
        password,
    )
