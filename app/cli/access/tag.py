"""flask tag, flask tag-group: cards, fobs and app tokens, and their groups."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy.orm import Session

from app.cli.ground import _bulk
from app.cli.ground import _imports as imports
from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.access import drivers, tag_groups, tags
from app.domain.access.imports import cells, headings
from app.domain.access.imports import tags as tag_import
from app.domain.access.imports.plans import Options
from app.domain.ground import clock
from app.domain.ground.rows import read
from app.domain.network import sites, stations
from app.models import Tag
from app.queries.access import tags as queries
from app.resource import TAG_GROUPS, TAGS
from app.uow import unit_of_work

tag_command = cli.Group("tag", help="Cards, fobs and app tokens, and their groups.")
TAPS: list[cli.Column] = read("at station=station.identity for=occasion verdict why=sentence")


def _given(db: Session, tenant_id: int, values: dict[str, Any], row: Any) -> dict[str, Any]:
    """What was typed, in the domain's words; '' empties a value."""
    given = cli.typed(values)
    if (who := given.pop("driver", None)) is not None:
        given["driver_id"] = drivers.named(db, tenant_id, who).id if who else None
    if (name := given.pop("group", None)) is not None:
        given["group_id"] = tag_groups.named(db, tenant_id, name).id if name else None
    if (expires := given.pop("expires", None)) is not None:
        given["expires_at"] = cells.instant(expires, ZoneInfo("UTC"))
    if (limit := given.pop("limit", None)) is not None:
        given["concurrent_limit"] = limit or None
    for option, found in (("site", sites.named), ("station", stations.called)):
        if names := given.pop(option, ()):
            ids = (found(db, tenant_id, name).id for name in names if name)
            given[f"{option}_ids"] = frozenset(ids)
    return given


def _added_tag(tag: Tag) -> str:
    owner = f" for {tag.driver.name}" if tag.driver else ""
    return f"Added the tag {tag.value}{owner}."


plain_tags = Plain(
    tag_command,
    TAGS,
    "value",
    (
        click.option("--driver", help="E-mail address or name; '' for nobody."),
        click.option("--group", help="Name of a group; '' for none."),
        click.option("--expires", help="2027-12-31 or a time with offset; '' for never."),
        click.option("--limit", type=int, help="Sessions at once; 0 for no limit."),
        click.option("--site", multiple=True, help="May charge there only; may be repeated."),
        click.option("--station", multiple=True, help="May charge there; may be repeated."),
    ),
    _given,
)
_EXPORTED = " ".join(tag_import.COLUMNS)
plain_tags.add(
    "Put the tag VALUE on the list; without --site and --station it may charge everywhere.",
    _added_tag,
)
plain_tags.list("List the tags.", _EXPORTED)
plain_tags.edit("Change a tag; what is not given stays, --site '' lifts the limit to sites.")
plain_tags.does(tags.block, "Blocked", "Refuse every further tap of a tag.")
plain_tags.does(tags.unblock, "Unblocked", "Let a blocked tag charge again.")
plain_tags.archive("Take a tag off the list; its history stays.", "Put it back on the list.")
plain_tags.export("Write the tags as CSV to PATH, or to standard output.", _EXPORTED)


def _beside(db: Session, values: dict[str, Any]) -> dict[str, Any]:
    name = values["group"]
    return {"group_id": tag_groups.named(db, cli.the_tenant(db).id, name).id} if name else {}


_bulk.hang(
    tag_command,
    [(tag_groups.MANY, lambda db, value: tags.named(db, cli.the_tenant(db).id, value))],
    "its number",
    [click.option("--group", help="For group: the group's name; without it, none.")],
    _beside,
)


@tag_command.command("show")
@click.argument("value")
@cli.json_option
def show(value: str, as_json: bool) -> None:
    """Show a tag and its last taps, each with what it was answered and why."""
    db = cli.reading()
    tag = tags.named(db, cli.the_tenant(db).id, value)
    taps = queries.taps_of(db, tag, 10)
    if as_json:
        rows = [{name: cli.plain(read(tap)) for name, read in TAPS} for tap in taps]
        cli.print_row(tag, [*TAGS.columns, ("taps", lambda _: rows)], json=True)
        return
    cli.print_row(tag, TAGS.columns)
    if taps:
        click.echo()
        cli.print_rows(taps, TAPS)


@tag_command.command("unknown")
@click.option("--since", help="First day or instant, like 2026-03-01 (UTC).")
@cli.json_option
def unknown(since: str | None, as_json: bool) -> None:
    """List tokens that were tapped and are on no list."""
    start = cli.instant("--since", since) or clock.EARLIEST
    columns: list[cli.Column] = read(
        "token taps last_at=last.at station=last.station.identity why=last.sentence"
    )
    found = queries.unknown(cli.reading(), start)
    cli.print_rows(found, columns, json=as_json)


@tag_command.command("import")
@imports.options
@click.option("--make-groups", is_flag=True, help="Make groups that do not exist.")
@imports.unblock_option
@cli.zone_option
def import_(
    path: Path, valid_only: bool, dry_run: bool, timezone: str | None, **agreed: Any
) -> None:
    """Add the tags of a CSV file (columns as in the export); a known tag is changed.

    Columns of other systems and German ones are known too; what is not understood is named.
    A blocked tag stays blocked without --unblock.
    """
    table = imports.read(path, headings.TAGS)
    with unit_of_work() as work:
        tenant_id = cli.the_tenant(work).id
    db = cli.reading()
    options = Options(zone=cli.zone_of(db, timezone), **agreed)
    planned = tag_import.plan(db, table, tenant_id=tenant_id, now=cli.now(), options=options)
    imports.carry_out(
        *(tag_import, planned, options),
        valid_only=valid_only,
        dry_run=dry_run,
        tenant_id=tenant_id,
    )


# flask tag-group: groups of tags that may stop each other's sessions.

tag_group_command = cli.Group(
    "tag-group", help="Groups of tags that may stop each other's sessions."
)

plain_groups = Plain(
    tag_group_command,
    TAG_GROUPS,
    options=(click.option("--tariff", help="Name of a tariff; '' for none."),),
)
plain_groups.add(
    "Make the group NAME.", lambda made: f"Made the group {made.name} ({made.parent}).", json=False
)
plain_groups.edit(
    "Change the group NAME; what is not given stays.",
)


@tag_group_command.command("list")
@cli.json_option
def list_groups(as_json: bool) -> None:
    """List the groups."""
    db = cli.reading()
    sizes = queries.group_sizes(db)
    columns = [*TAG_GROUPS.columns, ("tags", lambda one: sizes.get(one.id, 0))]
    cli.print_rows(queries.groups(db), columns, json=as_json)


tag_group_command.does(
    *("remove", plain_groups.named, tag_groups.remove, "Removed the group {named}."),
    "Delete the group NAME, which must hold no tags.",
)


groups = [tag_command, tag_group_command]
