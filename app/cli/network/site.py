"""flask site: places where stations stand."""

from decimal import Decimal, InvalidOperation
from operator import attrgetter
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.domain.access.imports import headings
from app.domain.access.imports.plans import Options, Plan, PlannedRow, RowError, begun, twins
from app.domain.ground import texts
from app.domain.ground.errors import DomainError, Invalid
from app.domain.money import sellers
from app.domain.network import sites
from app.domain.office import audit
from app.models import Site, Tariff
from app.uow import unit_of_work

group = AppGroup("site", help="Places where stations stand.")

COLUMNS: list[cli.Column] = [
    ("id", lambda site: site.id),
    ("name", lambda site: site.name),
    ("timezone", lambda site: site.timezone),
    ("currency", lambda site: site.currency),
    ("address", lambda site: site.address),
    ("latitude", lambda site: site.latitude),
    ("longitude", lambda site: site.longitude),
    ("supply_limit_kw", lambda site: site.supply_limit_kw),
    ("tariff", lambda site: site.tariff.name if site.tariff else None),
    *((name, attrgetter(name)) for name in sellers.FIELDS),
    ("stations", lambda site: sum(s.archived_at is None for s in site.stations)),
    ("archived_at", lambda site: site.archived_at),
]
SHOWN = [column for column in COLUMNS if column[0] in {"id", "name", "timezone", "currency",
         "tariff", "stations", "address"}]  # fmt: skip


def _details(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--timezone", help="IANA name, like Europe/Berlin."),
            click.option("--currency", help="ISO 4217 code, like EUR."),
            click.option("--address"),
            click.option("--latitude", type=float),
            click.option("--longitude", type=float),
            click.option("--supply-limit-kw", type=str, help="Power of the grid connection."),
            click.option("--seller-name", help="On receipts instead of the organisation's."),
            click.option("--seller-address"),
            click.option("--seller-tax-number"),
            click.option("--seller-contact"),
            click.option("--tariff", help="Name of a tariff; '' for none."),
        )
    ):
        command = option(command)
    return command


def _given(db: Any, tenant_id: int, values: dict[str, Any]) -> dict[str, Any]:
    """Keep what was typed, in the domain's words."""
    details = {name: value for name, value in values.items() if value is not None}
    if (text := details.get("supply_limit_kw")) is not None:
        details["supply_limit_kw"] = _decimal(text) if text else None
    if (name := details.pop("tariff", None)) is not None:
        details["tariff_id"] = _tariff(db, tenant_id, name) if name else None
    return details


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise Invalid(f"{text} is no number.", field="supply_limit_kw") from None


def _tariff(db: Any, tenant_id: int, name: str) -> int:
    found = db.scalar(
        select(Tariff).where(Tariff.tenant_id == tenant_id, Tariff.name_key == name.casefold())
    )
    if found is None:
        raise Invalid(f"There is no tariff called {name}.", field="tariff")
    return int(found.id)


@group.command("add")
@click.argument("name")
@_details
@cli.json_option
@cli.fails_plainly
def add(name: str, as_json: bool, **values: Any) -> None:
    """Add the site NAME."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        given = _given(db, tenant_id, values)
        site = sites.add(db, cli.ACTOR, tenant_id, now=cli.now(), name=name, **given)
    if as_json:
        cli.print_row(site, COLUMNS, json=True)
    else:
        click.echo(f"Added the site {site.name} ({site.timezone}, {site.currency}).")


@group.command("list")
@click.option("--archived", is_flag=True, help="Also those in the archive.")
@cli.json_option
@cli.fails_plainly
def list_(archived: bool, as_json: bool) -> None:
    """List the sites."""
    query = select(Site).order_by(Site.name_key)
    if not archived:
        query = query.where(Site.archived_at.is_(None))
    rows = cli.reading().scalars(query).all()
    cli.print_rows(rows, COLUMNS if as_json else SHOWN, json=as_json)


@group.command("show")
@click.argument("name")
@cli.json_option
@cli.fails_plainly
def show(name: str, as_json: bool) -> None:
    """Show the site NAME."""
    db = cli.reading()
    cli.print_row(sites.named(db, cli.the_tenant(db).id, name), COLUMNS, json=as_json)


@group.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@_details
@cli.fails_plainly
def edit(name: str, new_name: str | None, **values: Any) -> None:
    """Change the site NAME; what is not given stays."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        given = _given(db, tenant_id, {**values, "name": new_name})
        site = sites.edit(db, cli.ACTOR, sites.named(db, tenant_id, name), now=cli.now(), **given)
    click.echo(f"Changed the site {site.name}.")


@group.command("archive")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Take it out of the archive.")
@cli.fails_plainly
def archive(name: str, undo: bool) -> None:
    """Put the site NAME into the archive; its history stays."""
    with unit_of_work() as db:
        site = sites.named(db, cli.the_tenant(db).id, name)
        act = sites.restore if undo else sites.archive
        act(db, cli.ACTOR, site, now=cli.now())
    click.echo(f"{'Restored' if undo else 'Archived'} the site {site.name}.")


@group.command("export")
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@cli.zone_option
@cli.fails_plainly
def export(path: Path | None, timezone: str | None) -> None:
    """Write all sites as CSV to PATH, or to standard output."""
    db = cli.reading()
    rows = db.scalars(select(Site).order_by(Site.name_key)).all()
    cli.write_csv(path, COLUMNS, rows, cli.zone_of(db, timezone))


@group.command("import")
@imports.options
@cli.fails_plainly
def import_(path: Path, valid_only: bool, dry_run: bool, leave_out: bool) -> None:
    """Add the sites of a CSV file (columns as in the export); a known name is changed.

    All rows go in, or none: every row that cannot be used is named.
    """
    table, planned = imports.read(path, headings.SITES), Plan[PlannedRow]()
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        rows = begun(table, planned)
        double = twins((row.line, texts.key(name), name) for row in rows
                       if (name := row.cells.get("name", "")))  # fmt: skip
        for row in rows:
            name = row.cells.get("name", "")
            try:
                if row.line in double:
                    raise Invalid(double[row.line])
                with db.begin_nested():
                    what = _import_row(db, tenant_id, row.cells)
                planned.rows.append(PlannedRow(row.line, name, what, ()))
            except DomainError as error:
                planned.errors.append(RowError(row.line, name, error.sentence))
        agreed = Options(leave_out=leave_out)
        imports.look_through(planned, agreed, valid_only=valid_only, dry_run=dry_run)
        if dry_run:
            db.rollback()


def _import_row(db: Any, tenant_id: int, row: dict[str, str]) -> str:
    names = ("timezone", "currency", "address", "supply_limit_kw", "tariff", *sellers.FIELDS)
    values: dict[str, Any] = {name: row[name] for name in names if name in row}
    for name in ("latitude", "longitude"):
        if name in row:
            values[name] = _float(row[name], name)
    given = _given(db, tenant_id, values)
    if "latitude" in values:
        given |= {"latitude": values["latitude"], "longitude": values.get("longitude")}
    try:
        site = sites.named(db, tenant_id, row.get("name", ""))
    except DomainError:
        sites.add(db, cli.ACTOR, tenant_id, now=cli.now(), name=row.get("name", ""), **given)
        return "add"
    before = audit.snapshot(site)
    sites.edit(db, cli.ACTOR, site, now=cli.now(), **given)
    return "same" if audit.snapshot(site) == before else "update"


def _float(text: str, name: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError:
        raise Invalid(f"{text} is no {name}.", field=name) from None
