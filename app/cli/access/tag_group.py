"""flask tag-group: groups of tags that may stop each other's sessions."""

from dataclasses import replace

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.access import tag_groups
from app.domain.access.tag_groups import GroupFacts
from app.domain.money import tariff_book
from app.queries.access import tags as queries
from app.uow import unit_of_work

group = AppGroup("tag-group", help="Groups of tags that may stop each other's sessions.")

_MASTER = "Its tags end any session where they are allowed, and begin none."


def _tariff(db: Session, tenant_id: int, name: str | None) -> int | None:
    return tariff_book.named(db, tenant_id, name).id if name else None


@group.command("add")
@click.argument("name")
@click.option("--parent", help="parentIdTag that chargers know it by; made from the name without.")
@click.option("--tariff", help="Name of a tariff.")
@click.option("--master-pass", is_flag=True, help=_MASTER)
@cli.fails_plainly
def add(name: str, parent: str | None, tariff: str | None, master_pass: bool) -> None:
    """Make the group NAME."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        facts = GroupFacts(name, parent, _tariff(db, tenant_id, tariff), master_pass=master_pass)
        made = tag_groups.add(db, cli.ACTOR, facts, tenant_id=tenant_id, now=cli.now())
    click.echo(f"Made the group {made.name} ({made.parent}).")


@group.command("list")
@cli.json_option
@cli.fails_plainly
def list_(as_json: bool) -> None:
    """List the groups."""
    db = cli.reading()
    sizes = queries.group_sizes(db)
    columns: list[cli.Column] = [
        ("id", lambda one: one.id),
        ("name", lambda one: one.name),
        ("parent", lambda one: one.parent),
        ("tariff", lambda one: one.tariff.name if one.tariff else None),
        ("master_pass", lambda one: one.master_pass),
        ("tags", lambda one: sizes.get(one.id, 0)),
    ]
    cli.print_rows(queries.groups(db), columns, json=as_json)


@group.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@click.option("--parent")
@click.option("--tariff", help="Name of a tariff; '' for none.")
@click.option("--master-pass/--no-master-pass", default=None, help=_MASTER)
@cli.fails_plainly
def edit(
    name: str,
    new_name: str | None,
    parent: str | None,
    tariff: str | None,
    master_pass: bool | None,
) -> None:
    """Change the group NAME; what is not given stays."""
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        found = tag_groups.named(db, tenant_id, name)
        facts = tag_groups.facts_of(found)
        if new_name is not None:
            facts = replace(facts, name=new_name)
        if parent is not None:
            facts = replace(facts, parent=parent)
        if tariff is not None:
            facts = replace(facts, tariff_id=_tariff(db, tenant_id, tariff))
        if master_pass is not None:
            facts = replace(facts, master_pass=master_pass)
        tag_groups.edit(db, cli.ACTOR, found, facts, now=cli.now())
    click.echo(f"Changed the group {found.name}.")


@group.command("remove")
@click.argument("name")
@cli.fails_plainly
def remove(name: str) -> None:
    """Delete the group NAME, which must hold no tags."""
    with unit_of_work() as db:
        found = tag_groups.named(db, cli.the_tenant(db).id, name)
        tag_groups.remove(db, cli.ACTOR, found, now=cli.now())
    click.echo(f"Removed the group {name}.")
