"""`bulk`: one action on many rows that are named; each that refuses it is told with its reason."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.ground.errors import NotFound
from app.domain.ground.many import Many
from app.uow import unit_of_work

Find = Callable[[Session, str], Any]


def hang(
    group: cli.Group,
    kinds: Sequence[tuple[Many, Find]],
    named: str,
    options: Sequence[Any] = (),
    beside: Callable[[Session, dict[str, Any]], dict[str, Any]] = lambda db, values: values,
) -> None:
    """Hang `bulk` on a noun's group.

    `kinds` are what may be done, each with what finds a row by what was typed, which the help calls
    `named`; `beside` makes of the `options` what goes to the act by name.
    """
    ways = {action: kind for kind in kinds for action in kind[0].acts}

    def bulk(action: str, names: tuple[str, ...], **values: Any) -> None:
        many, find = ways[action]
        rows, refused = {}, []
        with unit_of_work() as db:
            for name in _each(names):
                try:
                    row = find(db, name)
                    rows[row.id] = row
                except NotFound as error:
                    refused.append((name, error.sentence))
            many.refuse_more(len(rows))
            given = beside(db, values)
            tally = many.do(db, cli.ACTOR, action, [*rows.values()], now=cli.now(), **given)
        click.echo(f"Changed {tally.changed} of {len(rows) + len(refused)}.")
        for name, why in (refused := [*refused, *tally.refused]):
            click.echo(why if name in why else f"{name}: {why}", err=True)
        if refused:
            raise SystemExit(1)

    doc = (
        f"Do ACTION to many: {', '.join(ways)}. Each is named by {named}; - reads them from "
        "standard input, one a line. Those that refuse stay as they are and are told."
    )
    action = click.argument("action", type=click.Choice([*ways]))
    group.hang(
        "bulk", bulk, doc, action, *options, click.argument("names", nargs=-1, required=True)
    )


def _each(names: Sequence[str]) -> Iterator[str]:
    """The names, and for `-` the lines of standard input."""
    for name in names:
        if name != "-":
            yield name
        else:
            lines = cli.contents(Path("-")).decode(errors="replace").splitlines()
            yield from filter(None, map(str.strip, lines))
