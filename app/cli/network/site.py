"""flask site: places where stations stand."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from app.cli.ground import _imports as imports
from app.cli.ground import _plain
from app.cli.ground import _shared as cli
from app.domain.access.imports import headings
from app.domain.access.imports.plans import Options, Plan, PlannedRow, RowError, begun, twins
from app.domain.ground import texts
from app.domain.ground.errors import DomainError, Invalid
from app.domain.money import sellers
from app.domain.network import sites
from app.domain.office import audit
from app.resource import SITES
from app.uow import unit_of_work

group = cli.Group("site", help="Places where stations stand.")


def _given(db: Any, tenant_id: int, values: dict[str, Any], row: Any = None) -> dict[str, Any]:
    """Keep what was typed, in the domain's words."""
    found = _plain.given(db, tenant_id, values)
    if (text := found.get("supply_limit_kw")) is not None:
        found["supply_limit_kw"] = _decimal(text) if text else None
    return found


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Invalid(f"{text} is no number.", field="supply_limit_kw") from None


plain = _plain.Plain(
    group,
    SITES,
    options=(
        click.option("--timezone", help="IANA name, like Europe/Berlin."),
        click.option("--currency", help="ISO 4217 code, like EUR."),
        click.option("--address"),
        click.option("--latitude", type=float),
        click.option("--longitude", type=float),
        click.option("--supply-limit-kw", type=str, help="Power of the grid connection."),
        click.option("--seller-name", help="On receipts instead of the organisation's."),
        click.option("--seller-address"),
        click.option("--seller-tax-number"),
        click.option("--seller-contact"),
        click.option("--tariff", help="Name of a tariff; '' for none."),
    ),
    read=_given,
)
plain.add(
    "Add the site NAME.",
    lambda site: f"Added the site {site.name} ({site.timezone}, {site.currency}).",
)
plain.list("List the sites.", "id name timezone currency address tariff stations")
plain.show("Show the site NAME.")
plain.edit(
    "Change the site NAME; what is not given stays.",
    click.option("--name", "new_name", help="A new name."),
)
plain.archive("Put the site NAME into the archive; its history stays.")
plain.export("Write all sites as CSV to PATH, or to standard output.", archived=True)


@group.command("import")
@imports.options
def import_(path: Path, valid_only: bool, dry_run: bool, leave_out: bool) -> None:
    """Add the sites of a CSV file (columns as in the export); a known name is changed.

    All rows go in, or none: every row that cannot be used is named.
    """
    table, planned = imports.read(path, headings.SITES), Plan[PlannedRow]()
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        rows = begun(table, planned)
        double = twins((row.line, texts.key(name), name) for row in rows
                       if (name := row.cells.get("name", "")))  # fmt: skip
        for row in rows:
            name = row.cells.get("name", "")
            try:
                if row.line in double:
                    raise Invalid(double[row.line])
                with db.begin_nested():
                    what = _import_row(db, tenant_id, row.cells)
                planned.rows.append(PlannedRow(row.line, name, what, ()))
            except DomainError as error:
                planned.errors.append(RowError(row.line, name, error.sentence))
        agreed = Options(leave_out=leave_out)
        imports.look_through(planned, agreed, valid_only=valid_only, dry_run=dry_run)
        if dry_run:
            db.rollback()


def _import_row(db: Any, tenant_id: int, row: dict[str, str]) -> str:
    names = ("timezone", "currency", "address", "supply_limit_kw", "tariff", *sellers.FIELDS)
    values: dict[str, Any] = {name: row[name] for name in names if name in row}
    for name in ("latitude", "longitude"):
        if name in row:
            values[name] = _float(row[name], name)
    given = _given(db, tenant_id, values)
    if "latitude" in values:
        given |= {"latitude": values["latitude"], "longitude": values.get("longitude")}
    try:
        site = sites.named(db, tenant_id, row.get("name", ""))
    except DomainError:
        sites.add(db, cli.ACTOR, tenant_id, now=cli.now(), name=row.get("name", ""), **given)
        return "add"
    before = audit.snapshot(site)
    sites.edit(db, cli.ACTOR, site, now=cli.now(), **given)
    return "same" if audit.snapshot(site) == before else "update"


def _float(text: str, name: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        raise Invalid(f"{text} is no {name}.", field=name) from None
