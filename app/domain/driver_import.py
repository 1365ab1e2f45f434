"""Drivers from a CSV file: checked row by row first, written only when somebody says so.

A row changes the driver that has its e-mail address (or, without one, its
name), or adds one.  A column that the file does not have leaves its facts
alone; an empty cell clears them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import drivers, emails, reach, tariff_choice, texts
from app.domain.drivers import LANGUAGES, DriverFacts
from app.domain.errors import DomainError, Invalid
from app.domain.tag_import import MOST_ROWS, RowError
from app.domain.vocabulary import Actor
from app.models import Driver, Tariff

#: The columns of an import and of an export, in their order.
COLUMNS = ("name", "email", "language", "tariff", "note")

#: A tariff's id, and why nobody may be given it.
Named = tuple[int, str | None]


@dataclass(frozen=True, slots=True)
class PlannedDriver:
    """A row that can be imported: `what` is add, update or same."""

    number: int
    facts: DriverFacts
    driver: Driver | None
    what: str


@dataclass(slots=True)
class DriverPlan:
    """What an import would do."""

    rows: list[PlannedDriver] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many rows would `add`, `update` or leave the `same`."""
        return sum(row.what == what for row in self.rows)


def plan(db: Session, rows: Sequence[Mapping[str, str]], *, tenant_id: int) -> DriverPlan:
    """Check the rows of a file and say what an import would do; writes nothing.

    `rows` map lower-case headings to cells.  Raises `Invalid` when the file as a
    whole cannot be used.
    """
    if not rows:
        raise Invalid("The file holds no rows under its heading.", field="file")
    if len(rows) > MOST_ROWS:
        raise Invalid(f"A file may hold {MOST_ROWS} rows; this one has {len(rows)}.", field="file")
    if "name" not in rows[0]:
        raise Invalid("The heading has no column named name.", field="file")
    listed = reach.everything(db, Driver, tenant_id)
    currencies = tariff_choice.currencies_of(db, tenant_id)
    tariffs = {
        tariff.name_key: (tariff.id, tariff_choice.misfit(tariff, tenant_id, currencies))
        for tariff in db.scalars(select(Tariff).where(Tariff.tenant_id == tenant_id))
    }
    made = DriverPlan()
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        if not any(row.values()):
            continue
        try:
            planned = _planned(number, row, listed, tariffs)
            if planned.driver is not None and planned.what == "update":
                reach.guard(db, planned.driver)
            key = (planned.facts.email or planned.facts.name).casefold()
            if key in first:
                raise Invalid(f"The same driver stands in row {first[key]}.")
            first[key] = number
            made.rows.append(planned)
        except DomainError as error:
            made.errors.append(RowError(number, row.get("name", ""), error.sentence))
    return made


def carry_out(
    db: Session, actor: Actor, planned: DriverPlan, *, tenant_id: int, now: datetime
) -> None:
    """Write the valid rows of a plan made in this same unit of work."""
    for row in planned.rows:
        if row.driver is None:
            drivers.add(db, actor, row.facts, tenant_id=tenant_id, now=now)
        elif row.what == "update":
            drivers.edit(db, actor, row.driver, row.facts, now=now)


def _planned(
    number: int,
    row: Mapping[str, str],
    listed: Sequence[Driver],
    tariffs: Mapping[str, Named],
) -> PlannedDriver:
    name = texts.line(row["name"], "The name", 120, field="name", required=True)
    address = emails.address(row.get("email"))
    driver = _known(listed, name, address)
    if driver is not None and driver.archived_at is not None:
        raise Invalid(f"{driver.name} is archived; restore them first.")
    held = drivers.facts_of(driver) if driver is not None else DriverFacts(name)
    facts = _read(row, replace(held, name=name), address, tariffs)
    if driver is None:
        what = "add"
    else:
        what = "same" if facts == held else "update"
    return PlannedDriver(number, facts, driver, what)


def _known(listed: Sequence[Driver], name: str, address: str | None) -> Driver | None:
    """The driver with the address; without one, the only one of that name that has none either."""
    if address is not None:
        key = texts.key(address)
        return next((driver for driver in listed if driver.email_key == key), None)
    namesakes = [driver for driver in listed if driver.name == name and not driver.email_key]
    if len(namesakes) > 1:
        raise Invalid(f"Several drivers are named {name}; give the address.")
    return namesakes[0] if namesakes else None


def _read(
    row: Mapping[str, str], held: DriverFacts, address: str | None, tariffs: Mapping[str, Named]
) -> DriverFacts:
    facts = replace(held, email=address) if "email" in row else held
    if "language" in row:
        language = row["language"].strip().lower() or "en"
        if language not in LANGUAGES:
            raise Invalid(f"“{language}” is not a language of receipts: {', '.join(LANGUAGES)}.")
        facts = replace(facts, language=language)
    if "note" in row:
        note = texts.line(row["note"], "The note", 500, field="note") or None
        facts = replace(facts, note=note)
    if "tariff" in row:
        wanted = row["tariff"].strip()
        if wanted and texts.key(wanted) not in tariffs:
            raise Invalid(f"There is no tariff “{wanted}”.")
        chosen, reason = tariffs[texts.key(wanted)] if wanted else (None, None)
        if reason is not None and chosen != held.tariff_id:
            raise Invalid(reason)
        facts = replace(facts, tariff_id=chosen)
    return facts
