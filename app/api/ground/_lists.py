"""Lists of rows: narrowed by what is asked, a page at a time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select

from app.api.ground._noun import Ask, Noun, finds
from app.api.ground._paging import Page, Pages
from app.models import Station
from app.schemas.answers import Answer
from app.schemas.base import Schema

#: What is asked by a name -> the condition that it means; without one it is a column's value.
Ways = Mapping[str, Callable[[Any], Any]]


def narrowed(
    ask: Ask,
    query: Select[Any],
    model: Any,
    ways: Ways | None = None,
    at: str = "",
    unless: Ways | None = None,
) -> Select[Any]:
    """Narrow a select to the rows that fit all that is asked.

    `since` and `until` are moments of the column `at`, `archived` is left to the caller;
    `unless` says what holds where a value is not asked for.
    """
    spans: Ways = {
        "since": lambda moment: getattr(model, at) >= moment,
        "until": lambda moment: getattr(model, at) < moment,
    }
    for name, value in ask.query.items():
        if way := (ways or {}).get(name) or (spans.get(name) if at else None):
            query = query.where(way(value))
        elif name not in ("limit", "cursor", "archived"):
            query = query.where(getattr(model, name) == value)
    for name, way in (unless or {}).items():
        if name not in ask.query:
            query = query.where(way(None))
    return query


def hang(
    noun: Noun,
    path: str,
    summary: str,
    doc: str,
    model: Any,
    answer: type[Answer],
    *,
    name: str = "list",
    asked: type[Schema] = Schema,
    of: tuple[Any, Callable[..., Any]] | None = None,
    among: Sequence[Any] = (),
    options: Sequence[Any] = (),
    ways: Ways | None = None,
    at: str = "",
    unless: Ways | None = None,
    newest: bool = True,
    seen: Callable[[Ask, list[Any]], object] = lambda ask, rows: None,
    **given: Any,
) -> Callable[..., Page]:
    """Hang a GET of the rows that meet the conditions `among`, a page at a time.

    They are those `of` the row in the address: the column that points to it, and what finds it.
    Where `archived` can be asked it shows the archive instead.  `seen` completes rows before they
    are told.  Returns the list itself.
    """

    def listed(ask: Ask, **address: int) -> Page:
        query = select(model).options(*options).where(*among)
        if of is not None:
            query = query.where(of[0] == of[1](ask, **address).id)
        if "archived" in asked.model_fields:
            gone = model.archived_at.is_not(None)
            query = query.where(gone if ask.query.get("archived") else ~gone)
        page = ask.page(narrowed(ask, query, model, ways, at, unless), model.id, newest=newest)
        seen(ask, page.rows)
        return page

    listed.__name__, listed.__doc__ = name, doc
    noun.get(path, summary, answers={200: Pages(answer)}, query=asked, **given)(listed)
    return listed


def of_station(
    noun: Noun, path: str, summary: str, doc: str, model: Any, answer: type[Answer], **given: Any
) -> None:
    """Hang GET /stations/{id}/`path`: the rows of one station."""
    given = {"name": path.replace("-", "_"), "of": (model.station_id, STATION), **given}
    hang(noun, f"/stations/{{station_id}}/{path}", summary, doc, model, answer, **given)


#: Finds the station in an address.
STATION = finds(Station, "station")
