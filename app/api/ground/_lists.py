"""Lists of rows: narrowed by what is asked, a page at a time."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Select, select

from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Page, Pages
from app.models import Station
from app.schemas.base import Schema

#: What is asked by a name -> the condition that it means.
Ways = Mapping[str, Callable[[Any], Any]]


def narrowed(
    ask: Ask,
    query: Select[Any],
    model: Any,
    ways: Ways | None = None,
    at: str = "",
    *,
    newest: bool = True,
) -> Page:
    """Return a page of the rows that fit all that is asked: a column's value, unless `ways` differ.

    `since` and `until` are moments of the column `at`.
    """
    spans: Ways = {
        "since": lambda moment: getattr(model, at) >= moment,
        "until": lambda moment: getattr(model, at) < moment,
    }
    for name, value in ask.query.items():
        if way := (ways or {}).get(name) or (spans.get(name) if at else None):
            query = query.where(way(value))
        elif name not in ("limit", "cursor"):
            query = query.where(getattr(model, name) == value)
    return ask.page(query, model.id, newest=newest)


def of_station(
    noun: Noun,
    path: str,
    summary: str,
    doc: str,
    model: Any,
    answer: Any,
    *,
    name: str = "",
    right: str = "read",
    asked: type[Schema] = Schema,
    at: str = "",
    ways: Ways | None = None,
    among: tuple[Any, ...] = (),
    newest: bool = True,
) -> None:
    """Hang GET /stations/{id}/`path`: the rows of one station that meet the conditions `among`."""

    def listed(ask: Ask, station_id: int) -> Any:
        station = ask.get(Station, station_id, "station")
        query = select(model).where(model.station_id == station.id, *among)
        return narrowed(ask, query, model, ways, at, newest=newest)

    listed.__name__, listed.__doc__ = name or path.replace("-", "_"), doc
    address = f"/stations/{{station_id}}/{path}"
    noun.get(address, summary, right=right, answers={200: Pages(answer)}, query=asked)(listed)
