"""flask setting: the settings of stations, told and wanted, and what they get after a boot."""

import json
from typing import Any

import click

from app.cli.commands._asking import ask, wait_option
from app.cli.ground import _shared as cli
from app.domain.commands.orders.settings import BASES
from app.domain.device import onboarding
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order
from app.domain.network import stations
from app.queries.device import settings as queries
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.uow import unit_of_work

group = cli.Group("setting", help="Settings of stations.")

COLUMNS: list[cli.Column] = [
    ("setting", lambda one: one.key),
    ("value", lambda one: "•••" if one.secret else one.value),
    ("unit", lambda one: one.row.unit),
    ("wanted", lambda one: one.row.wanted),
    ("drifted", lambda one: one.drifted),
    ("read_only", lambda one: one.read_only),
    ("told_at", lambda one: one.row.reported_at),
]


@group.command("list")
@click.argument("station")
@click.option("--search", default="", help="Only those whose name or value has this.")
@click.option("--drifted", is_flag=True, help="Only those that are not as wanted.")
@cli.json_option
def list_(station: str, search: str, drifted: bool, as_json: bool) -> None:
    """List what STATION told of its settings."""
    db = cli.reading()
    place = stations.called(db, cli.the_tenant(db).id, station)
    show = "drifted" if drifted else ""
    cli.print_rows(
        queries.listed(db, place, search, show, Wish(size=CSV_LIMIT)), COLUMNS, json=as_json
    )


@group.command("read")
@click.argument("station")
@click.argument("keys", nargs=-1, metavar="[SETTING]...")
@wait_option
@cli.json_option
def read(station: str, keys: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Have STATION tell some settings, or all of them."""
    ask(station, Order.READ_SETTINGS, {"keys": list(keys)}, wait=wait, as_json=as_json)


@group.command("set")
@click.argument("station")
@click.argument("setting")
@click.argument("value")
@wait_option
@cli.json_option
def set_(station: str, setting: str, value: str, wait: bool, as_json: bool) -> None:
    """Change SETTING of STATION to VALUE; it is read back afterwards."""
    given = {"key": setting, "value": value}
    ask(station, Order.CHANGE_SETTING, given, wait=wait, as_json=as_json)


@group.command("report")
@click.argument("station")
@click.argument("base", type=click.Choice(BASES), default="full")
@wait_option
@cli.json_option
def report(station: str, base: str, wait: bool, as_json: bool) -> None:
    """Have STATION (OCPP 2.x) tell its device model."""
    ask(station, Order.READ_BASE_REPORT, {"base": base}, wait=wait, as_json=as_json)


@group.command("onboarding")
@click.argument("station")
@click.option("--set", "text", metavar="JSON", help='Like {"read": true}; {} for nothing.')
@click.option("--proposed", is_flag=True, help="Read once, ask for statuses, patient settings.")
def onboard(station: str, text: str | None, proposed: bool) -> None:
    """Show or say what STATION gets by itself after a boot."""
    with unit_of_work() as db:
        place = stations.called(db, cli.the_tenant(db).id, station)
        given: Any = _parsed(text) if text is not None else None
        if proposed:
            wanted = dict(onboarding.proposed(place))
            given = {"read": True, "triggers": ["status"], "settings": wanted}
        if given is not None:
            onboarding.change(db, cli.ACTOR, place, given, now=cli.now())
        kept = place.onboarding
    cli.print_json(kept)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise Invalid("The onboarding is no JSON.") from None
    if not isinstance(found, dict):
        raise Invalid("The onboarding is a JSON object.")
    return found
