"""flask tag-group: groups of tags that may stop each other's sessions."""

import click

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.access import tag_groups
from app.queries.access import tags as queries
from app.resource import TAG_GROUPS
from app.uow import unit_of_work

group = cli.Group("tag-group", help="Groups of tags that may stop each other's sessions.")

plain = Plain(
    group, TAG_GROUPS, options=(click.option("--tariff", help="Name of a tariff; '' for none."),)
)
plain.add(
    "Make the group NAME.", lambda made: f"Made the group {made.name} ({made.parent}).", json=False
)
plain.edit(
    "Change the group NAME; what is not given stays.",
    click.option("--name", "new_name", help="A new name."),
)


@group.command("list")
@cli.json_option
def list_(as_json: bool) -> None:
    """List the groups."""
    db = cli.reading()
    sizes = queries.group_sizes(db)
    columns = [*TAG_GROUPS.columns, ("tags", lambda one: sizes.get(one.id, 0))]
    cli.print_rows(queries.groups(db), columns, json=as_json)


@group.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Delete the group NAME, which must hold no tags."""
    with unit_of_work() as db:
        found = tag_groups.named(db, cli.the_tenant(db).id, name)
        tag_groups.remove(db, cli.ACTOR, found, now=cli.now())
    click.echo(f"Removed the group {name}.")
