"""Giving a station an order from the command line, and waiting for what comes of it."""

import sys
import time
from collections.abc import Callable, Collection
from typing import Any

import click

from app import reactions
from app.cli.ground import _shared as cli
from app.cli.network import _stations as shared
from app.domain.commands import command_rules, commands
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import OPEN_STATES, Arguments, CommandState, Order
from app.extensions import the_settings
from app.models import Command
from app.uow import unit_of_work

#: The exit status of whoever waits, by how the command ended; 1 is also any refusal of ours.
EXITS: dict[CommandState, int] = {
    CommandState.ACCEPTED: 0,
    CommandState.REJECTED: 1,
    CommandState.FAILED: 3,
    CommandState.TIMED_OUT: 4,
    CommandState.EXPIRED: 5,
    CommandState.UNSUPPORTED: 6,
}
#: The same in words, for the help of commands.
EXIT_WORDS = (
    "Ends with 0 when the station accepted, 1 when it (or Ampdesk) refused, 3 after an error, "
    "4 without an answer, 5 when it could not be sent in time, 6 when it cannot be asked for it."
)

wait_option = click.option("--wait/--no-wait", default=True, help="Wait for the station's answer.")


yes_option = click.option("--yes", is_flag=True, help="Also where it ends running sessions.")


def ask(
    identity: str,
    order: Order,
    given: Arguments,
    *,
    wait: bool,
    as_json: bool,
    yes: bool = False,
) -> None:
    """Give the order, print what came of it, and end with the status of `EXITS`.

    Before an order that ends running sessions a person is asked; a script says `--yes`.
    """
    patience_s = the_settings().command_ttl_s
    try:
        row = _queued(identity, order, given, patience_s, None if yes else ())
    except command_rules.EndsSessions as error:
        if not sys.stdin.isatty():
            raise Conflict(f"{error.sentence} Say --yes to do it all the same.") from None
        click.confirm(f"{error.sentence} Go on?", abort=True)
        row = _queued(identity, order, given, patience_s, error.sessions)
    reactions.flush()
    if wait:
        _await(row, patience_s + 180)
    if as_json:
        cli.print_row(row, shared.COMMAND, json=True)
    else:
        click.echo(f"{commands.STATE_WORDS[row.state]}: {row.sentence or 'on its way.'}")
    if wait and (status := EXITS.get(row.state, 1)):
        raise SystemExit(status)


def hang(
    group: cli.Group,
    name: str,
    order: Order,
    help: str,
    *options: Any,
    reads: Callable[..., dict[str, Any]] = dict,
) -> None:
    """Hang a command that gives STATION an order; `reads` makes its arguments of what was typed."""

    def command(station: str, wait: bool, as_json: bool, **given: Any) -> None:
        ask(station, order, reads(**cli.typed(given)), wait=wait, as_json=as_json)

    group.hang(
        name, command, help, click.argument("station"), *options, wait_option, cli.json_option
    )


def _queued(
    identity: str,
    order: Order,
    given: Arguments,
    ttl_s: float,
    known: Collection[int] | None,
) -> Command:
    with unit_of_work() as db:
        station = cli.station(db, identity)
        wish = (station, order, given)
        return commands.queue(db, cli.ACTOR, *wish, now=cli.now(), ttl_s=ttl_s, known=known)


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE arguments; a value may be JSON where the order takes some."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Invalid(f"{text} should look like name=value.")
        found[name] = value
    return found


def _await(row: Command, patience_s: float) -> None:
    """Wait until a command is settled; it settles by itself when nobody sends it in time."""
    db = cli.reading()
    deadline = time.monotonic() + patience_s
    while row.state in OPEN_STATES and time.monotonic() < deadline:
        db.rollback()
        if row.state is CommandState.QUEUED and row.expires_at <= cli.now():
            with unit_of_work() as work:
                commands.expire_overdue(work, cli.now())
            continue
        time.sleep(0.1)
        db.refresh(row)
