"""flask site: places where stations stand."""

from pathlib import Path

import click

from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.access.imports import headings
from app.domain.access.imports import sites as site_import
from app.domain.access.imports.plans import Options
from app.resource import SITES
from app.uow import unit_of_work

group = cli.Group("site", help="Places where stations stand.")


plain = Plain(
    group, SITES, options=(click.option("--tariff", help="Name of a tariff; '' for none."),)
)
plain.add(
    "Add the site NAME.",
    lambda site: f"Added the site {site.name} ({site.timezone}, {site.currency}).",
)
plain.list("List the sites.", "id name timezone currency address tariff stations")
plain.show("Show the site NAME.")
plain.edit(
    "Change the site NAME; what is not given stays.",
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
        planned, rows = site_import.listed(table, now=cli.now())
        tenant_id = cli.the_tenant(db).id
        site_import.carry_out(db, cli.ACTOR, planned, rows, tenant_id=tenant_id)
        agreed = Options(leave_out=leave_out)
        imports.look_through(planned, agreed, valid_only=valid_only, dry_run=dry_run)
        if dry_run:
            db.rollback()
