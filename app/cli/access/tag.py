"""flask tag: cards, fobs and app tokens, and their groups."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import cells, headings
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options
from app.domain.access.tags import TagFacts
from app.domain.network import sites, stations
from app.models import Tag
from app.queries.access import tags as queries
from app.uow import unit_of_work

group = AppGroup("tag", help="Cards, fobs and app tokens, and their groups.")


def _names(rows: list[Any], name: str) -> str | None:
    return f" {tag_import.PARTING} ".join(getattr(row, name) for row in rows) or None


#: What an import takes.
EXPORTED: list[cli.Column] = [
    ("tag", lambda tag: tag.value),
    ("label", lambda tag: tag.label),
    ("driver", lambda tag: (tag.driver.email or tag.driver.name) if tag.driver else None),
    ("group", lambda tag: tag.group.name if tag.group else None),
    ("status", lambda tag: tag.status),
    ("expires", lambda tag: tag.expires_at),
    ("limit", lambda tag: tag.concurrent_limit),
    ("sites", lambda tag: _names(tag.sites, "name")),
    ("stations", lambda tag: _names(tag.stations, "identity")),
]
COLUMNS: list[cli.Column] = [
    ("id", lambda tag: tag.id),
    *EXPORTED,
    ("archived_at", lambda tag: tag.archived_at),
]

TAPS: list[cli.Column] = [
    ("at", lambda tap: tap.at),
    ("station", lambda tap: tap.station.identity),
    ("for", lambda tap: tap.occasion),
    ("verdict", lambda tap: tap.verdict),
    ("why", lambda tap: tap.sentence),
]


def _details(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--label"),
            click.option("--driver", help="E-mail address or name; '' for nobody."),
            click.option("--group", help="Name of a group; '' for none."),
            click.option("--expires", help="2027-12-31 or a time with offset; '' for never."),
            click.option("--limit", type=int, help="Sessions at once; 0 for no limit."),
            click.option("--site", multiple=True, help="May charge there only; may be repeated."),
            click.option("--station", multiple=True, help="May charge there; may be repeated."),
        )
    ):
        command = option(command)
    return command


def _facts(db: Session, tenant_id: int, held: TagFacts, given: dict[str, Any]) -> TagFacts:
    """What is held, with what was typed in its place; '' empties a value."""
    facts = held
    if (label := given["label"]) is not None:
        facts = replace(facts, label=label)
    if (who := given["driver"]) is not None:
        driver_id = drivers.named(db, tenant_id, who).id if who else None
        facts = replace(facts, driver_id=driver_id)
    if (name := given["group"]) is not None:
        group_id = tag_groups.named(db, tenant_id, name).id if name else None
        facts = replace(facts, group_id=group_id)
    if (expires := given["expires"]) is not None:
        facts = replace(facts, expires_at=cells.instant(expires, ZoneInfo("UTC")))
    if (limit := given["limit"]) is not None:
        facts = replace(facts, concurrent_limit=limit or None)
    if given["site"]:
        ids = frozenset(sites.named(db, tenant_id, name).id for name in given["site"] if name)
        facts = replace(facts, site_ids=ids)
    if given["station"]:
        names = [name for name in given["station"] if name]
        ids = frozenset(stations.called(db, tenant_id, name).id for name in names)
        facts = replace(facts, station_ids=ids)
    return facts


@group.command("add")
@click.argument("value")
@_details
@cli.json_option
@cli.fails_plainly
def add(value: str, as_json: bool, **given: Any) -> None:
    """Put the tag VALUE on the list; without --site and --station it may charge everywhere."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        facts = _facts(db, tenant_id, TagFacts(), given)
        tag = tags.add(db, cli.ACTOR, value, facts, tenant_id=tenant_id, now=cli.now())
    if as_json:
        cli.print_row(tag, COLUMNS, json=True)
    else:
        owner = f" for {tag.driver.name}" if tag.driver else ""
        click.echo(f"Added the tag {tag.value}{owner}.")


@group.command("list")
@click.option("--archived", is_flag=True, help="Also those in the archive.")
@cli.json_option
@cli.fails_plainly
def list_(archived: bool, as_json: bool) -> None:
    """List the tags."""
    cli.print_rows(_all(archived), COLUMNS if as_json else EXPORTED, json=as_json)


def _all(archived: bool) -> list[Tag]:
    query = select(Tag).order_by(Tag.key)
    query = query.options(selectinload(Tag.sites), selectinload(Tag.stations))
    if not archived:
        query = query.where(Tag.archived_at.is_(None))
    return list(cli.reading().scalars(query))


