"""flask reservation, flask local-list: what stations keep of tags."""

import click

from app.cli.commands import _asking as asking
from app.cli.ground import _shared as cli
from app.domain.access import local_lists
from app.domain.commands.orders.tags import MODES, PLUG_TYPES
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Order, ReservationState
from app.models import Reservation
from app.queries.access import reservations as queries
from app.queries.ground.paging import Wish

reservation_command = cli.Group("reservation", help="Connectors that stations keep for a tag.")

RESERVATION_COLUMNS: list[cli.Column] = [
    *read("id station=station.identity"),
    ("connector", lambda row: row.evse or None),
    *read("tag=token state until=expires_at session=session_id asked_by=created_by"),
    *read("sentence no_show no_show_why"),
]


@reservation_command.command("list")
@click.option(
    "--state", type=click.Choice(["open", "over", *ReservationState]), help="Only those in it."
)
@click.option("--station", help="Identity of a station.")
@cli.limit_option()
@cli.json_option
def list_reservations(state: str | None, station: str | None, limit: int, as_json: bool) -> None:
    """List reservations, the newest first."""
    db = cli.reading()
    place = cli.station(db, station).id if station else None
    wanted = queries.Filter(state=state or "", station_id=place)
    cli.print_rows(queries.page(db, wanted, Wish(size=limit)), RESERVATION_COLUMNS, json=as_json)


asking.hang(
    *(reservation_command, "add", Order.RESERVE, "Have STATION keep a connector for TAG."),
    click.argument("token", metavar="TAG"),
    click.option("--connector", type=click.IntRange(0, 1000), default=0, help="0: any."),
    click.option("--minutes", type=int, help="For so long from now on; or --until."),
    click.option("--until", "expires_at", metavar="TIME", help="Like 2026-01-31T18:00:00Z."),
    click.option("--plug-type", type=click.Choice(PLUG_TYPES), help="Any free plug of this type."),
)


@reservation_command.command("cancel")
@click.argument("number", type=int)
@asking.wait_option
@cli.json_option
def cancel_reservation(number: int, wait: bool, as_json: bool) -> None:
    """Have a station let the reservation NUMBER go."""
    row = cli.finds(Reservation, "reservation")(cli.reading(), number)
    given = {"reservation_id": number}
    asking.ask(row.station.identity, Order.CANCEL_RESERVATION, given, wait=wait, as_json=as_json)


# flask local-list: the tags that a station knows by heart.

local_list_command = cli.Group("local-list", help="Tags that a station knows by heart.")

ENTRY: list[cli.Column] = [
    ("tag", lambda row: row["token"]),
    ("status", lambda row: row["status"]),
    ("until", lambda row: row["expires_at"]),
    ("group", lambda row: row["parent"]),
]


@local_list_command.command("show")
@click.argument("station")
@click.option("--pending", is_flag=True, help="What a sending would change now.")
@cli.json_option
def show_list(station: str, pending: bool, as_json: bool) -> None:
    """Show what STATION holds, as far as we know."""
    db = cli.reading()
    place = cli.station(db, station)
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


asking.hang(
    *(local_list_command, "send", Order.SEND_LOCAL_LIST),
    "Send STATION its list, or what changed of it; further parts follow by themselves.",
    click.option(
        "--mode",
        type=click.Choice(MODES),
        default="auto",
        show_default=True,
        help="The whole list, or what changed; auto: what changed where that will do.",
    ),
)
asking.hang(
    *(local_list_command, "version", Order.READ_LOCAL_LIST_VERSION),
    "Ask STATION for the version of its list.",
)


groups = [reservation_command, local_list_command]
