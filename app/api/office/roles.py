"""Roles of an organisation's own, and machines: programs on the staff."""

from typing import Annotated, Any

from app.api.ground._noun import Ask, Noun, made_at
from app.api.ground._plain import Plain
from app.api.office.staff import PERSON
from app.domain.ground.vocabulary import Area, Right
from app.domain.office import api_tokens, rights
from app.models import OwnRole
from app.resource import MACHINES, ROLES
from app.schemas import staff as schemas
from app.schemas.answers import Answer, From
from app.uow import unit_of_work

noun = Noun(
    "roles",
    "What staff may read and write, area by area; three roles are built in.",
    everywhere=True,
)
machine_noun = Noun(
    "machines",
    "Programs on the staff: with tokens of their own, and an owner.",
    everywhere=True,
)


def _rights(role: Any) -> object:
    return rights.parsed(role.rights if isinstance(role, OwnRole) else role["rights"])


class Role(Answer):
    """What somebody with this role may do; a built-in role has no `id` and never changes."""

    id: int | None
    name: str
    rights: Annotated[dict[Area, Right], From(_rights)]


class Roles(Answer):
    """All roles, the built-in ones first."""

    items: list[Role]


@noun.get("/roles", "List roles", answers={200: Roles})
def list_(ask: Ask) -> object:
    """Every role, and what it allows."""
    built_in = [
        {"id": None, "name": role.value, "rights": held} for role, held in rights.BUILT_IN.items()
    ]
    return {"items": [*built_in, *rights.roles(ask.db)]}


plain = Plain(noun, ROLES, Role)
plain.show("One of the organisation’s own roles.")
plain.create("Make a role; nobody gives a right that they lack.", schemas.NewRole, verb="Make")
plain.edit(
    "Change what is given; whoever has the role may do the new at once.", schemas.RoleChanges
)
noun.decide(
    "/roles/{role_id}",
    "Delete a role",
    "Delete a role that nobody has.",
    *(None, plain.row, rights.remove_role),
    name="remove",
    method="DELETE",
    status=204,
    result=True,
    problems=(409,),
)


@machine_noun.post(
    "/machines",
    "Add a machine",
    body=schemas.NewMachine,
    answers={201: PERSON},
)
def add(ask: Ask) -> object:
    """Add a program to the staff; POST /tokens makes it a token."""
    given = {"owner_id": ask.caller.user_id, **ask.body}
    with unit_of_work() as db:
        row = api_tokens.add_machine(db, ask.actor, ask.tenant_id, now=ask.now, **given)
    return made_at("/staff", row)


plain_machines = Plain(machine_noun, MACHINES, PERSON)
plain_machines.show("One program on the staff.")
plain_machines.edit(
    "Change what is given; PATCH /staff is for people.", schemas.MachineChanges, name="change"
)
