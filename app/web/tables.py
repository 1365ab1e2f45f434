"""What tables of lists are made with: cells that know their heads, and how a list is narrowed."""

import re
from collections.abc import Container, Sequence

from flask import Flask, request
from markupsafe import Markup, escape

#: A column of a table: its word, then its sort key, class and name, as far as it has them.
Head = Sequence[str]

#: What in a URL narrows nothing.
_NO_FILTER = {"q", "sort", "page", "after", "before", "when", "format", "filter"}
_OPENING = re.compile(r"<(tr|td|th)\b([^>]*)>")
_COLSPAN = re.compile(r' colspan="(\d+)"')


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
    away: Container[str] = (),
) -> Markup:
    """The rows of a table with what their cells have of the columns they stand in.

    For `cards` a cell says what its column is; one in a column that is put `away` is not shown.
    """
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
    app.add_template_global(filters_set)
