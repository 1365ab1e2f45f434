"""Tag groups: who may stop whose session, and the tariff they share."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, render_template
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.access import reach, tag_groups
from app.domain.access.tag_groups import GroupFacts
from app.domain.ground.errors import DomainError
from app.extensions import db
from app.forms.access.tags import GroupForm, chosen
from app.forms.ground import refusals
from app.models import TagGroup
from app.queries.access import drivers as driver_queries
from app.queries.access import tags as queries
from app.uow import unit_of_work
from app.web.security import actor, back, needs

blueprint = Blueprint("tag_groups", __name__, url_prefix="/tags/groups")


@blueprint.get("")
@needs("viewer")
def index() -> Any:
    """All groups with the number of their tags."""
    session = db.session()
    return render_template(
        "access/tags/groups.html",
        groups=queries.groups(session),
        sizes=queries.group_sizes(session),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs("operator")
def create() -> Any:
    """Make a group."""
    form = _form(GroupForm())
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                group = tag_groups.add(
                    work,
                    actor(),
                    _facts(form),
                    tenant_id=current_user.tenant_id,
                    now=datetime.now(UTC),
                )
            flash(f"Added the group {group.name}. Now add its tags.", "success")
            return back("tag_groups.index")
        except DomainError as error:
            refusals.show(form, error)
    return _page(form, None)


@blueprint.route("/<int:group_id>/edit", methods=["GET", "POST"])
@needs("operator")
def edit(group_id: int) -> Any:
    """Change a group."""
    group = _found(db.session(), group_id)
    reach.guard(db.session(), group)
    data = {
        "name": group.name,
        "parent": group.parent,
        "tariff": str(group.tariff_id or ""),
        "master_pass": group.master_pass,
        "sites": [site.id for site in group.sites],
    }
    form = _form(GroupForm(data=data), group)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                tag_groups.edit(work, actor(), group, _facts(form), now=datetime.now(UTC))
            flash(f"Saved the group {group.name}.", "success")
            return back("tag_groups.index")
        except DomainError as error:
            refusals.show(form, error)
    return _page(form, _found(db.session(), group_id))


@blueprint.post("/<int:group_id>/remove")
@needs("operator")
def remove(group_id: int) -> Any:
    """Delete an empty group."""
    with unit_of_work() as work:
        group = _found(work, group_id)
        name = group.name
        tag_groups.remove(work, actor(), group, now=datetime.now(UTC))
    flash(f"Deleted the group {name}.", "success")
    return back("tag_groups.index")


def _found(session: Session, group_id: int) -> TagGroup:
    group = session.get(TagGroup, group_id)
    if group is None:
        abort(404)
    return group


def _form(form: GroupForm, group: TagGroup | None = None) -> GroupForm:
    tariffs = driver_queries.tariffs(db.session())
    form.tariff.choices = [("", "As the station or site"), *((str(t.id), t.name) for t in tariffs)]
    form.sites.choices = queries.site_choices(db.session(), group)
    return form


def _facts(form: GroupForm) -> GroupFacts:
    return GroupFacts(
        form.name.data,
        form.parent.data,
        chosen(form.tariff.data),
        frozenset(form.sites.data or ()),
        bool(form.master_pass.data),
    )


def _page(form: GroupForm, group: TagGroup | None) -> Any:
    page = render_template("access/tags/group_form.html", form=form, group=group)
    return page, 422 if form.is_submitted() else 200
