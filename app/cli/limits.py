"""Commands: how much may be drawn: charging profiles, schedules, what cars need, and the grid."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from app.cli.commands import _asking as asking
from app.cli.ground import _shared as cli
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Order
from app.domain.limits import profile_forms, profiles, setpoints, station_profiles
from app.domain.limits.profile_documents import KINDS, PURPOSES, UNITS, said
from app.queries import limits as queries
from app.queries.ground.paging import Wish
from app.uow import unit_of_work

group = cli.Group("profile", help="Charging profiles: how much may be charged, and when.")

COLUMNS: list[cli.Column] = [
    *read("id name"),
    ("says", lambda row: said(row.document)),
    *read("note archived_at"),
]
HELD: list[cli.Column] = [
    *read("number=id"),
    ("connector", lambda row: row.evse or None),
    *read("session=session_id source"),
    ("says", lambda row: _said(row)),
    *read("state sentence"),
]


_unit_option = click.option(
    "--unit", type=click.Choice(UNITS, case_sensitive=False), default="A", show_default=True,
    help="Of the limits: amperes per phase, or watts of all phases.",
)  # fmt: skip


def _said(row: Any) -> str:
    document = row.sent or row.document
    return said({"purpose": "external", "kind": "absolute", "unit": "A", **document})


@group.command("list")
@click.option("--archived", is_flag=True, help="Those in the archive instead.")
@cli.json_option
def list_(archived: bool, as_json: bool) -> None:
    """List the library."""
    wanted = queries.Filter(state="archived" if archived else "")
    page = queries.page(cli.reading(), wanted, Wish(size=100_000))
    cli.print_rows(page, COLUMNS, json=as_json)


@group.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the profile NAME as the JSON that `add --file` takes."""
    cli.print_json(_named(cli.reading(), name).document)


@group.command("add")
@click.argument("name")
@click.option(
    "--purpose",
    type=click.Choice(list(PURPOSES)),
    default="default",
    show_default=True,
    help="What it limits: all sessions, one, or the whole station.",
)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    default="absolute",
    show_default=True,
    help="Whether it repeats, and from when its periods count.",
)
@_unit_option
@click.option(
    "--stack-level",
    type=int,
    default=0,
    show_default=True,
    help="Of two with one purpose, the higher level holds.",
)
@click.option("--limits", help="Like '00:00 16 3; 07:00 32': start, limit, phases.")
@click.option("--min-rate", help="Below it, in the same unit, the car cannot charge well.")
@click.option("--note", help="For people.")
@click.option("--file", "path", type=cli.FROM, help="All of it as JSON instead.")
def add(name: str, note: str | None, path: Path | None, limits: str | None, **given: Any) -> None:
    """Put the profile NAME into the library."""
    document = _document(path, limits, given)
    with unit_of_work() as db:
        wanted: Any = {"name": name, "document": document, "note": note}
        made = profiles.add(db, cli.ACTOR, cli.the_tenant(db).id, now=cli.now(), **wanted)
    click.echo(f"Added {made.name}: {said(made.document)}.")


def _document(path: Path | None, limits: str | None, given: dict[str, Any]) -> dict[str, Any]:
    if path is None:
        if not limits:
            raise Invalid("Give --limits or --file.")
        return {**cli.typed(given), "periods": profile_forms.read_periods(limits)}
    found = cli.document(path)
    if not isinstance(found, dict):
        raise Invalid(f"{path} holds no JSON object.")
    return found


_named = cli.by_name(profiles.named)


group.does(
    *("archive", _named, profiles.archive, "{row.name} is in the archive."),
    "Put the profile NAME away; stations keep what they hold.",
)
group.does(
    *("restore", _named, profiles.restore, "{row.name} is back in the library."),
    "Take the profile NAME out of the archive.",
)


def _set(name: str, **given: Any) -> dict[str, Any]:
    return {"profile_id": _named(cli.reading(), name).id, **given}


asking.hang(
    *(group, "set", Order.SET_PROFILE, "Give STATION the profile NAME."),
    click.argument("name"),
    click.option(
        "--connector", type=click.IntRange(0, 1000), default=0, help="0: the whole station."
    ),
    click.option("--session", "session_id", type=int, help="The session that it limits."),
    reads=_set,
)
asking.hang(
    *(group, "clear", Order.CLEAR_PROFILE),
    "Have STATION forget the profile NUMBER (see `flask profile held`).",
    click.argument("station_profile_id", metavar="NUMBER", type=int),
)


@group.command("setpoint")
@click.argument("station")
@click.argument("connector", type=click.IntRange(1, 1000))
@click.argument("limit", type=Decimal)
@_unit_option
@click.option("--phases", type=click.IntRange(1, 3), help="How many to charge with.")
def setpoint(station: str, connector: int, limit: Decimal, unit: str, phases: int | None) -> None:
    """Let the session at a CONNECTOR of STATION have LIMIT amperes per phase, or watts of all."""
    with unit_of_work() as db:
        place = cli.station(db, station)
        setpoints.want(
            db, cli.ACTOR, place, connector, limit=limit, unit=unit.upper(), phases=phases,
            now=cli.now(), ttl_s=60,
        )  # fmt: skip
    click.echo(f"{station}, connector {connector}: {limit} {unit.upper()} is wanted.")


@group.command("held")
@click.argument("station")
@cli.json_option
def held(station: str, as_json: bool) -> None:
    """List what STATION is believed to hold now."""
    db = cli.reading()
    place = cli.station(db, station)
    cli.print_rows(station_profiles.current(db, place), HELD, json=as_json)
