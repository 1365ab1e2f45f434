"""What every list page shares: reading its URL and answering with CSV."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, g, request

from app.domain.access.imports.sheet import guarded
from app.domain.ground import texts
from app.extensions import db
from app.models import Driver, Site, Station, Tag, TagGroup
from app.queries.ground.paging import CSV_LIMIT, PAGE_SIZE, Wish


def wish() -> Wish:
    """Read sort and page from the URL; `format=csv` asks for everything at once."""
    if wants_csv():
        return Wish(request.args.get("sort", ""), 1, CSV_LIMIT)
    page = request.args.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    return Wish(request.args.get("sort", ""), max(1, number), PAGE_SIZE)


def wants_csv() -> bool:
    """Tell whether the URL asks for the filter as CSV."""
    return request.args.get("format") == "csv"


def text(name: str) -> str:
    """A filter's text, trimmed; empty when absent."""
    return request.args.get(name, "").strip()[:200]


def number(name: str) -> int | None:
    """A filter's number; None when absent or no number."""
    return texts.row_id(request.args.get(name))


def day(name: str, zone: str, *, end: bool = False) -> datetime | None:
    """A filter's date as an instant: its first midnight in `zone` (or, with `end`, its last)."""
    try:
        start = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d")
        if end:
            start += timedelta(days=1)
        return start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def csv_response(
    name: str,
    columns: Sequence[tuple[str, Callable[[Any], Any]]],
    rows: Iterable[Any],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Response:
    """Answer with a CSV file; `columns` are (header, how to read it off a row).

    The file is named after the list, its period and its filter; times are the reader's.
    """
    zone = ZoneInfo(g.get("zone", "UTC"))
    body = "".join(
        lines(
            [header for header, _ in columns],
            ([read(row) for _, read in columns] for row in rows),
            zone,
        )
    )
    return Response(
        "\ufeff" + body,
        mimetype="text/csv",
        headers={"Content-Disposition": attachment(file_name(name, since, until))},
    )


def attachment(name: str, ending: str = "csv") -> str:
    """The header that has an answer kept as a file."""
    return f'attachment; filename="{name}.{ending}"'


#: What a filter's number stands for: the thing, and what it is called.
_NAMED: dict[str, tuple[Any, str]] = {
    "site": (Site, "name"),
    "station": (Station, "identity"),
    "driver": (Driver, "name"),
    "tag": (Tag, "value"),
    "group": (TagGroup, "name"),
}
#: What in a URL is no filter, or is told by the period.
_NO_FILTER = {"format", "sort", "page", "since", "until", "from", "to", "when", "before"}


def file_name(noun: str, since: datetime | None = None, until: datetime | None = None) -> str:
    """What a file of this page is called: the list, its period (or its day), and its filter."""
    return safe_name(noun, _period(since, until), *_filters())


def _period(since: datetime | None, until: datetime | None) -> str:
    """The days of a period on the reader's clock; `until` is its first instant no more."""
    zone = ZoneInfo(g.get("zone", "UTC"))
    first = f"{since.astimezone(zone):%Y-%m-%d}" if since else ""
    last = f"{(until - timedelta(microseconds=1)).astimezone(zone):%Y-%m-%d}" if until else ""
    today = f"{(g.get('now') or datetime.now(UTC)).astimezone(zone):%Y-%m-%d}"
    if not first and not last:
        return today
    return f"{first}-to-{last or today}" if first else f"to-{last}"


def _filters() -> Iterator[str]:
    """What the URL narrows the list to: names of things, other words as they are."""
    for key, value in request.args.items():
        if key in _NO_FILTER or not value.strip():
            continue
        if key in _NAMED:
            model, called = _NAMED[key]
            thing = db.session.get(model, texts.row_id(value) or 0)
            yield f"{key}-{getattr(thing, called) if thing else value}"
        elif key in ("state", "show"):
            yield value
        else:
            yield f"{key}-{value}"


# CSV that is safe to open and plain to read: no cell can become a formula, times are local.
#
# A text that a spreadsheet would take for a formula is given a leading
# apostrophe, which an import takes off again; numbers stay numbers.


def cell(value: Any, zone: tzinfo = UTC) -> Any:
    """Return what is written for a value: numbers as they are, text defused, None empty.

    A time is written on the clock of `zone`, with its offset.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat() if value.tzinfo else value.isoformat()
    return guarded(value.isoformat() if hasattr(value, "isoformat") else str(value))


def lines(
    header: Sequence[str], rows: Iterable[Sequence[Any]], zone: tzinfo = UTC
) -> Iterator[str]:
    """Yield the lines of a CSV file, the header first; times on the clock of `zone`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in _chain(header, rows):
        writer.writerow([cell(value, zone) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _chain(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    yield header
    yield from rows


def safe_name(noun: str, *parts: str) -> str:
    """A file's name without its ending: the noun, its period, what it is narrowed to."""
    plain = (unicodedata.normalize("NFKD", part.casefold()) for part in (noun, *parts))
    bare = ("".join(char for char in part if not unicodedata.combining(char)) for part in plain)
    words = (re.sub(r"[^a-z0-9._]+", "-", part).strip("-.") for part in bare)
    return "-".join(word[:60] for word in words if word)[:180]
