"""What tables of lists are made with: cells that know their heads, and how a list is narrowed."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass

from flask import Flask, g, redirect, request
from flask_login import current_user
from markupsafe import Markup, escape
from werkzeug import Response

from app.domain.office import lists
from app.extensions import db
from app.models import SavedFilter
from app.web import areas

#: A column of a table: its word, then its sort key, class and name, as far as it has them.
Head = Sequence[str]

#: The pages whose filters are kept by a name.
LISTS = frozenset(
    f"{noun}.index"
    for noun in (
        *("stations", "sites", "sessions", "bills", "tags", "drivers", "commands"),
        *("messages", "reservations", "alerts", "audit"),
    )
)
#: What in a URL narrows nothing.
_NO_FILTER = {"q", "sort", "page", "after", "before", "when", "format", "filter"}
_OPENING = re.compile(r"<(tr|td|th)\b([^>]*)>")
_COLSPAN = re.compile(r' colspan="(\d+)"')


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the reader wants this list: the filters at hand, its first one, the columns put away."""

    filters: Sequence[SavedFilter] = ()
    first: SavedFilter | None = None
    away: frozenset[str] = frozenset()
    #: The filter of this page's address as it would be kept, and the one that is kept so.
    query: str = ""
    shown: SavedFilter | None = None


def wanted() -> Wanted | None:
    """How the reader wants this list; None on any other page."""
    if request.endpoint not in LISTS:
        return None
    if "wanted" not in g:
        page, query = (
            str(request.endpoint),
            lists.bare(request.query_string.decode("utf-8", "replace")),
        )
        found = lists.seen(db.session(), current_user, page)
        choice = lists.choice(db.session(), current_user, page)
        by_id = {row.id: row for row in found}
        g.wanted = Wanted(
            found,
            by_id.get(choice.filter_id or 0) if choice else None,
            frozenset(choice.away) if choice else frozenset(),
            query,
            next((row for row in found if row.query == query), None),
        )
    return g.wanted  # type: ignore[no-any-return]


def _begin() -> Response | None:
    """Lead to the filter that a list begins with for its reader, where none is asked for."""
    if request.endpoint not in LISTS or request.args or request.headers.get("X-Live"):
        return None
    if request.method != "GET" or not current_user.is_authenticated:
        return None
    reader = wanted()
    if reader is None or reader.first is None:
        return None
    return redirect(f"{request.path}?{reader.first.query}", code=303)


def filters_set() -> int:
    """How many filters narrow this page, without its search and its period."""
    return sum(bool(value) for name, value in request.args.items() if name not in _NO_FILTER)


def name_of(head: Head) -> str:
    """What a column is called whatever the language; empty when it cannot be put away."""
    return (head[3] if len(head) > 3 else "") or (head[1] if len(head) > 1 else "")


def cells_of(
    rows: Markup,
    columns: Sequence[Head],
    checks: bool = False,
    cards: bool = False,
    away: Container[str] | None = None,
) -> Markup:
    """The rows of a table with what their cells have of the columns they stand in.

    For `cards` a cell says what its column is; one in a column that is put `away` is not shown
    (None: those that the reader has put away).
    """
    if away is None:
        reader = wanted()
        away = reader.away if reader else ()
    labels = [str(escape(head[0])) for head in columns]
    shown = [number == 0 or name_of(head) not in away for number, head in enumerate(columns)]
    if checks:
        labels, shown = ["", *labels], [True, *shown]
    if not cards and all(shown):
        return rows
    at = 0

    def placed(opening: re.Match[str]) -> str:
        nonlocal at
        tag, attributes = opening.groups()
        if tag == "tr":
            at = 0
            return opening[0]
        spanned = _COLSPAN.search(attributes)
        width = int(spanned[1]) if spanned else 1
        seen = sum(shown[at : at + width])
        label = labels[at] if cards and width == 1 and at < len(labels) else ""
        beyond, at = at >= len(shown), at + width
        if spanned and seen:
            attributes = _COLSPAN.sub(f' colspan="{seen}"', attributes)
        if not seen and not beyond:
            attributes += " hidden"
        if label:
            attributes += f' data-label="{label}"'
        return f"<{tag}{attributes}>"

    return Markup(_OPENING.sub(placed, str(rows)))


def register(app: Flask) -> None:
    """Give the app's templates what tables are made with."""
    app.add_template_filter(cells_of)
    app.add_template_filter(name_of, "column_name")
    app.add_template_global(filters_set)
    app.add_template_global(wanted, "list_wanted")
    app.add_template_global(areas.tidied)
    # Macros are imported without what a page knows.
    app.add_template_global(current_user, "current_user")
    app.before_request(_begin)
