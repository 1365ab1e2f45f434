"""Roles of an organisation's own, and machines: programs on the staff."""

from typing import Annotated

from app.api.ground._noun import ROOT, Ask, Noun, Reply
from app.api.office.staff import PERSON
from app.domain.ground.vocabulary import Area, Right
from app.domain.office import api_tokens, rights
from app.models import OwnRole
from app.schemas import staff as schemas
from app.schemas.answers import Answer, From
from app.uow import unit_of_work

noun = Noun("roles", "What staff may read and write, area by area; three roles are built in.")
machine_noun = Noun("machines", "Programs on the staff: with tokens of their own, and an owner.")
blueprints = [noun.blueprint, machine_noun.blueprint]


class Role(Answer):
    """What somebody with this role may do; a built-in role has no `id` and never changes."""

    id: int | None
    name: str
    rights: Annotated[dict[Area, Right], From(lambda row: rights.parsed(row["rights"]))]


class Roles(Answer):
    """All roles, the built-in ones first."""

    items: list[Role]


def _row(row: OwnRole) -> dict[str, object]:
    return {"id": row.id, "name": row.name, "rights": row.rights}


@noun.get("/roles", "List roles", answers={200: Roles}, everywhere=True)
def list_(ask: Ask) -> object:
    """Every role, and what it allows."""
    built_in = [
        {"id": None, "name": role.value, "rights": held} for role, held in rights.BUILT_IN.items()
    ]
    return {"items": [*built_in, *map(_row, rights.roles(ask.db))]}


@noun.get("/roles/{role_id}", "Read a role", answers={200: Role}, everywhere=True)
def show(ask: Ask, role_id: int) -> object:
    """One of the organisation’s own roles."""
    return _row(rights.role(ask.db, role_id))


@noun.post("/roles", "Make a role", body=schemas.NewRole, answers={201: Role}, everywhere=True)
def create(ask: Ask) -> object:
    """Make a role; nobody gives a right that they lack."""
    with unit_of_work() as db:
        row = rights.add_role(db, ask.actor, ask.tenant_id, now=ask.now, **ask.body)
    return Reply(201, _row(row), {"Location": f"{ROOT}/roles/{row.id}"})


@noun.patch(
    "/roles/{role_id}",
    "Change a role",
    body=schemas.RoleChanges,
    answers={200: Role},
    problems=(409,),
    everywhere=True,
)
def edit(ask: Ask, role_id: int) -> object:
    """Change what is given; whoever has the role may do the new at once."""
    with unit_of_work() as db:
        row = rights.role(db, role_id)
        return _row(rights.edit_role(db, ask.actor, row, now=ask.now, **ask.body))


@noun.delete(
    "/roles/{role_id}",
    "Delete a role",
    answers={204: None},
    problems=(409,),
    everywhere=True,
)
def remove(ask: Ask, role_id: int) -> None:
    """Delete a role that nobody has."""
    with unit_of_work() as db:
        rights.remove_role(db, ask.actor, rights.role(db, role_id), now=ask.now)


@machine_noun.post(
    "/machines",
    "Add a machine",
    body=schemas.NewMachine,
    answers={201: PERSON},
    everywhere=True,
)
def add(ask: Ask) -> object:
    """Add a program to the staff; POST /tokens makes it a token."""
    given = {"owner_id": ask.caller.user_id, **ask.body}
    with unit_of_work() as db:
        row = api_tokens.add_machine(db, ask.actor, tenant_id=ask.tenant_id, now=ask.now, **given)
    return Reply(201, row, {"Location": f"{ROOT}/staff/{row.id}"})


@machine_noun.patch(
    "/machines/{user_id}",
    "Change a machine",
    body=schemas.MachineChanges,
    answers={200: PERSON},
    problems=(409,),
    everywhere=True,
)
def change(ask: Ask, user_id: int) -> object:
    """Change what is given; PATCH /staff is for people."""
    with unit_of_work() as db:
        return api_tokens.edit_machine(
            db, ask.actor, api_tokens.machine(db, user_id), now=ask.now, **ask.body
        )
