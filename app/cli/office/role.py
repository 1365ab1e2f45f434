"""flask role: what staff may read and write."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.cli.ground._plain import Plain
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Area, Right
from app.domain.office import rights
from app.domain.office.rights import Rights
from app.resource import ROLES

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


def _read(_db: Session, _tenant_id: int, values: dict[str, Any], _row: object) -> dict[str, Any]:
    return {"rights": given_rights(values.pop("words")), **cli.typed(values)}


plain = Plain(group, ROLES, options=(RIGHT,), read=_read)
plain.add("Make the role NAME.", lambda role: f"The role {role.name} is made.", json=False)
plain.edit(
    "Change the role NAME; rights that are given take the place of all it had.",
)
group.does(
    *("remove", plain.named, rights.remove_role, "The role {named} is deleted."),
    "Delete the role NAME, which nobody may have.",
)


def _row(name: str, built_in: bool, held: Rights) -> SimpleNamespace:
    return SimpleNamespace(name=name, built_in=built_in, rights=held)
