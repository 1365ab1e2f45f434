"""flask system: how the installation fares, what it is, and what is set, as the desk says it."""

import click
from sqlalchemy.exc import OperationalError

from app.cli.ground import _shared as cli
from app.domain.ground.rows import read
from app.domain.office import outbox
from app.extensions import is_away
from app.uow import unit_of_work
from app.web import about, system

group = cli.Group("system", help="How the installation fares, what it is, and its settings.")

COLUMNS: list[cli.Column] = read("part=name state fact since sentence")
ABOUT: list[cli.Column] = read(
    "version python machine database tables=revision newest_tables=newest_revision desk=desk_url "
    "chargers=charger_url status"
)
SETTINGS: list[cli.Column] = read("setting=name value from=origin meaning")


@group.command("show")
@cli.json_option
def show(as_json: bool) -> None:
    """Show how each part fares; exit status 1 when one of them is down."""
    try:
        parts = system.parts(cli.reading(), now=cli.now())
    except OperationalError as error:
        if not is_away(error):
            raise
        parts = system.without_database()
    cli.print_rows(parts, COLUMNS, json=as_json)
    if system.worst(parts) == system.BAD:
        raise click.exceptions.Exit(1)


@group.command("about")
@click.option("--report", is_flag=True, help="A text for a bug report, without addresses.")
@cli.json_option
def tell_about(report: bool, as_json: bool) -> None:
    """Show version, database, addresses and health of this installation."""
    facts = about.about(cli.reading(), now=cli.now())
    if report:
        click.echo(cli.printable(about.report(facts)))
    else:
        cli.print_row(facts, ABOUT, json=as_json)


@group.command("settings")
@cli.json_option
def settings(as_json: bool) -> None:
    """List every setting: its value (secrets masked), where it is from, what it does."""
    cli.print_rows(about.settings_in_use(), SETTINGS, json=as_json)


@group.command("try-mail")
def try_mail() -> None:
    """End the pause of all mail: the server is asked again now."""
    with unit_of_work() as db:
        outbox.try_again(db, cli.the_tenant(db).id)
    click.echo("Mails are tried again now.", err=True)
