"""What every list page shares: reading its URL and answering with CSV."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from app import csv_files
from app.queries.paging import CSV_LIMIT, PAGE_SIZE, Wish


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
    value = request.args.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


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
    name: str, columns: Sequence[tuple[str, Callable[[Any], Any]]], rows: Iterable[Any]
) -> Response:
    """Answer with a CSV file; `columns` are (header, how to read it off a row)."""
    body = "".join(
        csv_files.lines(
            [header for header, _ in columns],
            ([read(row) for _, read in columns] for row in rows),
        )
    )
    return Response(
        "\ufeff" + body,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
