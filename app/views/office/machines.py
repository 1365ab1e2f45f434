"""Machines on the staff: programs with tokens of their own, and who answers for them."""

from typing import Any

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.office import api_tokens, rights
from app.extensions import db
from app.forms.ground import refusals
from app.forms.office.rights import MachineForm
from app.models import User
from app.process.clock import utc_now
from app.queries.office import staff as queries
from app.uow import unit_of_work
from app.web.security import actor, back, needs

blueprint = Blueprint("machines", __name__, url_prefix="/staff/machines")


@blueprint.route("/new", methods=["GET", "POST"])
@needs("write", everywhere=True)
def create() -> ResponseReturnValue:
    """Add a machine."""
    form = _form(None)
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


@blueprint.route("/<int:user_id>/edit", methods=["GET", "POST"])
@needs("write", everywhere=True)
def edit(user_id: int) -> ResponseReturnValue:
    """Change a machine."""
    machine = api_tokens.machine(db.session(), user_id)
    form = _form(machine)
    if form.validate_on_submit():
        with refusals.on(form):
            with unit_of_work() as work:
                row = api_tokens.machine(work, user_id)
                api_tokens.edit_machine(work, actor(), row, now=utc_now(), **_facts(form))
            flash(_("Saved %(name)s.", name=row.name), "success")
            return back("staff.show", user_id=user_id)
    return _page(form, machine)


def _form(machine: User | None) -> MachineForm:
    session = db.session()
    form = MachineForm(obj=machine)
    own = [(row.name, row.name) for row in rights.roles(session)]
    form.role.choices = [*form.role.choices, *own]
    form.sites.choices = [(site.id, site.name) for site in queries.sites(session)]
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
