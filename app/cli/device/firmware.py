"""flask firmware: the library of images, and updating stations with them."""

from pathlib import Path
from typing import Any

import click
from flask import current_app

from app.cli.commands._asking import ask, wait_option
from app.cli.ground import _shared as cli
from app.domain.device import firmware
from app.domain.device.firmware import FirmwareFacts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order
from app.models import FirmwareFile
from app.queries.device import files as queries
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.uow import unit_of_work
from app.web.file_store import FIRMWARE, Store

group = cli.Group("firmware", help="Images that stations are updated with.")

COLUMNS: list[cli.Column] = [
    ("id", lambda row: row.id),
    ("version", lambda row: row.version),
    ("vendor", lambda row: row.vendor),
    ("model", lambda row: row.model),
    ("file", lambda row: row.name),
    ("size_bytes", lambda row: row.size_bytes),
    ("signed", lambda row: row.signature is not None),
    ("sha256", lambda row: row.sha256),
    ("added", lambda row: row.created_at),
    ("archived_at", lambda row: row.archived_at),
]
_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)


@group.command("add")
@click.argument("file", type=_EXISTING)
@click.option("--version", required=True, help="As the station names it when it boots.")
@click.option("--vendor")
@click.option("--model")
@click.option("--signature", type=_EXISTING, help="A file with the signature in base64.")
@click.option("--signing-certificate", type=_EXISTING, help="A file with its certificate (PEM).")
@cli.json_option
def add(
    file: Path,
    version: str,
    vendor: str | None,
    model: str | None,
    signature: Path | None,
    signing_certificate: Path | None,
    as_json: bool,
) -> None:
    """Put FILE into the library."""
    settings = current_app.config["SETTINGS"]
    facts = FirmwareFacts(
        file.name, version, vendor, model, _text(signature), _text(signing_certificate)
    )
    store = Store(settings, FIRMWARE)
    with file.open("rb") as content:
        stored = store.save(content.read, settings.firmware_max_bytes)
    try:
        with unit_of_work() as db:
            tenant_id = cli.the_tenant(db).id
            row = firmware.add(db, cli.ACTOR, facts, stored, tenant_id=tenant_id, now=cli.now())
    except BaseException:
        store.remove([stored.stored_as])
        raise
    if as_json:
        cli.print_row(row, COLUMNS, json=True)
    else:
        click.echo(f"Added version {row.version} as number {row.id}.")


def _text(path: Path | None) -> str | None:
    try:
        return path.read_text(encoding="ascii") if path else None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is no text.") from None


@group.command("list")
@click.option("--archived", is_flag=True, help="Those in the archive instead.")
@cli.json_option
def list_(archived: bool, as_json: bool) -> None:
    """List the library."""
    page = queries.library(cli.reading(), "", Wish(size=CSV_LIMIT), archived=archived)
    columns = COLUMNS if as_json else [column for column in COLUMNS if column[0] != "sha256"]
    cli.print_rows(page.rows, columns, json=as_json)


@group.command("archive")
@click.argument("firmware_name", metavar="FIRMWARE")
def archive(firmware_name: str) -> None:
    """Put FIRMWARE (a number or a version) away."""
    with unit_of_work() as db:
        row: FirmwareFile = firmware.called(db, cli.the_tenant(db).id, firmware_name)
        firmware.archive(db, cli.ACTOR, row, now=cli.now())
    click.echo(f"Archived version {row.version}.")


@group.command("update")
@click.argument("station")
@click.argument("firmware_name", metavar="[FIRMWARE]", required=False)
@click.option("--url", help="An address of your own instead.")
@click.option("--retrieve-at", metavar="TIME", help="Like 2026-01-31T18:00:00Z.")
@click.option("--install-at", metavar="TIME")
@click.option("--retries", type=int)
@click.option("--retry-interval-s", type=int)
@click.option("--signed/--unsigned", default=None, help="Left out: signed where it can be.")
@wait_option
@cli.json_option
def update(
    station: str, firmware_name: str | None, wait: bool, as_json: bool, **given: Any
) -> None:
    """Update STATION with FIRMWARE (a number or a version of the library)."""
    wish = {name: value for name, value in given.items() if value is not None}
    if firmware_name:
        db = cli.reading()
        wish["firmware_id"] = firmware.called(db, cli.the_tenant(db).id, firmware_name).id
    ask(station, Order.UPDATE_FIRMWARE, wish, wait=wait, as_json=as_json)
