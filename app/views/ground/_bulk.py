"""POST /bulk: one action on many rows of a list; each that refuses it is told with its reason."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.errors import Invalid, NotFound
from app.domain.ground.many import Many, Tally
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import listing
from app.web.security import actor, needs

#: Refusals that are told one by one.
_TOLD = 8


def hang(
    blueprint: Blueprint,
    many: Many,
    found: Callable[[Session], Select[Any]],
    said: Mapping[str, Callable[[int], str]],
    beside: Callable[[str, str], dict[str, Any]] = lambda action, more: {},
    *,
    instead: Callable[[], Any] = lambda: None,
    file: Callable[[frozenset[int] | None], ResponseReturnValue] | None = None,
    rule: str = "/bulk",
    name: str = "bulk_change",
    back_to: str = "index",
) -> None:
    """Hang what the buttons of a list's bar ask for on its blueprint.

    A button's word is an action of `many`, and may say more after a hyphen: `beside` makes of both
    what goes to the act by name.  `found` selects all of the page's filter, `said` tells how many
    rows were changed.  What changes nothing is answered `instead`, or with a `file` of the rows
    that are ticked (None: of all).
    """

    def bulk_change() -> ResponseReturnValue:
        if file is not None and listing.wants_file():
            return file(None if whole() else ticked())
        if (answer := instead()) is not None:
            return answer  # type: ignore[no-any-return]
        action, _hyphen, more = request.form.get("action", "").partition("-")
        if action not in many.acts:
            abort(400, "There is no such action.")
        given = beside(action, more)
        with unit_of_work() as work:
            rows = _rows(work, many, found)
            tally = many.do(work, actor(), action, rows, now=utc_now(), **given)
        _tell(tally, said[action](tally.changed))
        query = request.query_string.decode("utf-8", "replace")
        address = url_for(f"{blueprint.name}.{back_to}")
        return redirect(f"{address}?{query or 'filter=none'}", code=303)

    view = needs("write")(bulk_change)
    blueprint.add_url_rule(rule, name, view, methods=["POST"])


def ticked() -> frozenset[int]:
    """The numbers of the rows that were ticked."""
    ids = map(texts.row_id, request.form.getlist("ids"))
    return frozenset(number for number in ids if number is not None)


def whole() -> bool:
    """Whether all rows of the page's filter are meant, not those that were ticked."""
    return bool(request.form.get("all"))


def _rows(db: Session, many: Many, found: Callable[[Session], Select[Any]]) -> list[Any]:
    """The rows that an action is meant for.  Raises `NotFound`, or `Invalid`: none, too many."""
    if not whole() and not ticked():
        raise Invalid("Tick the rows first, then choose what to do with them.")
    rows = many.rows(db, found(db) if whole() else many.of(ticked()))
    if not rows:
        raise NotFound("None of these rows is there any more.")
    return rows


def _tell(tally: Tally, said: str) -> None:
    """Say how many rows were changed, and which were not, and why."""
    flash(said, "success" if tally.changed else "info")
    for name, why in tally.refused[:_TOLD]:
        flash(why if name in why else f"{name}: {why}", "error")
    if (more := len(tally.refused) - _TOLD) > 0:
        flash(_("%(more)s more were not changed for such reasons.", more=more), "error")
