"""Roles: what each allows, and those that an organisation makes itself."""

from collections.abc import Callable

from flask import Blueprint, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_
from app.domain.office import rights
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.rights import RoleForm
from app.models import OwnRole
from app.queries.office import staff as queries
from app.uow import unit_of_work
from app.views.ground import _doing
from app.web.security import actor, back, needs

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


@blueprint.route("/new", methods=["GET", "POST"])
@needs("write", everywhere=True)
def create() -> ResponseReturnValue:
    """Make a role."""
    form = RoleForm()
    tenant_id = current_user.tenant_id
    return _kept(form, None, lambda work: _add(work, tenant_id, form))


@blueprint.route("/<int:role_id>/edit", methods=["GET", "POST"])
@needs("write", everywhere=True)
def edit(role_id: int) -> ResponseReturnValue:
    """Change a role; it counts at once for everybody who has it."""
    role = rights.role(db.session(), role_id)
    form = RoleForm(obj=role)
    if not form.is_submitted():
        form.hold(rights.parsed(role.rights))
    return _kept(form, role, lambda work: _change(work, role_id, form))


_doing.does(
    *(blueprint, "/<int:role_id>/remove", rights.remove_role, rights.role),
    *(N_("Deleted the role %(name)s."), ".index"),
    everywhere=True,
)


def _add(work: Session, tenant_id: int, form: RoleForm) -> None:
    given = {"name": form.name.data, "rights": form.rights}
    rights.add_role(work, actor(), tenant_id, now=utc_now(), **given)


def _change(work: Session, role_id: int, form: RoleForm) -> None:
    row, given = rights.role(work, role_id), {"name": form.name.data, "rights": form.rights}
    rights.edit_role(work, actor(), row, now=utc_now(), **given)


def _kept(
    form: RoleForm, role: OwnRole | None, keep: Callable[[Session], None]
) -> ResponseReturnValue:
    """Keep what the form says and go back to the roles, or show it."""
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                keep(work)
            flash(_("Saved the role %(name)s.", name=form.name.data), "success")
            return back("roles.index")
        except DomainError as error:
            refusals.show(form, error)
    page = render_template("office/roles/form.html", form=form, role=role)
    return page, 422 if form.is_submitted() else 200
