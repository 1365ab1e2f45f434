"""What an import would do, told row by row before anything is written."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import events
from app.domain.ground.clock import let_others_run
from app.domain.ground.errors import DomainError, Invalid
from app.domain.ground.vocabulary import Token
from app.models import Driver, Site, Station, TagGroup

#: More rows than this are imported by a job.
LONG = 500
#: While a long file is looked through, others get their turn so often, in rows.
_LET_OTHERS = 50


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody has agreed to after looking through a file.

    `zone` is that of times without an offset, `site` the place of stations that name none.
    """

    leave_out: bool = False
    make_groups: bool = False
    unblock: bool = False
    zone: str = "UTC"
    site: str = ""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row cannot be imported; `number` is the line of the file at which it begins."""

    number: int
    value: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is true after the row, in words; `old` is what is true now."""

    word: str
    new: str
    old: str | None = None

    @property
    def changed(self) -> bool:
        """Whether the row changes it."""
        return self.old is not None and self.old != self.new


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that can be imported: `what` is add, update or same."""

    number: int
    value: str
    what: str
    told: tuple[Fact, ...]
    warnings: tuple[str, ...] = ()


Planned = TypeVar("Planned", bound=PlannedRow)


@dataclass(slots=True)
class Plan(Generic[Planned]):
    """What an import would do.

    `unknown` are columns that were not understood, `groups` those that would have
    to be made, `blocked` cards that the file would bring back to life, `at` is when it is done.
    `untried` is how many rows nobody has looked at yet.
    """

    rows: list[Planned] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    at: datetime | None = None
    untried: int = 0

    def count(self, what: str) -> int:
        """How many rows would `add`, `update` or leave the `same`."""
        return sum(row.what == what for row in self.rows)

    @property
    def doubt(self) -> str:
        """The columns that were not understood, in a sentence; empty when all were."""
        names = ", ".join(f"“{name[:60]}”" for name in self.unknown)
        if len(self.unknown) == 1:
            return f"This column was not understood: {names}."
        return f"These columns were not understood: {names}." if names else ""


def begun(table: Table, plan: Plan[Any]) -> list[Row]:
    """Take over what the reader says of a file, and return the rows that it could read."""
    plan.notes += table.notes
    plan.unknown += table.unknown
    plan.errors += [RowError(row.line, "", row.fault) for row in table.rows if row.fault]
    return [row for row in table.rows if not row.fault]


def _twins(named: Iterable[tuple[int, str, str]]) -> dict[int, str]:
    """What is wrong with rows that name the same thing, by their line.

    `named` are a line, the form in which names are compared, and the name as written.
    """
    by_key: dict[str, list[tuple[int, str]]] = {}
    for line, key, value in named:
        by_key.setdefault(key, []).append((line, value))
    found = {}
    for places in by_key.values():
        for line, value in places if len(places) > 1 else ():
            others = [one for one in places if one[0] != line]
            where = ", ".join(
                f"line {other}" + (f" (as {name})" if name != value else "")
                for other, name in others[:5]
            )
            found[line] = f"{value} stands in {where} too; keep one of the rows."
    return found


def each(
    plan: Plan[Planned],
    rows: Sequence[Row],
    key: Callable[[Row], str],
    name: Callable[[Row], str],
    planned: Callable[[Row], Planned],
    shown: Callable[[Row], str] | None = None,
) -> None:
    """Plan every row, or say why it cannot be imported.

    Rows that share a `key` mean the same thing; `name` is what a row calls it, `shown` (without
    it, the name) stands beside what is wrong with the row.
    """
    one_by_one(plan, alone(plan, rows, key, name, shown), shown or name, planned)


def alone(
    plan: Plan[Any],
    rows: Sequence[Row],
    key: Callable[[Row], str],
    name: Callable[[Row], str],
    shown: Callable[[Row], str] | None = None,
) -> list[Row]:
    """The rows that mean something no other row of the file means; the others are errors."""
    keys = [(row, key(row)) for row in rows]
    double = _twins((row.line, one, name(row)) for row, one in keys if one)
    plan.errors += [
        RowError(row.line, (shown or name)(row), double[row.line])
        for row in rows
        if row.line in double
    ]
    return [row for row in rows if row.line not in double]


def one_by_one(
    plan: Plan[Planned],
    rows: Sequence[Row],
    shown: Callable[[Row], str],
    planned: Callable[[Row], Planned],
) -> None:
    """Plan every row, or say why it cannot be imported."""
    for number, row in enumerate(rows):
        if not number % _LET_OTHERS:
            let_others_run()
        try:
            plan.rows.append(planned(row))
        except DomainError as error:
            plan.errors.append(RowError(row.line, shown(row), error.sentence))
    plan.errors.sort(key=lambda error: error.number)


@contextmanager
def taken_back(db: Session) -> Iterator[None]:
    """Carry something out to see what it does, and take it back."""
    with db.begin_nested() as trial:
        yield
        trial.rollback()
    events.take(db)


def in_halves(
    db: Session,
    plan: Plan[Planned],
    rows: Sequence[Planned],
    write: Callable[[Sequence[Planned]], None],
) -> None:
    """Write rows together; the one that cannot be written is found by halves, and is an error."""
    try:
        with db.begin_nested():
            write(rows)
    except DomainError as error:
        if len(rows) > 1:
            middle = len(rows) // 2
            in_halves(db, plan, rows[:middle], write)
            in_halves(db, plan, rows[middle:], write)
            return
        plan.rows.remove(rows[0])
        plan.errors.append(RowError(rows[0].number, rows[0].value, error.sentence))


def refreshed(db: Session, model: Any, rows: Sequence[Any]) -> None:
    """Read rows that were loaded before this unit of work once more, in one statement."""
    ids = [inspect(row).identity[0] for row in rows]
    if ids:
        db.scalars(select(model).where(model.id.in_(ids))).all()


def facts(
    words: tuple[str, ...], new: tuple[str, ...], old: tuple[str, ...] | None
) -> tuple[Fact, ...]:
    """Facts from words and values in the same order; `old` is None for what is new."""
    held = old or (None,) * len(words)
    return tuple(Fact(*one) for one in zip(words, new, held, strict=True))


# Everything of ours that the cells of a file may name, read once.


def spaced(name: str) -> str:
    """The form in which names are compared: neither case nor the number of blanks counts."""
    return " ".join(name.split()).casefold()


class Books:
    """Drivers, groups, sites and stations of a tenant by their names, and their names by id."""

    def __init__(self, db: Session, tenant_id: int, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._names: dict[str, dict[int, str]] = {}

        def all_of(model: Any, noun: str, name: str) -> Sequence[Any]:
            rows = db.scalars(select(model).where(model.tenant_id == tenant_id)).all()
            self._names[noun] = {row.id: getattr(row, name) for row in rows}
            return rows

        living = [row for row in all_of(Driver, "driver", "name") if row.archived_at is None]
        self.drivers = _unambiguous(living)
        groups = all_of(TagGroup, "group", "name")
        self.groups = {spaced(Token(row.parent).key): row.id for row in groups}
        self.groups |= {spaced(row.name): row.id for row in groups}
        self.sites = {spaced(row.name): row.id for row in all_of(Site, "site", "name")}
        stations = all_of(Station, "station", "identity")
        self.stations = {spaced(row.identity): row.id for row in stations}

    def name(self, noun: str, number: int | None) -> str:
        """What a thing is called; empty for none."""
        return self._names[noun].get(number, "") if number is not None else ""

    @staticmethod
    def one(cell: str, known: Mapping[str, int], noun: str) -> int | None:
        """The id of what a cell names, None for an empty one; raises `Invalid`."""
        if not cell.strip():
            return None
        found = known.get(spaced(cell))
        if found is None:
            raise Invalid(f"There is no {noun} “{cell.strip()}”.")
        return found


def _unambiguous(drivers: Sequence[Driver]) -> dict[str, int]:
    """Drivers by e-mail address, and by name where only one has it."""
    counts = Counter(spaced(driver.name) for driver in drivers)
    found = {spaced(row.name): row.id for row in drivers if counts[spaced(row.name)] == 1}
    return found | {driver.email_key: driver.id for driver in drivers if driver.email_key}
