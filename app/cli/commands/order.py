"""flask order: what orders there are, and what came of those that were given."""

import click

from app.cli.ground import _bulk
from app.cli.ground import _shared as cli
from app.cli.network import _stations as shared
from app.domain.commands import broadcasts, orders
from app.domain.commands.orders.catalogue import NOUNS
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import CommandState, Order
from app.extensions import the_settings
from app.models import Command
from app.queries.commands import commands as queries
from app.queries.ground.paging import Wish
from app.schemas.typed import Argument

group = cli.Group("order", help="What orders there are, and what came of those that were given.")


@group.command("kinds")
@click.argument("order", required=False, type=click.Choice([order.value for order in Order]))
@cli.json_option
def kinds(order: str | None, as_json: bool) -> None:
    """List the orders; with ORDER, what that one takes."""
    if order is None:
        rows = [(spec, noun) for noun, specs in NOUNS.items() for spec in specs]
        columns: list[cli.Column] = [
            ("order", lambda row: row[0].order),
            ("noun", lambda row: row[1]),
            ("meaning", lambda row: row[0].label),
        ]
        cli.print_rows(rows, columns, json=as_json)
        return
    cli.print_rows(orders.SPECS[Order(order)].arguments.items(), ARGUMENT, json=as_json)


def _values(argument: Argument) -> str:
    look = argument.looks
    if look.kind == "switch":
        return "yes, no"
    return ", ".join(look.choices) or look.kind


ARGUMENT: list[cli.Column] = [
    ("argument", lambda row: row[0]),
    ("required", lambda row: row[1].required),
    ("values", lambda row: _values(row[1])),
    ("meaning", lambda row: " ".join(filter(None, (row[1].label, row[1].help)))),
]


@group.command("list")
@click.option("--station", help="Only those of this station.")
@click.option(
    "--order", type=click.Choice([order.value for order in Order]), help="Only this kind of order."
)
@click.option(
    "--state",
    type=click.Choice([*(state.value for state in CommandState), "open"]),
    help="Only those in this state; open: that are not over.",
)
@cli.limit_option(20, most=1000)
@cli.json_option
def list_(
    station: str | None, order: str | None, state: str | None, limit: int, as_json: bool
) -> None:
    """List the newest commands."""
    db = cli.reading()
    wanted = queries.Filter(q=station or "", order=order or "", state=state or "")
    rows = queries.page(db, wanted, Wish(size=limit)).rows
    short = {"id", "station", "words", "state", "sentence", "requested_at"}
    columns = [column for column in shared.COMMAND if as_json or column[0] in short]
    cli.print_rows(rows, columns, json=as_json)


_found = cli.finds(Command, "order")


@group.command("show")
@click.argument("number", type=int)
@cli.json_option
def show(number: int, as_json: bool) -> None:
    """Show the command NUMBER with what was asked, tried and answered."""
    command = _found(cli.reading(), number)
    more = read("action request attempts")
    cli.print_row(command, [*shared.COMMAND, *more], json=as_json)


_bulk.hang(
    group,
    [(broadcasts.MANY, _found)],
    "its number",
    beside=lambda db, values: {"ttl_s": the_settings().command_ttl_s},
)
