"""flask site: places where stations stand."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from app.cli.ground import _imports as imports
from app.cli.ground import _plain
from app.cli.ground import _shared as cli
from app.domain.access.imports import headings
from app.domain.access.imports import sites as site_import
from app.domain.access.imports.plans import Options
from app.domain.ground.errors import Invalid
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
    table = imports.read(path, headings.SITES)
    with unit_of_work() as db:
        given: Any = {"tenant_id": cli.the_tenant(db).id, "now": cli.now()}
        planned = site_import.carry_out(db, cli.ACTOR, table, **given)
        agreed = Options(leave_out=leave_out)
        imports.look_through(planned, agreed, valid_only=valid_only, dry_run=dry_run)
        if dry_run:
            db.rollback()
