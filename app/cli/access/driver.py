"""flask driver: people who charge and get receipts."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from app.cli.ground import _bulk
from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.access import drivers, forgetting
from app.domain.access.drivers import LANGUAGES
from app.domain.access.imports import drivers as driver_import
from app.domain.access.imports import headings
from app.domain.access.imports.plans import Options
from app.domain.ground.rows import read
from app.domain.money import statements
from app.extensions import the_settings
from app.mails import mail
from app.models import Driver
from app.queries.access import drivers as queries
from app.resource import DRIVERS
from app.text import statement_words
from app.text.numbers import kwh, money
from app.uow import unit_of_work
from app.web import person_file

group = cli.Group("driver", help="People who charge and get receipts.")


def _added(driver: Driver) -> str:
    receipts = f"; receipts go to {driver.email}" if driver.email else ""
    return f"Added the driver {driver.name}{receipts}."


plain = Plain(
    group,
    DRIVERS,
    "who",
    (
        click.option("--language", type=click.Choice(list(LANGUAGES)), help="Of receipts."),
        click.option("--tariff", help="Name of a tariff; '' for none."),
    ),
)
plain.add("Add the driver NAME.", _added)
plain.list("List the drivers.", "id name email language tariff tags")
plain.edit("Change a driver; what is not given stays.", click.option("--name", help="A new name."))
plain.export(
    "Write the drivers as CSV to PATH, or to standard output.",
    " ".join(driver_import.COLUMNS),
    zone=False,
)


def _anyone(db: Session, who: str) -> Driver:
    driver: Driver = DRIVERS.named(db, cli.the_tenant(db).id, who, archived=True)
    return driver


_bulk.hang(group, [(drivers.MANY, _anyone)], "e-mail address, name or id")


@group.command("show")
@click.argument("who")
@cli.json_option
def show(who: str, as_json: bool) -> None:
    """Show a driver (WHO: e-mail address, name or id), with what was billed."""
    db = cli.reading()
    driver = DRIVERS.named(db, cli.the_tenant(db).id, who)
    billed = [
        f"{money(one.gross_minor, one.currency)} for {kwh(one.energy_wh)}"
        for one in queries.sums(db, driver)
    ]
    cli.print_row(driver, [*DRIVERS.columns, ("billed", lambda _: billed)], json=as_json)


group.does(
    *("archive", _anyone, drivers.archive),
    "Archived the driver {row.name} and {made} of their tags.",
    "Put a driver and their tags into the archive; sessions and bills stay.",
    argument="who",
    undo=(drivers.restore, "Restored the driver {row.name}.", "Take them out of the archive."),
)


@group.command("statement")
@click.argument("who")
@click.argument("month")
@click.option("--mail", is_flag=True, help="Mail it to the driver, too.")
@cli.json_option
def statement(who: str, month: str, mail: bool, as_json: bool) -> None:
    """Show the bills of a driver's MONTH (like 2026-10), and their sums on standard error."""
    db, first = cli.reading(), statements.read_month(month)
    driver = _anyone(db, who)
    found = statements.of(db, driver, first)
    columns = [
        *read("number kind issued_at session_id energy_wh currency"),
        *read("net_minor tax_minor gross_minor"),
    ]
    cli.print_rows(found.bills, columns, json=as_json)
    for each in found.sums:
        total = money(each.gross_minor, each.currency)
        click.echo(f"{each.bills} bills, {kwh(each.energy_wh)}, {total}.", err=True)
    if mail:
        with unit_of_work() as work:
            driver, write = work.get_one(Driver, driver.id), statement_words.letter
            statements.mail(work, cli.ACTOR, driver, first, write, now=cli.now())
        click.echo(f"Sending it to {driver.email}.", err=True)


@group.command("data")
@click.argument("who")
@click.argument("path", required=False, type=cli.TO)
def data(who: str, path: Path | None) -> None:
    """Write all that is kept of a driver to a ZIP: PATH, or - for standard output."""
    db, now = cli.reading(), cli.now()
    driver = _anyone(db, who)
    path = path or Path(person_file.name_of(driver, now))
    with click.open_file(str(path), "wb") as file:
        for part in person_file.pack(db, cli.ACTOR, driver, now=now):
            file.write(part)
    click.echo(f"Wrote {path}.", err=True)


@group.command("forget")
@click.argument("who")
@click.option("--name", help="The driver's name, instead of being asked for it.")
def forget(who: str, name: str | None) -> None:
    """Replace a driver's name, addresses and tags by a pseudonym, for good; bills stay."""
    db = cli.reading()
    driver = _anyone(db, who)
    if name is None:
        click.echo("What stays:", err=True)
        for what, why in forgetting.KEPT:
            click.echo(f"- {what}. {why}", err=True)
        name = click.prompt(f"{driver.name} is forgotten for good. Type the name to confirm")
    with unit_of_work() as work:
        driver = work.get_one(Driver, driver.id)
        row = forgetting.forget(work, cli.ACTOR, driver, name=str(name), now=cli.now())
        number, pseudonym = row.id, row.pseudonym
    mail.remove_mails_of(cli.reading(), the_settings(), number)
    more = True
    while more:
        with unit_of_work() as work:
            more = forgetting.go_on(work, number, now=cli.now())
    click.echo(f"Forgotten: {pseudonym}.")


@group.command("import")
@imports.options
def import_(path: Path, valid_only: bool, dry_run: bool, leave_out: bool) -> None:
    """Add the drivers of a CSV file (columns as in the export); a known address is changed.

    Columns of other systems and German ones are known too; what is not understood is named.
    """
    table, options = imports.read(path, headings.DRIVERS), Options(leave_out=leave_out)
    with unit_of_work() as work:
        tenant_id = cli.the_tenant(work).id
    planned = driver_import.plan(cli.reading(), table, tenant_id=tenant_id)
    imports.carry_out(
        *(driver_import, planned, options),
        valid_only=valid_only,
        dry_run=dry_run,
        tenant_id=tenant_id,
    )
