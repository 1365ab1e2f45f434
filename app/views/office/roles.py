"""Roles: what each allows, those that an organisation makes itself, and machines on the staff."""

from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.office import rights
from app.extensions import db
from app.forms.office.staff import MachineForm, RoleForm
from app.models import OwnRole, User
from app.queries.ground import names
from app.queries.office import staff as queries
from app.resource import MACHINES, ROLES
from app.views.ground import _doing
from app.views.ground._plain import Plain
from app.web.security import Pages

#: A role's name, its row where it is one's own, and what it allows.
Column = tuple[str, OwnRole | None, rights.Rights]

blueprint = Pages("roles", __name__, url_prefix="/staff/roles")


@blueprint.get("", everywhere=True)
def index() -> ResponseReturnValue:
    """What each role may do, area by area."""
    own = rights.roles(db.session())
    held: list[Column] = [(role.value, None, may) for role, may in rights.BUILT_IN.items()]
    held += [(row.name, row, rights.parsed(row.rights)) for row in own]
    return render_template(
        "office/roles/index.html",
        areas=rights.AREAS,
        roles=held,
        people=queries.people_of_roles(db.session()),
    )


def _form(role: OwnRole | None) -> RoleForm:
    form = RoleForm(obj=role)
    if role is not None and not form.is_submitted():
        form.hold(rights.parsed(role.rights))
    return form


def _typed(_work: Session, form: RoleForm, _role: OwnRole | None) -> dict[str, Any]:
    return {"name": form.name.data, "rights": form.rights}


plain = Plain(blueprint, ROLES, "office/roles/form.html", _form, _typed, everywhere=True)
plain.create(N_("Saved the role %(name)s."), ".index")
plain.edit(N_("Saved the role %(name)s."), ".index")
_doing.does(
    *(blueprint, "/<int:role_id>/remove", rights.remove_role),
    _doing.by_number(OwnRole, "There is no such role."),
    *(N_("Deleted the role %(name)s."), ".index"),
    everywhere=True,
)


# Machines on the staff: programs with tokens of their own, and who answers for them.

machines = Pages("machines", __name__, url_prefix="/staff/machines")


def _machine_form(machine: User | None) -> MachineForm:
    session = db.session()
    form = MachineForm(obj=machine)
    own = [(row.name, row.name) for row in rights.roles(session)]
    form.role.choices = [*form.role.choices, *own]
    form.sites.choices = names.sites(session, machine.sites if machine else ())
    form.owner.choices = [(person.id, person.name) for person in queries.owners(session)]
    if not form.is_submitted():
        form.owner.data = machine.owner_id if machine else current_user.id
        form.role.data = machine.role_name if machine else form.role.default
        form.sites.data = [site.id for site in machine.sites] if machine else []
    return form


def _facts(_work: Session, form: MachineForm, _machine: User | None) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "owner_id": form.owner.data,
        "role": form.role.data,
        "site_ids": form.sites.data or [],
    }


plain_machines = Plain(
    machines, MACHINES, "office/machines/form.html", _machine_form, _facts, everywhere=True
)
plain_machines.create(N_("Added %(name)s. Now create a token for it."), "staff.show")
plain_machines.edit(then="staff.show")
