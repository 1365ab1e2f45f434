"""Roles: what each allows, those that an organisation makes itself, and machines on the staff."""

from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.office import api_tokens, rights
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.rights import MachineForm, RoleForm
from app.models import OwnRole, User
from app.process.clock import utc_now
from app.queries.ground import names
from app.queries.office import staff as queries
from app.resource import ROLES
from app.uow import unit_of_work
from app.views.ground import _doing, _opened
from app.views.ground._plain import Plain
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


# Machines on the staff: programs with tokens of their own, and who answers for them.

machines = Blueprint("machines", __name__, url_prefix="/staff/machines")


@machines.route("/new", methods=["GET", "POST"])
@needs("write", everywhere=True)
def create() -> ResponseReturnValue:
    """Add a machine."""
    form = _machine_form(None)
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                machine = api_tokens.add_machine(
                    *(work, actor()),
                    tenant_id=current_user.tenant_id,
                    now=utc_now(),
                    **_facts(form),
                )
            flash(_("Added %(name)s. Now make it a token.", name=machine.name), "success")
            return back("staff.show", user_id=machine.id)
    return _page(form, None)


@machines.route("/<int:user_id>/edit", methods=["GET", "POST"])
@needs("write", everywhere=True)
def edit(user_id: int) -> ResponseReturnValue:
    """Change a machine."""
    machine = api_tokens.machine(db.session(), user_id)
    opened = _opened.when(machine)
    form = _machine_form(machine)
    form.opened = opened
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                row = api_tokens.machine(work, user_id)
                _opened.refuse_changed(work, form, row)
                api_tokens.edit_machine(work, actor(), row, now=utc_now(), **_facts(form))
            flash(_("Saved %(name)s.", name=row.name), "success")
            return back("staff.show", user_id=user_id)
    return _page(form, machine)


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


def _facts(form: MachineForm) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "owner_id": form.owner.data,
        "role": form.role.data,
        "site_ids": form.sites.data or [],
    }


def _page(form: MachineForm, machine: User | None) -> ResponseReturnValue:
    cancel = url_for("staff.show", user_id=machine.id) if machine else url_for("staff.index")
    page = render_template("office/machines/form.html", form=form, machine=machine, cancel=cancel)
    return page, 422 if form.is_submitted() else 200


blueprints = [blueprint, machines]
