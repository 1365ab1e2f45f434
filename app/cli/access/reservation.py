"""flask reservation: connectors kept for a tag."""

import click

from app.cli.commands._asking import ask, wait_option
from app.cli.ground import _shared as cli
from app.domain.commands.orders.tags import PLUG_TYPES
from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import Order, ReservationState
from app.domain.network import stations
from app.models import Reservation
from app.queries.access import reservations as queries
from app.queries.ground.paging import Wish
from app.resource import read

group = cli.Group("reservation", help="Connectors that stations keep for a tag.")

COLUMNS: list[cli.Column] = [
    *read("id station=station.identity"),
    ("connector", lambda row: row.evse or None),
    *read("tag=token state until=expires_at session=session_id asked_by=created_by"),
    *read("sentence"),
]


@group.command("list")
@click.option("--state", type=click.Choice(["open", "over", *ReservationState]))
@click.option("--station", help="Identity of a station.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@cli.json_option
def list_(state: str | None, station: str | None, limit: int, as_json: bool) -> None:
    """List reservations, the newest first."""
    db = cli.reading()
    place = stations.called(db, cli.the_tenant(db).id, station).id if station else None
    wanted = queries.Filter(state=state or "", station_id=place)
    cli.print_rows(queries.page(db, wanted, Wish(size=limit)), COLUMNS, json=as_json)


@group.command("add")
@click.argument("station")
@click.argument("tag")
@click.option("--connector", type=click.IntRange(0, 1000), default=0, help="0: any.")
@click.option("--minutes", type=int)
@click.option("--until", "expires_at", metavar="TIME", help="Like 2026-01-31T18:00:00Z.")
@click.option("--plug-type", type=click.Choice(PLUG_TYPES))
@wait_option
@cli.json_option
def add(station: str, tag: str, wait: bool, as_json: bool, **given: object) -> None:
    """Have STATION keep a connector for TAG."""
    wish = {name: value for name, value in given.items() if value is not None}
    ask(station, Order.RESERVE, {"token": tag, **wish}, wait=wait, as_json=as_json)


@group.command("cancel")
@click.argument("number", type=int)
@wait_option
@cli.json_option
def cancel(number: int, wait: bool, as_json: bool) -> None:
    """Have a station let the reservation NUMBER go."""
    row = cli.reading().get(Reservation, number) if 0 < number < 2**63 else None
    if row is None:
        raise NotFound(f"There is no reservation {number}.")
    given = {"reservation_id": number}
    ask(row.station.identity, Order.CANCEL_RESERVATION, given, wait=wait, as_json=as_json)
