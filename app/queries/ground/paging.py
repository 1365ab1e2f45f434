"""One page of a list: filter, sort and slice a select."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

#: Rows on a page.
PAGE_SIZE = 50
#: A CSV export stops here: a list of everything belongs in the database's own dump.
CSV_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list and where they stand in it (`page` counts from 1)."""

    rows: list[Any]
    page: int
    total: int
    size: int = PAGE_SIZE
    noun: str = ""

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.page - 1) * self.size + 1 if self.total else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return min(self.page * self.size, self.total)

    def __iter__(self) -> Any:
        return iter(self.rows)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the URL asks for: `sort` is a key, "-key" for descending."""

    sort: str = ""
    page: int = 1
    size: int = PAGE_SIZE


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
    """
    total = db.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    size = max(1, min(wish.size, CSV_LIMIT))
    page = max(1, min(wish.page, -(-total // size) or 1))
    rows = db.scalars(
        ordered(query, wish.sort, sorts, default).offset((page - 1) * size).limit(size)
    )
    return Page(list(rows.unique()), page, total, size, noun)


def ordered(query: Select[Any], sort: str, sorts: Mapping[str, Any], default: str) -> Select[Any]:
    """Order a select by a key of `sorts`; ties are broken by the primary key."""
    if sort.lstrip("-") not in sorts:
        sort = default
    columns = sorts[sort.lstrip("-")]
    columns = columns if isinstance(columns, tuple) else (columns,)
    falling = sort.startswith("-")
    entity = query.column_descriptions[0]["entity"]
    keys = [*columns, entity.id]
    return query.order_by(*(key.desc() if falling else key.asc() for key in keys))


def like(text: str) -> str:
    """Make a search pattern of what someone typed; `escape="\\\\"` goes with it."""
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