@group.command("show")
@click.argument("value")
@cli.json_option
@cli.fails_plainly
def show(value: str, as_json: bool) -> None:
    """Show a tag and its last taps, each with what it was answered and why."""
    db = cli.reading()
    tag = tags.named(db, cli.the_tenant(db).id, value)
    taps = queries.taps_of(db, tag, 10)
    if as_json:
        rows = [{name: cli.plain(read(tap)) for name, read in TAPS} for tap in taps]
        cli.print_row(tag, [*COLUMNS, ("taps", lambda _: rows)], json=True)
        return
    cli.print_row(tag, COLUMNS)
    if taps:
        click.echo()
        cli.print_rows(taps, TAPS)


@group.command("edit")
@click.argument("value")
@_details
@cli.fails_plainly
def edit(value: str, **given: Any) -> None:
    """Change a tag; what is not given stays, --site '' lifts the limit to sites."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        tag = tags.named(db, tenant_id, value)
        facts = _facts(db, tenant_id, tags.facts_of(db, tag), given)
        tags.edit(db, cli.ACTOR, tag, facts, now=cli.now())
    click.echo(f"Changed the tag {tag.value}.")


def _change(value: str, act: Callable[..., bool], word: str) -> None:
    with unit_of_work() as db:
        tag = tags.named(db, cli.the_tenant(db).id, value)
        act(db, cli.ACTOR, tag, now=cli.now())
    click.echo(f"{word} the tag {tag.value}.")


@group.command("block")
@click.argument("value")
@cli.fails_plainly
def block(value: str) -> None:
    """Refuse every further tap of a tag."""
    _change(value, tags.block, "Blocked")


@group.command("unblock")
@click.argument("value")
@cli.fails_plainly
def unblock(value: str) -> None:
    """Let a blocked tag charge again."""
    _change(value, tags.unblock, "Unblocked")


@group.command("archive")
@click.argument("value")
@click.option("--undo", is_flag=True, help="Put it back on the list.")
@cli.fails_plainly
def archive(value: str, undo: bool) -> None:
    """Take a tag off the list; its history stays."""
    _change(value, tags.restore if undo else tags.archive, "Restored" if undo else "Archived")


@group.command("unknown")
@click.option("--since", help="2026-11-01 or a time; the newest 200 without it.")
@cli.json_option
@cli.fails_plainly
def unknown(since: str | None, as_json: bool) -> None:
    """List tokens that were tapped and are on no list."""
    start = cells.instant(since or "1970-01-01T00:00", ZoneInfo("UTC"))
    columns: list[cli.Column] = [
        ("token", lambda one: one.token),
        ("taps", lambda one: one.taps),
        ("last_at", lambda one: one.last.at),
        ("station", lambda one: one.last.station.identity),
        ("why", lambda one: one.last.sentence),
    ]
    found = queries.unknown(cli.reading(), start or cli.now())
    cli.print_rows(found, columns, json=as_json)


@group.command("export")
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@cli.zone_option
@cli.fails_plainly
def export(path: Path | None, timezone: str | None) -> None:
    """Write the tags as CSV to PATH, or to standard output."""
    zone = cli.zone_of(cli.reading(), timezone)
    cli.write_csv(path, EXPORTED, _all(archived=False), zone)


@group.command("import")
@imports.options
@click.option("--make-groups", is_flag=True, help="Make groups that do not exist.")
@imports.unblock_option
@cli.zone_option
@cli.fails_plainly
def import_(
    path: Path, valid_only: bool, dry_run: bool, timezone: str | None, **agreed: bool
) -> None:
    """Add the tags of a CSV file (columns as in the export); a known tag is changed.

    Columns of other systems and German ones are known too; what is not understood is named.
    A blocked tag stays blocked without --unblock.
    """
    table = imports.read(path, headings.TAGS)
    with unit_of_work() as db:
        tenant_id, now = cli.the_tenant(db).id, cli.now()
        options = Options(zone=cli.zone_of(db, timezone), **agreed)
        planned = tag_import.plan(db, table, tenant_id=tenant_id, now=now, options=options)
        imports.look_through(planned, options, valid_only=valid_only, dry_run=dry_run)
        if not dry_run:
            tag_import.carry_out(db, cli.ACTOR, planned, tenant_id=tenant_id, now=now)
