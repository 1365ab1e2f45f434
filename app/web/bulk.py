"""One action on many rows of a list: which rows are meant, and what is said of it afterwards."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Select, select
from werkzeug import Response

from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.many import Tally
from app.extensions import db

#: Rows that are changed at once, and those of which each is weighed and locked apart.
MOST, MOST_WEIGHED = 2_000, 200
#: Refusals that are told one by one.
_TOLD = 8


def ticked() -> frozenset[int]:
    """The numbers of the rows that were ticked."""
    ids = map(texts.row_id, request.form.getlist("ids"))
    return frozenset(number for number in ids if number is not None)


def whole() -> bool:
    """Whether all rows of the page's filter are meant, not those that were ticked."""
    return bool(request.form.get("all"))


def picked(
    found: Callable[[], Select[Any]], model: Any, *options: Any, most: int = MOST
) -> list[Any]:
    """The rows that an action is meant for, read in one select and in the order of their numbers.

    `found` selects those of the page's filter.  Raises `NotFound` where there are none, and
    `Invalid` where nothing is ticked or there are more than `most`.
    """
    if whole():
        query = found().order_by(None)
    elif ids := ticked():
        query = select(model).where(model.id.in_(ids))
    else:
        raise Invalid("Tick the rows first, then choose what to do with them.")
    query = query.options(*options).order_by(model.id).limit(most + 1)
    rows = list(db.session.scalars(query))
    if not rows:
        raise NotFound("None of these rows is there any more.")
    if len(rows) > most:
        raise Invalid(f"More than {most:,} rows are not changed at once: narrow the list first.")
    return rows


def tell(tally: Tally, said: str) -> None:
    """Say how many rows were changed, and which were not, and why."""
    flash(said, "success" if tally.changed else "info")
    for name, why in tally.refused[:_TOLD]:
        flash(why if name in why else f"{name}: {why}", "error")
    if (more := len(tally.refused) - _TOLD) > 0:
        flash(_("%(more)s more were not changed for such reasons.", more=more), "error")


def back(endpoint: str) -> Response:
    """Send the browser back to the list that the action was asked for on."""
    query = request.query_string.decode("utf-8", "replace")
    return redirect(f"{url_for(endpoint)}?{query or 'filter=none'}", code=303)
