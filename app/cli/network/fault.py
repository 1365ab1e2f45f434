"""flask fault: what staff noted in front of stations, until it is done."""

import click
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.cli.ground import _shared as cli
from app.domain.ground.errors import NotFound
from app.domain.network import field
from app.models import NotedFault
from app.resource import STATIONS
from app.uow import unit_of_work

group = cli.Group("fault", help="What staff noted in front of stations, until it is done.")

COLUMNS: list[cli.Column] = [
    ("id", lambda row: row.id),
    ("station", lambda row: row.station.identity),
    *(
        (name, lambda row, name=name: getattr(row, name))
        for name in ("text", "noted_by", "noted_at", "done_by", "done_at", "done_note")
    ),
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
        row = STATIONS.named(db, cli.the_tenant(db).id, station)
        query = query.where(NotedFault.station_id == row.id)
    if not all_:
        query = query.where(NotedFault.done_at.is_(None))
    cli.print_rows(db.scalars(query.order_by(NotedFault.id.desc())), COLUMNS, json=as_json)


@group.command("add")
@click.argument("station")
@click.argument("text")
def add(station: str, text: str) -> None:
    """Note that TEXT is wrong with the station STATION."""
    with unit_of_work() as db:
        row = STATIONS.named(db, cli.the_tenant(db).id, station)
        fault = field.note_fault(db, cli.ACTOR, row, text, now=cli.now())
        number = fault.id
    click.echo(f"Noted as fault {number}.")


@group.command("done")
@click.argument("fault_id", type=int)
@click.option("--note", default="", help="What was done.")
def done(fault_id: int, note: str) -> None:
    """Say that the fault FAULT_ID is done."""
    with unit_of_work() as db:
        fault = db.get(NotedFault, fault_id)
        if fault is None:
            raise NotFound(f"There is no fault {fault_id}.")
        field.settle_fault(db, cli.ACTOR, fault, note, now=cli.now())
    click.echo("Done.")
