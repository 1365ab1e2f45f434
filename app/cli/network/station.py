"""flask station: chargers, their passwords, and orders to them."""

import os
import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.cli.commands import _asking as asking
from app.cli.ground import _bulk
from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.cli.network import _stations as shared
from app.domain.access.imports import headings
from app.domain.access.imports import stations as station_import
from app.domain.access.imports.plans import Options, Plan
from app.domain.access.imports.sheet import Row
from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import Order
from app.domain.network import sites, stations
from app.extensions import the_settings
from app.models import ChargingSession, Station
from app.resource import STATIONS
from app.text.setup_guide import charger_address
from app.uow import in_units, unit_of_work
from app.web import bundle

station_command = cli.Group("station", help="Chargers, their passwords, and orders to them.")


@station_command.command("add")
@click.argument("identity")
@click.option("--site", required=True, help="Where it stands: a site's name.")
@click.option("--password", help="A chosen password; without one, one is made and printed.")
@shared.details
@cli.json_option
def add(identity: str, site: str, password: str | None, as_json: bool, **values: Any) -> None:
    """Register the station IDENTITY; a password that was made is printed this once."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        place = sites.named(db, tenant_id, site)
        given = shared.given(db, tenant_id, values)
        station, clear = stations.register(
            db, cli.ACTOR, tenant_id, place, identity, now=cli.now(), password=password, **given
        )
    address = charger_address(the_settings())
    if as_json:
        row = {heading: cli.plain(read(station)) for heading, read in shared.columns(())}
        cli.print_json({**row, "url": address.of(station.identity),
                        "password": clear})  # fmt: skip
        return
    click.echo(f"Registered {station.identity} at {place.name}.")
    click.echo(f"URL       {address.of(station.identity)}")
    if address.doubt:
        click.echo(address.doubt, err=True)
    if clear is not None:
        click.echo(f"Password  {clear}")
        click.echo("The password is shown this once; type it into the charger now.", err=True)


@station_command.command("list")
@click.option("--site", help="Only those at this site.")
@click.option("--online", is_flag=True, help="Only those connected now.")
@click.option("--archived", is_flag=True, help="Also those in the archive.")
@cli.json_option
def list_(site: str | None, online: bool, archived: bool, as_json: bool) -> None:
    """List the stations."""
    db = cli.reading()
    query = select(Station)
    if site:
        query = query.where(Station.site_id == sites.named(db, cli.the_tenant(db).id, site).id)
    if not archived:
        query = query.where(Station.archived_at.is_(None))
    rows, connected = shared.found(db, query, cli.now())
    if online:
        rows = [row for row in rows if row.id in connected]
    columns = shared.columns(connected) if as_json else shared.short(connected)
    cli.print_rows(rows, columns, json=as_json)


@station_command.command("show")
@click.argument("identity")
@cli.json_option
def show(identity: str, as_json: bool) -> None:
    """Show the station IDENTITY."""
    db = cli.reading()
    station = cli.station(db, identity)
    cli.print_row(station, shared.columns(shared.online(station, cli.now())), json=as_json)


_bulk.hang(station_command, [(stations.MANY, cli.station)], "its identity")


plain = Plain(station_command, STATIONS, "identity", shared.OPTIONS, shared.given, bare=True)
plain.edit(
    "Change the station IDENTITY; what is not given stays.",
    click.option("--identity", "new_identity", help="A new identity; the charger must use it too."),
    click.option("--site", help="Move it to this site."),
)
plain.archive("Put the station IDENTITY into the archive: its connection ends, its history stays.")


@station_command.command("password")
@click.argument("identity")
@click.option("--password", help="A chosen password; without one, one is made and printed.")
def password(identity: str, password: str | None) -> None:
    """Give the station IDENTITY a new password; one that was made is printed this once."""
    clear = None
    with unit_of_work() as db:
        station = cli.station(db, identity)
        if password:
            stations.set_password(db, cli.ACTOR, station, password, now=cli.now())
        else:
            clear = stations.new_password(db, cli.ACTOR, station, now=cli.now())
    click.echo(
        f"{station.identity} has a new password; an open connection ends, the next needs it.",
        err=True,
    )
    if clear is not None:
        click.echo(clear)


@station_command.command("order")
@click.argument("identity")
@click.argument("order", type=click.Choice([order.value for order in Order]))
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@asking.yes_option
@asking.wait_option
@cli.json_option
def order_(
    identity: str, order: str, arguments: tuple[str, ...], yes: bool, wait: bool, as_json: bool
) -> None:
    """Give ORDER to the station IDENTITY, for example: unlock connector=1.

    `flask order kinds` tells what orders there are and what they take.
    """
    given = asking.pairs(arguments)
    asking.ask(identity, Order(order), given, wait=wait, as_json=as_json, yes=yes)


@station_command.command("raw")
@click.argument("identity")
@click.argument("action")
@click.argument("payload", default="{}")
@click.option("--check/--no-check", default=True, help="Hold it against the schema first.")
@asking.wait_option
@cli.json_option
def raw(identity: str, action: str, payload: str, check: bool, wait: bool, as_json: bool) -> None:
    """Send the message ACTION with the JSON object PAYLOAD exactly as it is given."""
    given = {"action": action, "payload": payload, "check": check}
    asking.ask(identity, Order.RAW, given, wait=wait, as_json=as_json)


for _command in (order_, raw):
    _command.epilog = asking.EXIT_WORDS
#: The name that orders had before.
station_command.add_command(order_, "command")


@station_command.command("export")
@click.argument("path", required=False, type=cli.TO)
@cli.zone_option
def export(path: Path | None, timezone: str | None) -> None:
    """Write all stations as CSV (without passwords) to PATH, or to standard output."""
    db = cli.reading()
    rows, connected = shared.found(db, select(Station), cli.now())
    cli.write_csv(path, shared.columns(connected), rows, cli.zone_of(db, timezone))


@station_command.command("bundle")
@click.argument("identity")
@click.argument("path", required=False, type=cli.TO)
@click.option("--session", "session_id", type=int, help="Only this session and the time around it.")
@click.option("--days", type=click.IntRange(1, bundle.MOST_DAYS), help="So many days back.")
@click.option("--tags", "cards", is_flag=True, help="Leave the numbers of tags in it.")
def support_bundle(
    identity: str, path: Path | None, session_id: int | None, days: int | None, cards: bool
) -> None:
    """Write what a manufacturer needs of a station to a ZIP: PATH, or - for standard output."""
    db, now = cli.reading(), cli.now()
    station = cli.station(db, identity)
    session = db.get(ChargingSession, session_id) if session_id is not None else None
    if session_id is not None and (session is None or session.station_id != station.id):
        raise NotFound(f"{station.identity} has no session {session_id}.")
    of = bundle.extent(station, session, now=now, days=days)
    path = path or Path(bundle.name_of(of, now))
    with click.open_file(str(path), "wb") as file:
        for part in bundle.pack(db, cli.ACTOR, of, now=now, cards=cards):
            file.write(part)
    click.echo(f"Wrote {path}.", err=True)


@station_command.command("import")
@imports.options
@click.option("--passwords", type=cli.TO,
              help="Write the passwords that were made to this CSV file.")  # fmt: skip
@click.option("--site", default="", help="Where new stations stand whose row names no site.")
@imports.unblock_option
def import_(
    path: Path, valid_only: bool, dry_run: bool, passwords: Path | None, **agreed: Any
) -> None:
    """Register the stations of a CSV file; a known identity is changed.

    Columns: identity and site, and any of name, password, security_profile, mode,
    registration, validation, connectors, plug_type, max_power_w, username_alias,
    tariff, note; other systems' and German ones are known too.  All rows are tried
    first: they go in, or none does and every row that cannot be used is named.
    """
    table, options = imports.read(path, headings.STATIONS), Options(**agreed)
    planned, rows = station_import.listed(table, now=cli.now())
    with unit_of_work() as db:
        given: Any = {"tenant_id": cli.the_tenant(db).id, "options": options}
    in_units(rows, lambda db, part: station_import.try_out(db, cli.ACTOR, planned, part, **given))
    imports.look_through(planned, options, valid_only=valid_only, dry_run=dry_run)
    if not dry_run:
        _import(planned, rows, passwords, given)


def _import(planned: Plan[Any], rows: list[Row], passwords: Path | None, given: Any) -> None:
    """Write rows that were tried, and whatever comes between, the passwords of those written."""
    told, planned.rows = len(planned.errors), []
    refused = {error.number for error in planned.errors}
    good = [row for row in rows if row.line not in refused]
    hashes = station_import.hashes(good)
    try:
        in_units(
            good,
            lambda db, part: station_import.carry_out(
                db, cli.ACTOR, planned, part, hashes, **given
            ),
        )
    finally:
        _tell_passwords([(row.value, row.clear) for row in planned.rows if row.clear], passwords)
    imports.tell_errors(planned.errors[told:])


def _tell_passwords(made: list[tuple[str, str]], passwords: Path | None) -> None:
    if made:
        if passwords is None:
            click.echo("The passwords that were made are printed below, this once.", err=True)
        columns: list[cli.Column] = [
            ("identity", lambda one: one[0]),
            ("password", lambda one: one[1]),
        ]
        cli.write_csv(passwords, columns, made)


# `flask simulate`: chargers in software against any URL.
#
# The simulator is a program of its own (`python -m worker.simulator`), because
# the business knows no worker; this is its name among the other commands.


@click.command(
    "simulate",
    help="Run simulated chargers against a worker; --help lists the simulator's own options.",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulate(arguments: tuple[str, ...]) -> None:
    """Become the simulator: Ctrl-C and the exit status are its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "worker.simulator", *arguments])


groups = [station_command, simulate]
