"""How somebody wants their lists: filters kept, what a list begins with, columns put away."""

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.errors import DomainError
from app.domain.office import lists
from app.extensions import db
from app.models import SavedFilter
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import areas, tables
from app.web.security import Pages, actor

blueprint = Pages("lists", __name__, url_prefix="/lists")


@blueprint.post("/filters", right="read")
def save() -> ResponseReturnValue:
    """Keep the filter of a page by a name."""
    page, form = _page(), request.form
    shared = bool(form.get("shared"))
    if shared and not current_user.may(areas.of(page), "write"):
        abort(403)
    try:
        with unit_of_work() as work:
            row = lists.save(
                *(work, actor(), current_user, page),
                name=form.get("name", ""),
                query=form.get("query", ""),
                shared=shared,
                now=utc_now(),
            )
            if form.get("first"):
                lists.begin_with(work, current_user, page, row)
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        flash(_("The filter %(name)s is saved.", name=row.name), "success")
    return _to(page, lists.bare(form.get("query", "")))


@blueprint.post("/filters/<int:filter_id>/delete", right="read")
def delete(filter_id: int) -> ResponseReturnValue:
    """Delete a filter of one's own; an admin also one that somebody shares."""
    row = _found(filter_id)
    page, name, query = row.page, row.name, row.query
    with unit_of_work() as work:
        lists.delete(
            *(work, actor(), current_user, _found(filter_id)),
            others=current_user.may(areas.tidied(page), "write"),
            now=utc_now(),
        )
    flash(_("The filter %(name)s is deleted.", name=name), "success")
    return _to(page, query)


@blueprint.post("/filters/<int:filter_id>/first", right="read")
def first(filter_id: int) -> ResponseReturnValue:
    """Have a list begin with a filter, or no longer."""
    row = _found(filter_id)
    page, name, query = row.page, row.name, row.query
    begins = bool(request.form.get("begins"))
    with unit_of_work() as work:
        lists.begin_with(work, current_user, page, _found(filter_id) if begins else None)
    if begins:
        flash(_("The list now opens with %(name)s.", name=name), "success")
    else:
        flash(_("The list opens unfiltered again."), "success")
    return _to(page, query)


@blueprint.post("/columns", right="read")
def columns() -> ResponseReturnValue:
    """Show the ticked columns of a list, and put the others away."""
    page, shown = _page(), set(request.form.getlist("shown"))
    with unit_of_work() as work:
        away = [name for name in request.form.getlist("columns") if name not in shown]
        lists.put_away(work, current_user, page, away)
    return _to(page, lists.bare(request.form.get("query", "")))


def _page() -> str:
    page = request.form.get("page", "")
    return page if page in tables.LISTS and current_user.may_open(page) else abort(404)


def _found(filter_id: int) -> SavedFilter:
    """A filter that this person may use; of somebody else's that is not shared nothing is told."""
    row = db.session.get(SavedFilter, filter_id)
    if row is None or not (row.shared or row.user_id == current_user.id):
        abort(404)
    return row if current_user.may_open(row.page) else abort(404)


def _to(page: str, query: str) -> ResponseReturnValue:
    return redirect(f"{url_for(page)}?{query or 'filter=none'}", code=303)
