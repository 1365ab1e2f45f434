"""Names in the order in which people look for them, alike on both databases."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import String, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from app.models import Site, Station, Tariff


class by_name(FunctionElement[str]):
    """What a name, which is never NULL, is sorted by: `texts.sorting`, as the database says it.

    It is compared as it stands, whatever order the database was set up with: PostgreSQL's own is
    that of bytes in many images, and SQLite's always is.
    """

    type = String()
    inherit_cache = True


@compiles(by_name, "sqlite")
def _sqlite(element: Any, compiler: Any, **given: Any) -> str:
    # `app.uow.tune_sqlite` lends the function.
    return f"sorting({compiler.process(element.clauses, **given)})"


@compiles(by_name)
def _standard(element: Any, compiler: Any, **given: Any) -> str:
    inner = compiler.process(element.clauses, **given)
    bare = rf"lower(regexp_replace(normalize({inner}, NFKD), '[\u0300-\u036f]', '', 'g'))"
    # Letters with marks are few and take ten times as long as those that are a byte each.
    plain = f"octet_length({inner}) = char_length({inner}) THEN lower({inner})"
    return f"(CASE WHEN {plain} ELSE replace({bare}, 'ß', 'ss') END) COLLATE \"C\""


def sites(db: Session, kept: Iterable[Site] = ()) -> list[tuple[int, str]]:
    """The sites to choose from: those in use, and those `kept` that were chosen before."""
    chosen = Site.id.in_([site.id for site in kept])
    return _sites(db, or_(Site.archived_at.is_(None), chosen))


def all_sites(db: Session) -> list[tuple[int, str]]:
    """The sites that what happened can be narrowed to: those in the archive, too."""
    return _sites(db)


def _sites(db: Session, *which: Any) -> list[tuple[int, str]]:
    query = select(Site).where(*which).order_by(by_name(Site.name))
    return [(site.id, site.name) for site in db.scalars(query)]


def tariffs(db: Session) -> list[Tariff]:
    """The tariffs in use, by name: what a site, a station, a group or a driver may be given."""
    query = select(Tariff).where(Tariff.archived_at.is_(None)).order_by(by_name(Tariff.name))
    return list(db.scalars(query))


def stations(db: Session, ids: Iterable[int]) -> dict[int, Station]:
    """Stations by their numbers."""
    wanted = set(ids)
    rows = db.scalars(select(Station).where(Station.id.in_(wanted))) if wanted else ()
    return {row.id: row for row in rows}
