"""A list, page by page or in pieces for a file: filter, sort and slice a select.

A page begins where the one before ended: at the sorted values of its last row, not after so many
rows, which would all have to be read again.  Rows are counted up to a limit only.
"""

import base64
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    PrimaryKeyConstraint,
    Row,
    Select,
    Table,
    UniqueConstraint,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from app.domain.ground.clock import giving_way
from app.models.base import Instant, WattHours

#: Rows on a page.
PAGE_SIZE = 50
#: A CSV export stops here: a list of everything belongs in the database's own dump.
CSV_LIMIT = 100_000
#: Further nothing is counted, and nothing is reached by the number of a page.
MOST_COUNTED = 10_000
#: A page sorts no more rows than these by what no index is sorted by.
MOST_SORTED = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list and where they stand in it (`page` counts from 1).

    `total` stops at `MOST_COUNTED`: then `more` says that there are still others.  `sorted_of` is
    how many rows were sorted, the first by the list's own order; None: all.  `after` and `before`
    are marks by which the next page and the one before are found, empty without one.
    """

    rows: list[Any]
    page: int
    total: int
    size: int = PAGE_SIZE
    noun: str = ""
    more: bool = False
    after: str = ""
    before: str = ""
    sorted_of: int | None = None

    @property
    def pages(self) -> int:
        """How many pages there are, as far as they are counted."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.total else 0

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the URL asks for: `sort` is a key, "-key" for descending.

    `after` or `before` is the mark of a page; without one `page` is counted off.  `sorts_all`: by
    whatever it is sorted, of however many rows.
    """

    sort: str = ""
    page: int = 1
    size: int = PAGE_SIZE
    after: str = ""
    before: str = ""
    sorts_all: bool = True


def fetch(
    db: Session,
    query: Select[Any],
    wish: Wish,
    sorts: Mapping[str, Any],
    *,
    default: str,
    noun: str = "",
) -> Page:
    """Return the wished page of a select of one entity.

    `sorts` maps a key to a column (or a tuple of columns); an unknown key falls
    back on `default`.  The primary key breaks ties, so that pages never overlap.
    The rows are loaded by their ids, with the options of the select but not its joins.
    """
    size = max(1, min(wish.size, CSV_LIMIT))
    keys, falling = _keys(query, wish.sort, sorts, default)
    mark, back = _read(wish.before or wish.after, keys), bool(wish.before)
    number = max(1, wish.page)
    order = _Order(keys, falling, db.get_bind().dialect.name == "sqlite")
    own = _Order(*_keys(query, default, sorts, default), order.sqlite)
    narrow = _marks(query, keys)
    sorts_all = wish.sorts_all or order.has_index or not own.has_index
    # What fits on the first page is counted with it: a search is not made twice.
    at_once = sorts_all and mark is None and number == 1
    head = _slice(db, narrow, order, size) if at_once else []
    few = at_once and len(head) <= size
    counted = len(head) if few else count_up_to(db, query, MOST_COUNTED)
    total, more = min(counted, MOST_COUNTED), counted > MOST_COUNTED
    partly = more and not sorts_all and count_up_to(db, query, MOST_SORTED) > MOST_SORTED
    if partly:
        first = narrow.order_by(*own.by(False)).limit(MOST_SORTED).subquery()
        order, narrow = replace(order, keys=list(first.c)), select(*first.c)
    if mark is None:
        number, back = min(number, -(-total // size) or 1), False
        narrow = narrow.offset((number - 1) * size)
    else:
        narrow = narrow.where(order.beyond(mark, back=back))
    found = head or (_slice(db, narrow, order, size, back) if counted else [])
    beyond, found = len(found) > size, found[:size][:: -1 if back else 1]
    page = Page(_rows(db, query, [row[-1] for row in found]), number, total, size, noun, more)
    return replace(
        page,
        after=_write(found[-1]) if found and (back or beyond) else "",
        before=_write(found[0]) if found and (beyond if back else number > 1) else "",
        sorted_of=MOST_SORTED if partly else None,
    )


def _slice(
    db: Session, narrow: Select[Any], order: "_Order", size: int, back: bool = False
) -> list[Any]:
    """The marks of a page, and of one row more if there is one."""
    return list(db.execute(narrow.order_by(*order.by(back)).limit(size + 1)))


def _marks(query: Select[Any], keys: Sequence[Any]) -> Select[Any]:
    """The keys of a select's rows instead of its rows."""
    marks = [key.label(f"mark_{at}") for at, key in enumerate(keys)]
    return query.with_only_columns(*marks, maintain_column_froms=True)


def _rows(db: Session, query: Select[Any], ids: list[int]) -> list[Any]:
    """Load the rows of these ids, in their order."""
    entity = query.column_descriptions[0]["entity"]
    whole = select(entity).where(entity.id.in_(ids)).options(*query._with_options)
    by_id = {row.id: row for row in db.scalars(whole).unique()} if ids else {}
    return [by_id[number] for number in ids if number in by_id]


def count_up_to(db: Session, query: Select[Any], most: int) -> int:
    """Count the rows of a select of one entity; one more than `most` stands for all beyond."""
    entity = query.column_descriptions[0]["entity"]
    some = query.with_only_columns(entity.id, maintain_column_froms=True).order_by(None)
    return db.scalar(select(func.count()).select_from(some.limit(most + 1).subquery())) or 0


def ordered(query: Select[Any], sort: str, sorts: Mapping[str, Any], default: str) -> Select[Any]:
    """Order a select by a key of `sorts`; ties are broken by the primary key."""
    keys, falling = _keys(query, sort, sorts, default)
    return query.order_by(*(key.desc() if falling else key.asc() for key in keys))


