"""Commands: what a station has: device model, settings, monitors, display, firmware, files."""

import json
import shutil
from pathlib import Path
from typing import Any

import click

from app.cli.commands import _asking as asking
from app.cli.ground import _shared as cli
from app.domain.commands.orders.files import LOGS
from app.domain.commands.orders.settings import BASES
from app.domain.device import files, onboarding
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Order
from app.extensions import the_settings
from app.models import FileJob
from app.queries.device import device_model as setting_queries
from app.queries.device import files as queries
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.uow import unit_of_work
from app.web.file_store import FIRMWARE, UPLOADS, Store

setting_command = cli.Group("setting", help="Settings of stations.")

SETTING_COLUMNS: list[cli.Column] = [
    *read("setting=key"),
    ("value", lambda one: "•••" if one.secret else one.value),
    *read("unit=row.unit wanted=row.wanted drifted read_only told_at=row.reported_at"),
]


@setting_command.command("list")
@click.argument("station")
@click.option("--search", default="", help="Only those whose name or value has this.")
@click.option("--drifted", is_flag=True, help="Only those that are not as wanted.")
@cli.json_option
def list_settings(station: str, search: str, drifted: bool, as_json: bool) -> None:
    """List what STATION told of its settings."""
    db = cli.reading()
    place = cli.station(db, station)
    show = "drifted" if drifted else ""
    found = setting_queries.listed(db, place, search, show, Wish(size=CSV_LIMIT))
    cli.print_rows(found, SETTING_COLUMNS, json=as_json)


asking.hang(
    *(setting_command, "read", Order.READ_SETTINGS),
    "Have STATION tell some settings, or all of them.",
    click.argument("keys", nargs=-1, metavar="[SETTING]..."),
    reads=lambda keys=(): {"keys": list(keys)},
)
asking.hang(
    *(setting_command, "set", Order.CHANGE_SETTING),
    "Change SETTING of STATION to VALUE; it is read back afterwards.",
    click.argument("key", metavar="SETTING"),
    click.argument("value"),
)
asking.hang(
    *(setting_command, "report", Order.READ_BASE_REPORT),
    "Have STATION (OCPP 2.x) tell its device model.",
    click.argument("base", type=click.Choice(BASES), default="full"),
)


@setting_command.command("onboarding")
@click.argument("station")
@click.option("--set", "text", metavar="JSON", help='Like {"read": true}; {} for nothing.')
@click.option("--proposed", is_flag=True, help="Read once, ask for statuses, patient settings.")
def onboard(station: str, text: str | None, proposed: bool) -> None:
    """Show or say what STATION gets by itself after a boot."""
    with unit_of_work() as db:
        place = cli.station(db, station)
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


# flask firmware: the library of images, and updating stations with them.

firmware_command = cli.Group("firmware", help="Images that stations are updated with.")

FIRMWARE_COLUMNS: list[cli.Column] = [
    *read("id version vendor model file=name size_bytes"),
    ("signed", lambda row: row.signature is not None),
    *read("sha256 added=created_at archived_at"),
]


