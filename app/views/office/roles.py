"""Roles: what each allows, and those that an organisation makes itself."""

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.office import rights
from app.extensions import db
from app.forms.office.rights import RoleForm
from app.models import OwnRole
from app.queries.office import staff as queries
from app.resource import ROLES
from app.views.ground import _doing
from app.views.ground._plain import Plain
from app.web.security import needs

#: A role's name, its row where it is one's own, and what it allows.
Column = tuple[str, OwnRole | None, rights.Rights]

blueprint = Blueprint("roles", __name__, url_prefix="/staff/roles")


@blueprint.get("")
@needs("read", everywhere=True)
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
    *(blueprint, "/<int:role_id>/remove", rights.remove_role, rights.role),
    *(N_("Deleted the role %(name)s."), ".index"),
    everywhere=True,
)