def _keys(
    query: Select[Any], sort: str, sorts: Mapping[str, Any], default: str
) -> tuple[list[Any], bool]:
    """What a select is sorted by, and whether it falls."""
    if sort.lstrip("-") not in sorts:
        sort = default
    columns = sorts[sort.lstrip("-")]
    columns = columns if isinstance(columns, tuple) else (columns,)
    key = query.column_descriptions[0]["entity"].id
    own = [column for column in columns if column is not key]
    return [*own, key], sort.startswith("-")


@dataclass(frozen=True, slots=True)
class _Order:
    """An order by some keys, the last of which is unique; all rise or all fall.

    What is unknown stands first in SQLite's rising order and last in PostgreSQL's.
    """

    keys: Sequence[Any]
    falling: bool
    sqlite: bool

    @property
    def has_index(self) -> bool:
        """Whether an index, but for its tenant, begins with the first key."""
        first = getattr(self.keys[0], "expression", self.keys[0])
        table = getattr(first, "table", None)
        if not isinstance(table, Table):
            return False
        kinds = PrimaryKeyConstraint | UniqueConstraint
        unique = [one for one in table.constraints if isinstance(one, kinds)]
        whole = [one for one in table.indexes if one.dialect_options["sqlite"]["where"] is None]
        for columns in (one.columns for one in (*unique, *whole)):
            names = [column.name for column in columns if column.name != "tenant_id"]
            if names[:1] == [first.name]:
                return True
        return False

    def by(self, back: bool) -> list[ColumnElement[Any]]:
        falling = self.falling is not back
        return [key.desc() if falling else key.asc() for key in self.keys]

    def beyond(self, mark: Sequence[Any], *, back: bool) -> ColumnElement[bool]:
        """The condition of the rows that stand beyond those values."""
        falling = self.falling is not back
        if not any(map(_may_lack, self.keys)):
            # Databases look this up in an index of the keys as it stands.
            pair = tuple_(*self.keys), tuple_(*map(literal, mark, (key.type for key in self.keys)))
            return pair[0] < pair[1] if falling else pair[0] > pair[1]
        found, pairs = [], list(zip(self.keys, mark, strict=True))
        for at, (key, value) in enumerate(pairs):
            same = [k.is_(None) if v is None else k == v for k, v in pairs[:at]]
            found.append(and_(*same, self._past(key, value, falling)))
        return or_(*found)

    def _past(self, key: Any, value: Any, falling: bool) -> ColumnElement[bool]:
        unknown_last = self.sqlite is falling
        if value is None:
            return false() if unknown_last else key.is_not(None)
        past: ColumnElement[bool] = key < value if falling else key > value
        return or_(past, key.is_(None)) if unknown_last else past


def _may_lack(key: Any) -> bool:
    """Whether a key may be NULL; one that is computed never is."""
    return bool(getattr(key, "nullable", False))


def _write(values: Sequence[Any]) -> str:
    """A mark: the values of a row that it is sorted by, as a word of an address."""
    text = json.dumps(list(values), default=str).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _read(mark: str, keys: Sequence[Any]) -> list[Any] | None:
    """The values of a mark as their columns hold them; None for one that is none of this list."""
    try:
        text = base64.b64decode(mark[:1000] + "=" * (-len(mark) % 4), b"-_", validate=True)
        values = json.loads(text)
        return [_typed(key, value) for key, value in zip(keys, values, strict=True)]
    except (ValueError, TypeError, OverflowError, ArithmeticError):
        return None


def _typed(key: Any, value: Any) -> Any:
    if value is None:
        if not _may_lack(key):
            raise ValueError("this column is never empty")
        return None
    if isinstance(key.type, Instant):
        return datetime.fromisoformat(value).astimezone(UTC)
    kind = {WattHours: Decimal, NullType: str}.get(type(key.type)) or key.type.python_type
    found = kind(value)
    if isinstance(found, int | float | Decimal) and not -(2**53) < found < 2**53:
        raise OverflowError(value)
    return found


def like(text: str) -> str:
    """Make a search pattern of what someone typed; `escape="\\\\"` goes with it."""
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def alike(pattern: str, *columns: Any) -> ColumnElement[bool]:
    """That a pattern fits a column, in capitals or not (ILIKE is dear; SQLite lowers A to Z)."""
    ways = {pattern, pattern.lower(), pattern.title(), pattern.replace("ß", "ẞ").upper()}
    small = sorted({way.encode(errors="replace").lower().decode() for way in ways})
    return or_(*(func.lower(one).like(way, escape="\\") for one in columns for way in small))


#: Rows of a piece: some milliseconds.
PIECE = 200
#: However many files are written, one of them reads at a time.
_turn = threading.Lock()


def in_pieces(db: Session, query: Any, keys: Sequence[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of a select of columns, the greatest first, each piece a short read.

    No more is held than a piece, whoever is slow to take the file holds no connection, and nobody
    else waits for longer than a piece takes.

    They are sorted by `keys`: columns that are never empty, the last of them unique, which each
    row ends with.  A piece begins where the one before ended, so what comes or goes meanwhile
    shifts nothing.
    """
    query = query.add_columns(*keys).order_by(*(key.desc() for key in keys)).limit(PIECE)
    place = tuple_(*keys)
    part = query
    while True:
        with _turn:
            rows = db.execute(part).all()
            db.rollback()
        yield from giving_way(rows)
        if len(rows) < PIECE:
            return
        last = rows[-1][-len(keys) :]
        part = query.where(place < tuple_(*map(literal, last, (key.type for key in keys))))


def narrowed(query: Select[Any]) -> ColumnElement[bool]:
    """The conditions of a list's own select."""
    return true() if query.whereclause is None else query.whereclause
