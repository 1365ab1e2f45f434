"""flask fault: what staff noted in front of stations, until it is done."""

import click
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.cli.ground import _shared as cli
from app.domain.ground.rows import read
from app.domain.network import field
from app.models import NotedFault

group = cli.Group("fault", help="What staff noted in front of stations, until it is done.")

COLUMNS: list[cli.Column] = [
    *read("id station=station.identity text noted_by noted_at done_by done_at done_note"),
    ("photo", lambda row: row.photo is not None),
]


@group.command("list")
@click.option("--station", help="Identity of a station.")
@click.option("--all", "all_", is_flag=True, help="Also those that are done.")
@cli.json_option
def list_(station: str | None, all_: bool, as_json: bool) -> None:
    """List noted faults, the newest first."""
    db = cli.reading()
    query = select(NotedFault).options(joinedload(NotedFault.station))
    if station is not None:
        query = query.where(NotedFault.station_id == cli.station(db, station).id)
    if not all_:
        query = query.where(NotedFault.done_at.is_(None))
    cli.print_rows(db.scalars(query.order_by(NotedFault.id.desc())), COLUMNS, json=as_json)


group.does(
    *("add", cli.station, field.note_fault, "Noted as fault {made.id}."),
    "Note that TEXT is wrong with the station STATION.",
    click.argument("text"),
    argument="station",
)
group.does(
    *("done", cli.finds(NotedFault, "fault"), field.settle_fault, "Done."),
    "Say that the fault FAULT_ID is done.",
    click.option("--note", default="", help="What was done."),
    argument="fault_id",
    type=int,
)