@firmware_command.command("add")
@click.argument("file", type=cli.FROM)
@click.option("--version", required=True, help="As the station names it when it boots.")
@click.option("--vendor", help="Only for stations of this vendor.")
@click.option("--model", help="Only for stations of this model.")
@click.option("--signature", type=cli.FROM, help="A file with the signature in base64.")
@click.option("--signing-certificate", type=cli.FROM, help="A file with its certificate (PEM).")
@cli.json_option
def add_firmware(
    file: Path,
    signature: Path | None,
    signing_certificate: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Put FILE into the library."""
    settings = the_settings()
    told = {"signature": signature, "signing_certificate": signing_certificate}
    given |= {name: cli.text(path) if path else None for name, path in told.items()}
    with (
        click.open_file(str(file), "rb") as content,
        Store(settings, FIRMWARE).saved(content.read, settings.firmware_max_bytes) as stored,
        unit_of_work() as db,
    ):
        given |= {"name": file.name, "now": cli.now()}
        row = files.add_image(db, cli.ACTOR, cli.the_tenant(db).id, stored, **given)
    if as_json:
        cli.print_row(row, FIRMWARE_COLUMNS, json=True)
    else:
        click.echo(f"Added version {row.version} as number {row.id}.")


@firmware_command.command("list")
@click.option("--archived", is_flag=True, help="Those in the archive instead.")
@cli.json_option
def list_firmware(archived: bool, as_json: bool) -> None:
    """List the library."""
    page = queries.library(cli.reading(), "", Wish(size=CSV_LIMIT), archived=archived)
    columns = [one for one in FIRMWARE_COLUMNS if as_json or one[0] != "sha256"]
    cli.print_rows(page.rows, columns, json=as_json)


_named = cli.by_name(files.image_called)
_RETRIES = (
    click.option("--retries", type=int, help="How often the station tries again by itself."),
    click.option("--retry-interval-s", type=int, help="Seconds between two of its tries."),
)


firmware_command.does(
    *("archive", _named, files.archive, "Archived version {row.version}."),
    "Put FIRMWARE (a number or a version) away.",
    argument="firmware",
)


def _update(firmware_name: str = "", **wish: Any) -> dict[str, Any]:
    image = {"firmware_id": _named(cli.reading(), firmware_name).id} if firmware_name else {}
    return {**wish, **image}


asking.hang(
    *(firmware_command, "update", Order.UPDATE_FIRMWARE),
    "Update STATION with FIRMWARE (a number or a version of the library).",
    click.argument("firmware_name", metavar="[FIRMWARE]", required=False),
    click.option("--url", help="An address of your own instead."),
    click.option("--retrieve-at", metavar="TIME", help="Not before, like 2026-01-31T18:00:00Z."),
    click.option("--install-at", metavar="TIME", help="Not before; left out: once it is there."),
    *_RETRIES,
    click.option("--signed/--unsigned", default=None, help="Left out: signed where it can be."),
    reads=_update,
)


# flask logs: diagnostics and security logs that stations bring.

logs_command = cli.Group("logs", help="Logs that stations bring, and all firmware and log jobs.")

LOG_COLUMNS: list[cli.Column] = [
    *read("id station=station.identity kind state said=word file=file_name size_bytes"),
    *read("sha256 downloads asked_at=created_at asked_by=created_by sentence"),
]


asking.hang(
    *(logs_command, "fetch", Order.FETCH_LOGS, "Have STATION bring a log."),
    click.option(
        "--kind",
        type=click.Choice(LOGS),
        default="diagnostics",
        show_default=True,
        help="Which log.",
    ),
    click.option("--oldest", metavar="TIME", help="From when on, like 2026-01-31T18:00:00Z."),
    click.option("--latest", metavar="TIME", help="Until when."),
    click.option("--url", help="An address of your own, where the station shall bring it."),
    *_RETRIES,
)


@logs_command.command("list")
@click.option("--station", help="Identity of a station.")
@cli.limit_option()
@cli.json_option
def list_logs(station: str | None, limit: int, as_json: bool) -> None:
    """List firmware and log jobs, the newest first."""
    db = cli.reading()
    place = cli.station(db, station).id if station else None
    page = queries.jobs(db, queries.JobFilter(station_id=place), Wish(size=limit))
    short = [column for column in LOG_COLUMNS if column[0] not in ("sha256", "asked_by")]
    cli.print_rows(page.rows, LOG_COLUMNS if as_json else short, json=as_json)


@logs_command.command("save")
@click.argument("job", type=int)
@click.argument("path", type=cli.TO)
def save(job: int, path: Path) -> None:
    """Copy what a station brought for JOB to PATH."""
    row = cli.reading().get(FileJob, job)
    found = Store(the_settings(), UPLOADS).path(row.stored_as or "") if row else None
    if found is None:
        raise NotFound(f"No file came for job {job}.")
    with found.open("rb") as source, click.open_file(str(path), "wb") as file:
        shutil.copyfileobj(source, file)
    click.echo(f"Wrote {path}.", err=True)


groups = [setting_command, firmware_command, logs_command]
