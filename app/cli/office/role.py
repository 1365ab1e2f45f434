"""flask role: what staff may read and write."""

from collections.abc import Iterable
from types import SimpleNamespace

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.domain.ground import texts
from app.domain.ground.columns import read
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.vocabulary import Area, Right
from app.domain.office import rights
from app.domain.office.rights import Rights
from app.models import OwnRole
from app.uow import unit_of_work

group = cli.Group("role", help="What staff may read and write.")

COLUMNS: list[cli.Column] = [
    *read("name built_in"),
    ("rights", lambda role: [f"{area}:{right}" for area, right in role.rights.items()]),
]
RIGHT = click.option(
    "--right", "words", multiple=True, help="Such as money:read or network:write; repeat it."
)


def given_rights(words: Iterable[str]) -> Rights:
    """Read rights as they are typed; raises `Invalid`."""
    found: dict[Area, Right] = {}
    for word in words:
        area, _, right = word.partition(":")
        if area not in list(Area) or right not in list(Right):
            known = ", ".join(Area)
            raise Invalid(f"“{word}” is not AREA:read or AREA:write; areas are {known}.")
        found[Area(area)] = Right(right)
    return found


@group.command("list")
@cli.json_option
def list_(as_json: bool) -> None:
    """List the roles, the built-in ones first."""
    rows = [_row(role.value, True, held) for role, held in rights.BUILT_IN.items()]
    own = rights.roles(cli.reading())
    rows += [_row(role.name, False, rights.parsed(role.rights)) for role in own]
    cli.print_rows(rows, COLUMNS, json=as_json)


@group.command("add")
@click.argument("name")
@RIGHT
def add(name: str, words: tuple[str, ...]) -> None:
    """Make the role NAME."""
    held = given_rights(words)
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        rights.add_role(db, cli.ACTOR, tenant_id, name=name, rights=held, now=cli.now())
    click.echo(f"The role {name} is made.")


@group.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@RIGHT
def edit(name: str, new_name: str | None, words: tuple[str, ...]) -> None:
    """Change the role NAME; rights that are given take the place of all it had."""
    held = given_rights(words) or None
    with unit_of_work() as db:
        role = _named(db, name)
        rights.edit_role(db, cli.ACTOR, role, name=new_name, rights=held, now=cli.now())
    click.echo(f"The role {new_name or name} is saved.")


def _named(db: Session, name: str) -> OwnRole:
    role = db.scalar(select(OwnRole).where(OwnRole.name_key == texts.key(name)))
    if role is None:
        raise NotFound(f"There is no role “{name}” that could be changed.")
    return role


group.does(
    *("remove", _named, rights.remove_role, "The role {named} is deleted."),
    "Delete the role NAME, which nobody may have.",
)


def _row(name: str, built_in: bool, held: Rights) -> SimpleNamespace:
    return SimpleNamespace(name=name, built_in=built_in, rights=held)
