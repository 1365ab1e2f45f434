"""flask logs: diagnostics and security logs that stations bring."""

import shutil
from pathlib import Path
from typing import Any

import click
from flask import current_app

from app.cli.commands._asking import ask, wait_option
from app.cli.ground import _shared as cli
from app.domain.commands.orders.files import LOGS
from app.domain.ground.errors import NotFound
from app.domain.ground.vocabulary import Order
from app.domain.network import stations
from app.models import FileJob
from app.queries.device import files as queries
from app.queries.ground.paging import Wish
from app.web.file_store import UPLOADS, Store

group = cli.Group("logs", help="Logs that stations bring, and all firmware and log jobs.")

COLUMNS: list[cli.Column] = [
    ("id", lambda row: row.id),
    ("station", lambda row: row.station.identity),
    ("kind", lambda row: row.kind),
    ("state", lambda row: row.state),
    ("said", lambda row: row.word),
    ("file", lambda row: row.file_name),
    ("size_bytes", lambda row: row.size_bytes),
    ("sha256", lambda row: row.sha256),
    ("downloads", lambda row: row.downloads),
    ("asked_at", lambda row: row.created_at),
    ("asked_by", lambda row: row.created_by),
    ("sentence", lambda row: row.sentence),
]


@group.command("fetch")
@click.argument("station")
@click.option("--kind", type=click.Choice(LOGS), default="diagnostics", show_default=True)
@click.option("--oldest", metavar="TIME", help="Like 2026-01-31T18:00:00Z.")
@click.option("--latest", metavar="TIME")
@click.option("--url", help="An address of your own, where the station shall bring it.")
@click.option("--retries", type=int)
@click.option("--retry-interval-s", type=int)
@wait_option
@cli.json_option
def fetch(station: str, wait: bool, as_json: bool, **given: Any) -> None:
    """Have STATION bring a log."""
    wish = {name: value for name, value in given.items() if value is not None}
    ask(station, Order.FETCH_LOGS, wish, wait=wait, as_json=as_json)


@group.command("list")
@click.option("--station", help="Identity of a station.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@cli.json_option
def list_(station: str | None, limit: int, as_json: bool) -> None:
    """List firmware and log jobs, the newest first."""
    db = cli.reading()
    place = stations.called(db, cli.the_tenant(db).id, station).id if station else None
    page = queries.jobs(db, queries.JobFilter(station_id=place), Wish(size=limit))
    short = [column for column in COLUMNS if column[0] not in ("sha256", "asked_by")]
    cli.print_rows(page.rows, COLUMNS if as_json else short, json=as_json)


@group.command("save")
@click.argument("job", type=int)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
def save(job: int, path: Path) -> None:
    """Copy what a station brought for JOB to PATH."""
    row = cli.reading().get(FileJob, job)
    found = (
        Store(current_app.config["SETTINGS"], UPLOADS).path(row.stored_as or "") if row else None
    )
    if found is None:
        raise NotFound(f"No file came for job {job}.")
    shutil.copyfile(found, path)
    click.echo(f"Wrote {path}.", err=True)
