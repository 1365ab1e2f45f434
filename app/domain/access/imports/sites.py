"""Sites from a file: each row adds the site that it names, or changes it; empty cells clear."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast

from sqlalchemy.orm import Session

from app.domain.access.imports.cells import THOUSANDS, number
from app.domain.access.imports.plans import (
    Plan,
    PlannedRow,
    alone,
    begun,
    one_by_one,
    taken_back,
)
from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Arguments, Json
from app.domain.money import tariff_book
from app.domain.network import sites
from app.domain.office import audit
from app.schemas.network import NewSite

_TEXTS = [name for name in NewSite.model_fields if NewSite.type_of(name) is str and name != "name"]


def listed(table: Table, *, now: datetime) -> tuple[Plan[PlannedRow], list[Row]]:
    """What is known of a file before any row is tried, and the rows that can be."""
    made: Plan[PlannedRow] = Plan(at=now)
    return made, alone(made, begun(table, made), lambda row: texts.key(_name(row)), _name)


def try_out(
    db: Session, actor: Actor, made: Plan[PlannedRow], rows: Sequence[Row], *, tenant_id: int
) -> None:
    """Add to a plan what an import of these rows would do."""
    with taken_back(db):
        carry_out(db, actor, made, rows, tenant_id=tenant_id)


def carry_out(
    db: Session, actor: Actor, made: Plan[PlannedRow], rows: Sequence[Row], *, tenant_id: int
) -> None:
    """Take in every row that can be, some of those that were `listed`, and say what it did."""
    now = cast("datetime", made.at)

    def taken(row: Row) -> PlannedRow:
        with db.begin_nested():
            given = _given(db, tenant_id, row.cells)
            try:
                site = sites.named(db, tenant_id, _name(row))
            except NotFound:
                sites.add(db, actor, tenant_id, now=now, name=_name(row), **given)
                return PlannedRow(row.line, _name(row), "add", ())
            before = audit.snapshot(site)
            sites.edit(db, actor, site, now=now, **given)
            what = "same" if audit.snapshot(site) == before else "update"
            return PlannedRow(row.line, _name(row), what, ())

    one_by_one(made, rows, _name, taken)


def _name(row: Row) -> str:
    return row.cells.get("name", "")


def _given(db: Session, tenant_id: int, cells: dict[str, str]) -> Json:
    given: Arguments = {name: cells[name] for name in _TEXTS if name in cells}
    for name in ("latitude", "longitude"):
        if name in cells and (cells[name] or "latitude" in cells):
            given[name] = float(number(cells[name], name)) if cells[name] else None
    if "latitude" in given:
        given.setdefault("longitude", None)
    if (power := cells.get("supply_limit_kw")) is not None:
        given["supply_limit_kw"] = _kilowatts(power)
    if (tariff := cells.get("tariff")) is not None:
        given["tariff_id"] = tariff_book.named(db, tenant_id, tariff).id if tariff else None
    return given


def _kilowatts(text: str) -> Decimal | None:
    """A power of a site, of which 1.500 may be one and a half kilowatts or fifteen hundred."""
    if THOUSANDS.fullmatch(text) and text.endswith("0"):
        raise Invalid(f"“{text}” can be read as thousands or as decimals: write it without zeros "
                      "at its end, or without a separator.", field="supply_limit_kw")  # fmt: skip
    return number(text, "power") if text else None
