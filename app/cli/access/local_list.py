"""flask local-list: the tags that a station knows by heart."""

import click

from app.cli.commands._asking import ask, wait_option
from app.cli.ground import _shared as cli
from app.domain.access import local_lists
from app.domain.commands.orders.tags import MODES
from app.domain.ground.vocabulary import Order
from app.domain.network import stations

group = cli.Group("local-list", help="Tags that a station knows by heart.")

ENTRY: list[cli.Column] = [
    ("tag", lambda row: row["token"]),
    ("status", lambda row: row["status"]),
    ("until", lambda row: row["expires_at"]),
    ("group", lambda row: row["parent"]),
]


@group.command("show")
@click.argument("station")
@click.option("--pending", is_flag=True, help="What a sending would change now.")
@cli.json_option
def show(station: str, pending: bool, as_json: bool) -> None:
    """Show what STATION holds, as far as we know."""
    db = cli.reading()
    place = stations.called(db, cli.the_tenant(db).id, station)
    row = local_lists.of(db, place)
    _, found = local_lists.pending(db, place, cli.now())
    if pending:
        rows = [
            {**entry, "change": word}
            for word in ("added", "changed", "removed")
            for entry in getattr(found, word)
        ]
        cli.print_rows(rows, [("change", lambda row: row["change"]), *ENTRY], json=as_json)
        return
    cli.print_rows(row.entries if row else [], ENTRY, json=as_json)
    if not as_json:
        version = row.version if row else 0
        said = "not asked" if row is None or row.reported_at is None else str(row.reported_version)
        drift = ", which is drift" if row is not None and local_lists.drifted(row) else ""
        line = (
            f"Version {version or 'none'}; it says: {said}{drift}. Changes to send: {len(found)}."
        )
        click.echo(line, err=True)


@group.command("send")
@click.argument("station")
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True)
@wait_option
@cli.json_option
def send(station: str, mode: str, wait: bool, as_json: bool) -> None:
    """Send STATION its list, or what changed of it; further parts follow by themselves."""
    ask(station, Order.SEND_LOCAL_LIST, {"mode": mode}, wait=wait, as_json=as_json)


@group.command("version")
@click.argument("station")
@wait_option
@cli.json_option
def version(station: str, wait: bool, as_json: bool) -> None:
    """Ask STATION for the version of its list."""
    ask(station, Order.READ_LOCAL_LIST_VERSION, {}, wait=wait, as_json=as_json)
