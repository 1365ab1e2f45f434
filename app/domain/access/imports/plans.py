"""What an import would do, told row by row before anything is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from app.domain.access.imports.sheet import MOST_ROWS, Row, Table
from app.domain.ground.errors import Invalid


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
    """

    rows: list[Planned] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    at: datetime | None = None

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


def begun(table: Table, plan: Plan[Any], most: int = MOST_ROWS) -> list[Row]:
    """Take over what the reader says of a file, and return the rows that it could read."""
    if len(table.rows) > most:
        raise Invalid(f"A file may hold {most} rows; this one has {len(table.rows)}.", field="file")
    plan.notes += table.notes
    plan.unknown += table.unknown
    plan.errors += [RowError(row.line, "", row.fault) for row in table.rows if row.fault]
    return [row for row in table.rows if not row.fault]


def twins(named: Iterable[tuple[int, str, str]]) -> dict[int, str]:
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


def facts(
    words: tuple[str, ...], new: tuple[str, ...], old: tuple[str, ...] | None
) -> tuple[Fact, ...]:
    """Facts from words and values in the same order; `old` is None for what is new."""
    held = old or (None,) * len(words)
    return tuple(Fact(*one) for one in zip(words, new, held, strict=True))
