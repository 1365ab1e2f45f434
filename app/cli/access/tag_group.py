"""flask tag-group: groups of tags that may stop each other's sessions."""

import click

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.access import tag_groups
from app.queries.access import tags as queries
from app.resource import TAG_GROUPS
from app.uow import unit_of_work

group = cli.Group("tag-group", help="Groups of tags that may stop each other's sessions.")
_MASTER = "Its tags end any session where they are allowed, and begin none."

Plain(
    group,
    TAG_GROUPS,
    options=(
        click.option(
            "--parent", help="parentIdTag that chargers know it by; made from the name without."
        ),
        click.option("--tariff", help="Name of a tariff."),
        click.option("--master-pass", is_flag=True, help=_MASTER),
    ),
).add(
    "Make the group NAME.", lambda made: f"Made the group {made.name} ({made.parent}).", json=False
)
Plain(
    group,
    TAG_GROUPS,
    options=(
        click.option("--name", "new_name", help="A new name."),
        click.option("--parent"),
        click.option("--tariff", help="Name of a tariff; '' for none."),
        click.option("--master-pass/--no-master-pass", default=None, help=_MASTER),
    ),
).edit("Change the group NAME; what is not given stays.")


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
