"""Sites from a file: each row adds the site that it names, or changes it; empty cells clear."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session

from app.domain.access.imports.plans import Plan, PlannedRow, begun, each
from app.domain.access.imports.sheet import Row, Table
from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Actor, Arguments
from app.domain.money import tariff_book
from app.domain.network import sites
from app.domain.office import audit
from app.schemas.network import NewSite

_TEXTS = [name for name in NewSite.model_fields if NewSite.type_of(name) is str and name != "name"]


def carry_out(
    db: Session, actor: Actor, table: Table, *, tenant_id: int, now: datetime
) -> Plan[PlannedRow]:
    """Take in every row that can be, and say what it did."""

    def name(row: Row) -> str:
        return row.cells.get("name", "")

    def taken(row: Row) -> PlannedRow:
        with db.begin_nested():
            given = _given(db, tenant_id, row.cells)
            try:
                site = sites.named(db, tenant_id, name(row))
            except NotFound:
                sites.add(db, actor, tenant_id, now=now, name=name(row), **given)
                return PlannedRow(row.line, name(row), "add", ())
            before = audit.snapshot(site)
            sites.edit(db, actor, site, now=now, **given)
            what = "same" if audit.snapshot(site) == before else "update"
            return PlannedRow(row.line, name(row), what, ())

    made: Plan[PlannedRow] = Plan()
    each(made, begun(table, made), lambda row: texts.key(name(row)), name, taken)
    return made


def _given(db: Session, tenant_id: int, cells: dict[str, str]) -> Any:
    given: Arguments = {name: cells[name] for name in _TEXTS if name in cells}
    for name in ("latitude", "longitude"):
        if name in cells and (cells[name] or "latitude" in cells):
            given[name] = _number(float, cells[name].replace(",", "."), name)
    if "latitude" in given:
        given.setdefault("longitude", None)
    if (power := cells.get("supply_limit_kw")) is not None:
        given["supply_limit_kw"] = _number(Decimal, power, "number")
    if (tariff := cells.get("tariff")) is not None:
        given["tariff_id"] = tariff_book.named(db, tenant_id, tariff).id if tariff else None
    return given


def _number(kind: Any, text: str, word: str) -> Any:
    try:
        return kind(text) if text else None
    except (ValueError, InvalidOperation):
        raise Invalid(f"{text} is no {word}.") from None
