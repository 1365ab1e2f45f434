"""Choosing one of many by typing: what fits a few letters, and who is meant by a text."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.errors import Conflict, Invalid, NotFound
from app.models import Driver, Station, Tag
from app.queries.ground.names import by_name
from app.queries.ground.paging import alike, like

#: Answers to a few letters.
MOST = 20


class Pick(NamedTuple):
    """One that may be meant: what is put into the field, what is said beside it, and its row."""

    text: str
    label: str
    number: int


def written(driver: Driver | None) -> str:
    """A driver as forms write one: the name, with the address that tells namesakes apart."""
    if driver is None:
        return ""
    return f"{driver.name} <{driver.email}>" if driver.email else driver.name


def stations(db: Session, text: str) -> list[Pick]:
    """Stations in use by their identity and name."""
    query = _fitting(select(Station).where(Station.archived_at.is_(None)), text, *_NAMES)
    rows = db.scalars(query.options(joinedload(Station.site)).limit(MOST))
    return [Pick(row.identity, f"{row.name} · {row.site.name}", row.id) for row in rows]


def drivers(db: Session, text: str) -> list[Pick]:
    """Drivers by their name and address."""
    query = select(Driver).where(Driver.archived_at.is_(None))
    rows = db.scalars(_fitting(query, text, Driver.name, Driver.email).limit(MOST))
    return [Pick(written(row), "", row.id) for row in rows]


def tags(db: Session, text: str) -> list[Pick]:
    """Tags by their value, label and driver."""
    query = select(Tag).where(Tag.archived_at.is_(None)).outerjoin(Tag.driver)
    found = _fitting(query, text, Tag.value, Tag.label, Driver.name)
    rows = db.scalars(found.options(joinedload(Tag.driver)).limit(MOST))
    return [
        Pick(row.value, row.driver.name if row.driver else row.label or "", row.id) for row in rows
    ]


#: What a field may be filled with, by the name of its list.
KINDS: dict[str, Callable[[Session, str], list[Pick]]] = {
    "stations": stations,
    "drivers": drivers,
    "tags": tags,
}

_NAMES = (Station.identity, Station.name)


def _fitting(query: Select[Any], text: str, first: Any, *others: Any) -> Select[Any]:
    """Narrow a select to what holds the text, what begins with it before the rest."""
    typed = text.strip()
    if typed:
        holding = like(typed)
        query = query.where(alike(holding, first, *others))
        query = query.order_by(case((alike(holding[1:], first), 0), else_=1))
    return query.order_by(by_name(first))


def station(db: Session, text: str, *, in_use: bool = False) -> Station:
    """The station that is meant by its identity, its name, or a part of them that only it has.

    With `in_use` none of the archive.  Raises `Invalid`, `NotFound`, or `Conflict` when several
    may be meant.
    """
    typed = text.strip()
    if not typed:
        raise Invalid("Name a station.", field="station")
    query = select(Station).order_by(Station.identity_key).limit(4)
    if in_use:
        query = query.where(Station.archived_at.is_(None))
    exact = (
        Station.identity_key == typed.casefold(),
        func.lower(Station.name) == typed.lower(),
        alike(like(typed), *_NAMES),
    )
    for condition in exact:
        found = db.scalars(query.where(condition)).all()
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(row.identity for row in found[:3]) + (" …" if len(found) > 3 else "")
            raise Conflict(
                f"“{typed}” fits several stations ({names}): type the whole identity.",
                field="station",
            )
    raise NotFound(f"There is no station “{typed}”.", field="station")
