"""flask system: how the installation itself fares, as Home's card says it."""

import click

from app.cli.ground import _shared as cli
from app.web import system

group = cli.Group("system", help="How worker, Redis, Celery, mail, database and disk fare.")

COLUMNS: list[cli.Column] = [
    ("part", lambda part: part.name),
    ("state", lambda part: part.state),
    ("fact", lambda part: part.fact),
    ("since", lambda part: part.since),
    ("sentence", lambda part: part.sentence),
]


@group.command("show")
@cli.json_option
def show(as_json: bool) -> None:
    """Show how each part fares; exit status 1 when one of them is down."""
    parts = system.parts(cli.reading(), now=cli.now())
    cli.print_rows(parts, COLUMNS, json=as_json)
    if system.worst(parts) == system.BAD:
        raise click.exceptions.Exit(1)
