"""flask driver: people who charge and get receipts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.domain.access import drivers
from app.domain.access.drivers import LANGUAGES, DriverFacts
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings
from app.domain.access.imports.plans import Options
from app.domain.money import tariff_book
from app.models import Driver
from app.queries.access import drivers as queries
from app.text.numbers import kwh, money
from app.uow import unit_of_work

group = AppGroup("driver", help="People who charge and get receipts.")

COLUMNS: list[cli.Column] = [
    ("id", lambda driver: driver.id),
    ("name", lambda driver: driver.name),
    ("email", lambda driver: driver.email),
    ("language", lambda driver: driver.language),
    ("tariff", lambda driver: driver.tariff.name if driver.tariff else None),
    ("note", lambda driver: driver.note),
    ("tags", lambda driver: [tag.value for tag in driver.tags if tag.archived_at is None]),
    ("archived_at", lambda driver: driver.archived_at),
]
SHOWN = [column for column in COLUMNS if column[0] not in {"note", "archived_at"}]
EXPORTED = [column for column in COLUMNS if column[0] in driver_import.COLUMNS]


def _details(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--email", help="Where receipts go; '' for none."),
            click.option("--language", type=click.Choice(list(LANGUAGES)), help="Of receipts."),
            click.option("--tariff", help="Name of a tariff; '' for none."),
            click.option("--note"),
        )
    ):
        command = option(command)
    return command


def _facts(db: Session, tenant_id: int, held: DriverFacts, given: dict[str, Any]) -> DriverFacts:
    """What is held, with what was typed in its place."""
    changes = {name: value for name, value in given.items() if value is not None}
    if (name := changes.pop("tariff", None)) is not None:
        changes["tariff_id"] = tariff_book.named(db, tenant_id, name).id if name else None
    return replace(held, **changes)


@group.command("add")
@click.argument("name")
@_details
@cli.json_option
@cli.fails_plainly
def add(name: str, as_json: bool, **values: Any) -> None:
    """Add the driver NAME."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        facts = _facts(db, tenant_id, DriverFacts(name), values)
        driver = drivers.add(db, cli.ACTOR, facts, tenant_id=tenant_id, now=cli.now())
    if as_json:
        cli.print_row(driver, COLUMNS, json=True)
    else:
        receipts = f"; receipts go to {driver.email}" if driver.email else ""
        click.echo(f"Added the driver {driver.name}{receipts}.")


@group.command("list")
@click.option("--archived", is_flag=True, help="Also those in the archive.")
@cli.json_option
@cli.fails_plainly
def list_(archived: bool, as_json: bool) -> None:
    """List the drivers."""
    cli.print_rows(_all(archived), COLUMNS if as_json else SHOWN, json=as_json)


def _all(archived: bool) -> list[Driver]:
    query = select(Driver).order_by(func.lower(Driver.name), Driver.id)
    if not archived:
        query = query.where(Driver.archived_at.is_(None))
    return list(cli.reading().scalars(query))


@group.command("show")
@click.argument("who")
@cli.json_option
@cli.fails_plainly
def show(who: str, as_json: bool) -> None:
    """Show a driver (WHO: e-mail address, name or id), with what was billed."""
    db = cli.reading()
    driver = _found(db, cli.the_tenant(db).id, who)
    billed = [
        f"{money(one.gross_minor, one.currency)} for {kwh(one.energy_wh)}"
        for one in queries.sums(db, driver)
    ]
    cli.print_row(driver, [*COLUMNS, ("billed", lambda _: billed)], json=as_json)


@group.command("edit")
@click.argument("who")
@click.option("--name", help="A new name.")
@_details
@cli.fails_plainly
def edit(who: str, **values: Any) -> None:
    """Change a driver; what is not given stays."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        driver = _found(db, tenant_id, who)
        facts = _facts(db, tenant_id, drivers.facts_of(driver), values)
        drivers.edit(db, cli.ACTOR, driver, facts, now=cli.now())
    click.echo(f"Changed the driver {driver.name}.")


@group.command("archive")
@click.argument("who")
@click.option("--undo", is_flag=True, help="Take them out of the archive.")
@cli.fails_plainly
def archive(who: str, undo: bool) -> None:
    """Put a driver and their tags into the archive; sessions and bills stay."""
    with unit_of_work() as db:
        driver = _found(db, cli.the_tenant(db).id, who, archived=True)
        if undo:
            drivers.restore(db, cli.ACTOR, driver, now=cli.now())
            sentence = f"Restored the driver {driver.name}."
        else:
            count = drivers.archive(db, cli.ACTOR, driver, now=cli.now())
            sentence = f"Archived the driver {driver.name} and {count} of their tags."
    click.echo(sentence)


@group.command("export")
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@cli.fails_plainly
def export(path: Path | None) -> None:
    """Write the drivers as CSV to PATH, or to standard output."""
    cli.write_csv(path, EXPORTED, _all(archived=False))


@group.command("import")
@imports.options
@cli.fails_plainly
def import_(path: Path, valid_only: bool, dry_run: bool, leave_out: bool) -> None:
    """Add the drivers of a CSV file (columns as in the export); a known address is changed.

    Columns of other systems and German ones are known too; what is not understood is named.
    """
    table, options = imports.read(path, headings.DRIVERS), Options(leave_out=leave_out)
    with unit_of_work() as db:
        tenant_id, now = cli.the_tenant(db).id, cli.now()
        planned = driver_import.plan(db, table, tenant_id=tenant_id)
        imports.look_through(planned, options, valid_only=valid_only, dry_run=dry_run)
        if not dry_run:
            driver_import.carry_out(db, cli.ACTOR, planned, tenant_id=tenant_id, now=now)


def _found(db: Session, tenant_id: int, who: str, *, archived: bool = False) -> Driver:
    if who.isascii() and who.isdigit() and len(who) < 19:
        driver = db.get(Driver, int(who))
        if driver is not None and driver.tenant_id == tenant_id:
            return driver
    return drivers.named(db, tenant_id, who, archived=archived)
