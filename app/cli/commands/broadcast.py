"""flask broadcast: one order to many stations, and what came of it at each."""

import time
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import reactions
from app.cli.commands import _asking as asking
from app.cli.ground import _shared as cli
from app.domain.commands import broadcasts, commands, orders
from app.domain.commands.orders.catalogue import FOR_MANY
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Arguments, BroadcastState, Order
from app.domain.network import sites
from app.extensions import the_settings
from app.models import Broadcast, Station
from app.queries.commands import commands as queries
from app.queries.network.stations import Filter
from app.uow import unit_of_work

group = cli.Group("broadcast", help="One order to many stations, and what came of it at each.")


@group.command("start")
@click.argument("order", type=click.Choice([order.value for order in FOR_MANY]))
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--station", "identities", multiple=True, help="This station; may be repeated.")
@click.option("--site", help="Those at this site.")
@click.option("--vendor", help="Those of this vendor.")
@click.option("--model", help="Those of this model.")
@click.option("--protocol", help="Those that speak this, for example ocpp2.0.1.")
@click.option("--q", default="", help="Those that a search for this finds.")
@click.option("--offline/--online", default=False, help="Those that are not connected too.")
@click.option("--at-once", type=int, default=10, show_default=True, help="How many at a time.")
@click.option("--stop-percent", type=int, help="Stop when more than this share failed.")
@click.option("--wait/--no-wait", default=True, help="Wait until all have answered.")
@cli.json_option
def start(
    order: str, arguments: tuple[str, ...], at_once: int, stop_percent: int | None, wait: bool,
    as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Give ORDER to every station that is named or that all of the options fit.

    Ends with 0 when every station accepted, with 1 when one did not.
    """
    ttl_s = the_settings().command_ttl_s
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        found, chosen_by = _chosen(db, tenant_id, given)
        broadcast = broadcasts.start(
            *(db, cli.ACTOR, tenant_id, found, Order(order), asking.pairs(arguments)),
            now=cli.now(),
            ttl_s=ttl_s,
            at_once=at_once,
            stop_percent=stop_percent,
            chosen_by=chosen_by,
        )
    _follow(broadcast, wait=wait, as_json=as_json)


def _chosen(db: Session, tenant_id: int, given: Arguments) -> tuple[list[int], dict[str, Any]]:
    if given["identities"]:
        named = [cli.station(db, identity) for identity in given["identities"]]
        identities = [station.identity for station in named]
        return [station.id for station in named], {"stations": identities}
    site = sites.named(db, tenant_id, given["site"]) if given["site"] else None
    chosen = {name: given[name] for name in ("q", "vendor", "model", "protocol") if given[name]}
    if not given["offline"]:
        chosen["online"] = "yes"
    wanted = Filter(site_id=site.id if site else None, **chosen)
    found = wanted.select(cli.now()).with_only_columns(Station.id).order_by(Station.identity_key)
    return list(db.scalars(found)), {**chosen, **({"site": site.id} if site else {})}


def _follow(broadcast: Broadcast, *, wait: bool, as_json: bool) -> None:
    """Wait if that is wanted, print the results, and end with 1 unless all accepted."""
    reactions.flush()
    if wait:
        _await(broadcast)
    _print(broadcast, as_json)
    count = broadcasts.tally(cli.reading(), broadcast)
    if wait and count.total() != count["accepted"]:
        raise SystemExit(1)


def _await(broadcast: Broadcast) -> None:
    """Wait until nothing is under way; whatever nobody sends expires by itself."""
    db = cli.reading()
    looked_at = time.monotonic()
    while broadcast.state is BroadcastState.RUNNING or queries.under_way(db, broadcast):
        db.rollback()
        if time.monotonic() - looked_at > 2:
            looked_at = time.monotonic()
            with unit_of_work() as work:
                commands.expire_overdue(work, cli.now())
            more = True
            while more:
                with unit_of_work() as work:
                    more = broadcasts.go_on(work, broadcast.id, cli.now())
            reactions.flush()
        time.sleep(0.2)
        db.refresh(broadcast)


def _print(broadcast: Broadcast, as_json: bool) -> None:
    db = cli.reading()
    db.refresh(broadcast)
    if not as_json:
        words = orders.describe(broadcast.order, broadcast.arguments)
        said = f" {broadcast.sentence}" if broadcast.sentence else ""
        click.echo(f"{broadcast.id}: {words}: {broadcast.state.value}.{said}", err=True)
    cli.print_rows(queries.results(db, broadcast), RESULT, json=as_json)


RESULT: list[cli.Column] = read("station=identity state sentence latency_ms command=command_id")
LISTED: list[cli.Column] = [
    *read("id order"),
    ("words", lambda row: orders.describe(row.order, row.arguments)),
    *read("state requested_by created_at sentence"),
]
_numbered = cli.finds(Broadcast, "broadcast")


@group.command("list")
@cli.json_option
def list_(as_json: bool) -> None:
    """List the broadcasts, newest first."""
    query = select(Broadcast).order_by(Broadcast.id.desc()).limit(100)
    cli.print_rows(cli.reading().scalars(query), LISTED, json=as_json)


@group.command("show")
@click.argument("number", type=int)
@cli.json_option
def show(number: int, as_json: bool) -> None:
    """Show what came of the broadcast NUMBER at each station."""
    _print(_numbered(cli.reading(), number), as_json)


group.does(
    *("cancel", _numbered, broadcasts.cancel, "Cancelled; what is under way is still told."),
    "Send no more of the broadcast NUMBER.",
    argument="number",
    type=int,
)


@group.command("retry")
@click.argument("number", type=int)
@click.option("--wait/--no-wait", default=True, help="Wait until all have answered.")
@cli.json_option
def retry(number: int, wait: bool, as_json: bool) -> None:
    """Give the order of the broadcast NUMBER again to those that failed or were not reached."""
    with unit_of_work() as db:
        again = broadcasts.retry(db, cli.ACTOR, _numbered(db, number), now=cli.now())
    _follow(again, wait=wait, as_json=as_json)
