"""Drivers from a file: looked through row by row first, written only when somebody says so.

A row changes the driver that has its e-mail address (or, without one, its
name), or adds one.  A column that the file does not have leaves its facts
alone; an empty cell clears them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import drivers, reach
from app.domain.access.drivers import LANGUAGES
from app.domain.access.imports.plans import (
    Plan,
    PlannedRow,
    begun,
    each,
    facts,
    in_halves,
    refreshed,
    spaced,
)
from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import texts
from app.domain.ground.errors import Forbidden, Invalid
from app.domain.ground.vocabulary import Actor, Json
from app.domain.money import tariff_choice
from app.models import Driver, Tariff
from app.schemas.access import NewDriver

#: The columns of an export, in their order; an import takes them too.
COLUMNS = ("name", "email", "language", "tariff", "note")
_LANGUAGES = {"english": "en", "englisch": "en", "eng": "en", "german": "de", "deutsch": "de",
              "deu": "de", "ger": "de"}  # fmt: skip
_WORDS = ("Name", "E-mail", "Receipts in", "Tariff", "Note")


#: What a file may say of a driver, by the names of `NewDriver`.
Facts = Json
_NEW: Facts = {"name": "", "email": None, "language": "en", "note": None, "tariff_id": None}


@dataclass(frozen=True, slots=True)
class PlannedDriver(PlannedRow):
    """What a row makes of a driver."""

    wanted: Facts = field(default_factory=dict)
    driver: Driver | None = None


class _Tariffs:
    """The tariffs by name, and why one may not be given to a driver."""

    def __init__(self, db: Session, tenant_id: int) -> None:
        currencies = tariff_choice.currencies_of(db, tenant_id)
        rows = db.scalars(select(Tariff).where(Tariff.tenant_id == tenant_id)).all()
        self.names = {tariff.id: tariff.name for tariff in rows}
        self._known = {
            tariff.name_key: (tariff.id, tariff_choice.misfit(tariff, tenant_id, currencies))
            for tariff in rows
        }

    def chosen(self, name: str, held: int | None) -> int | None:
        """The id of a tariff that a driver may have; raises `Invalid`."""
        if not name:
            return None
        number, reason = self._known.get(texts.key(name), (None, None))
        if number is None:
            raise Invalid(f"There is no tariff “{name}”.")
        if reason is not None and number != held:
            raise Invalid(reason)
        return number


def plan(db: Session, table: Table, *, tenant_id: int) -> Plan[PlannedDriver]:
    """Check the rows of a file and say what an import would do; writes nothing.

    Raises `Invalid` when the file as a whole cannot be used.
    """
    made: Plan[PlannedDriver] = Plan()
    rows = begun(table, made)
    fields = set(table.match.fields.values())
    if {"first_name", "name"} <= fields and "last_name" not in fields:
        made.notes.append("The name is read as the last name, for there is a first name.")
    seen = set(db.scalars(select(Driver.id).where(Driver.tenant_id == tenant_id)))
    tariffs = _Tariffs(db, tenant_id)
    people = _People(reach.everything(db, Driver, tenant_id), seen)
    each(made, rows, _key, lambda row: row.cells.get("email") or _name(row),
         lambda row: _planned(db, row, people, tariffs), _name)  # fmt: skip
    return made


def carry_out(
    db: Session,
    actor: Actor,
    planned: Plan[PlannedDriver],
    rows: Sequence[PlannedDriver],
    *,
    tenant_id: int,
    now: datetime,
) -> None:
    """Write some rows of a plan; what cannot be written any more becomes an error of the plan."""

    def write(part: Sequence[PlannedDriver]) -> None:
        refreshed(db, Driver, [row.driver for row in part if row.what == "update"])
        for row in part:
            if row.driver is not None and row.what == "update":
                drivers.edit(db, actor, row.driver, now=now, **row.wanted)
        if fresh := [row.wanted for row in part if row.what == "add"]:
            drivers.add_all(db, actor, tenant_id, fresh, now=now)

    in_halves(db, planned, rows, write)


class _People:
    """Who is known by a name already, with the address each has."""

    def __init__(self, listed: Sequence[Driver], seen: Collection[int]) -> None:
        self.listed, self.seen = listed, seen
        self.by_key = {driver.email_key: driver for driver in listed if driver.email_key}
        self._named: dict[str, tuple[str, str]] = {}
        for driver in listed:
            if driver.archived_at is None and driver.id in seen:
                self._named.setdefault(spaced(driver.name), (driver.email or "", "is listed"))

    def namesake(self, name: str, email: str, line: int) -> str:
        """A warning when somebody of this name has another address; remembers the row."""
        address, where = self._named.get(spaced(name), ("", ""))
        self._named.setdefault(spaced(name), (email, f"stands in line {line}"))
        if not where or texts.key(address) == texts.key(email):
            return ""
        there = f"with the address {address}" if address else "without an address"
        return f"{name} {where} {there} too; is it the same person?"

    def known(self, name: str, address: str | None) -> Driver | None:
        """The driver with the address; without one, the only one of that name who has none."""
        if address is not None:
            return self.by_key.get(texts.key(address))
        same = [one for one in self.listed if one.name == name and not one.email_key]
        if len(same) > 1:
            raise Invalid(f"Several drivers are named {name}; give the address.")
        return same[0] if same else None


def _planned(db: Session, row: Row, people: _People, tariffs: _Tariffs) -> PlannedDriver:
    name = NewDriver.line("name", _name(row), required=True)
    address = texts.email(row.cells.get("email"))
    driver = people.known(name, address)
    if driver is not None and driver.id not in people.seen:
        raise Forbidden(
            f"{address or name} concerns other sites: staff of all sites can change that."
        )
    if driver is not None and driver.archived_at is not None:
        raise Invalid(f"{driver.name} is archived; restore them first.")
    held = {one: getattr(driver, one) for one in _NEW} if driver is not None else _NEW
    wanted = {**held, "name": name, **dict(_read(row.cells, held, address, tariffs))}
    warnings = []
    if driver is None and (namesake := people.namesake(name, wanted["email"] or "", row.line)):
        warnings.append(namesake)
    if row.short:
        warnings.append("The row has fewer cells than the heading; what it lacks stays as it is.")
    what = "add" if driver is None else "same" if wanted == held else "update"
    if driver is not None and what == "update":
        reach.guard(db, driver)
    told = facts(_WORDS, _typed(wanted, tariffs), _typed(held, tariffs) if driver else None)
    return PlannedDriver(row.line, name, what, told, tuple(warnings), wanted, driver)


def _name(row: Row) -> str:
    """The whole name; of a first name and another, both."""
    cells = {name: cell.strip() for name, cell in row.cells.items()}
    first, last, whole = (cells.get(one, "") for one in ("first_name", "last_name", "name"))
    if whole and (last or not first):
        return whole
    return " ".join(part for part in (first, last or whole) if part)


def _key(row: Row) -> str:
    return texts.key(row.cells.get("email", "")) or texts.key(_name(row))


def _read(
    cells: Mapping[str, str], held: Facts, address: str | None, tariffs: _Tariffs
) -> Iterator[tuple[str, Any]]:
    """What the cells of a row say of a driver."""
    # Another case is no other address: the one that is kept stays.
    if "email" in cells and texts.key(address or "") != texts.key(held["email"] or ""):
        yield "email", address
    if "language" in cells:
        yield "language", _language(cells["language"])
    if "note" in cells:
        yield "note", NewDriver.line("note", cells["note"]) or None
    if "tariff" in cells:
        yield "tariff_id", tariffs.chosen(cells["tariff"].strip(), held["tariff_id"])


def _language(cell: str) -> str:
    """A language of receipts by its code (with or without a country) or its name."""
    word = cell.strip().casefold() or "en"
    code = _LANGUAGES.get(word, word.replace("_", "-").split("-")[0])
    if code not in LANGUAGES:
        raise Invalid(f"“{cell.strip()}” is not a language of receipts: {', '.join(LANGUAGES)}.")
    return code


def _typed(wanted: Facts, tariffs: _Tariffs) -> tuple[str, ...]:
    """What is typed about a driver, in words."""
    tariff = tariffs.names.get(wanted["tariff_id"], "") if wanted["tariff_id"] else ""
    language = LANGUAGES.get(wanted["language"], wanted["language"])
    return (str(wanted["name"]), wanted["email"] or "", str(language), tariff, wanted["note"] or "")
