"""What the buttons of a page do: one thing to one row, then on to a page that shows it."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, abort, current_app, flash
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from app.domain.ground.errors import DomainError
from app.extensions import db
from app.process.clock import utc_now
from app.uow import unit_of_work
from app.web import scope
from app.web.security import actor, back, needs

Row = TypeVar("Row")


def by_number(model: type[Row], missing: str) -> Callable[..., Row]:
    """Find a row in reach by the last number of an address, or 404: what is `missing`."""

    def find(number: int = 0, /, **path: int) -> Row:
        row = db.session.get(model, [number, *path.values()][-1])
        if row is None:
            raise scope.missing(db.session(), model, missing)
        return row

    return find


def of_station(model: Any, missing: str) -> Callable[..., Any]:
    """Find a row by the last number of an address, if it is of the station that this names."""
    found = by_number(model, missing)

    def find(*, station_id: int, **path: int) -> Any:
        row = found(**path)
        return row if row.station_id == station_id else abort(404, missing)

    return find


def does(
    blueprint: Blueprint,
    rule: str,
    act: Callable[..., Any],
    find: Callable[..., Any],
    said: str = "",
    then: str = ".show",
    *,
    called: str = "name",
    right: str = "write",
    everywhere: bool = False,
    given: Callable[[], dict[str, Any]] = dict,
    tells: bool = False,
    anchor: str | None = None,
    name: str = "",
) -> None:
    """Hang a POST on a blueprint, by the last word of its rule or by `name`.

    In one unit of work `find(**numbers of the address)` finds a row and `act(work, actor, row,
    now=…)` does it, with what is `given` besides.  What is `said` may hold attributes of the
    row, and its `name`: what it is `called`.  Then the page `then` is shown, of those numbers that
    its own address has; it `tells` a refusal, too, where that is no page of its own.
    """
    words = re.findall(r"%\((\w+)\)s", said)

    def do(**path: int) -> ResponseReturnValue:
        try:
            with unit_of_work() as work:
                row = find(**path)
                known = {word: getattr(row, called if word == "name" else word) for word in words}
                act(work, actor(), row, now=utc_now(), **given())
            if said:
                flash(gettext(said, **known), "success")
        except DomainError as error:
            if not tells:
                raise
            flash(error.sentence, "error")
        page = blueprint.name + then if then.startswith(".") else then
        takes = next(current_app.url_map.iter_rules(page)).arguments
        shown = {number: path[number] for number in takes}
        return back(page, **shown, **({"_anchor": anchor} if anchor else {}))

    name = name or rule.rpartition("/")[2].replace("-", "_")
    blueprint.add_url_rule(rule, name, needs(right, everywhere=everywhere)(do), methods=["POST"])
