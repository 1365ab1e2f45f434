"""What every list page shares: reading its URL and answering with a file."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, TypeVar
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from flask import Response, current_app, flash, g, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from app.domain.ground import texts
from app.domain.ground.clock import giving_way
from app.domain.ground.errors import DomainError
from app.extensions import db
from app.models import Driver, Site, Station, Tag, TagGroup
from app.process.clock import utc_now
from app.queries.ground import picks
from app.queries.ground.paging import PAGE_SIZE, PIECE, Page, Wish
from app.text.numbers import decimal_mark, written_as
from app.web import spreadsheet
from app.web.spreadsheet import Columns

#: A dataclass of what a list is narrowed to.
Narrowed = TypeVar("Narrowed")


def wish() -> Wish:
    """Read sort and page from the URL."""
    page = request.args.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    after, before = request.args.get("after", ""), request.args.get("before", "")
    sort = request.args.get("sort", "")
    return Wish(sort, max(1, number), PAGE_SIZE, after, before, sorts_all=False)


def wants_file() -> bool:
    """Tell whether the URL asks for the whole filter as a file, or a button for ticked rows."""
    return _format() in ("csv", "xlsx")


def _format() -> str | None:
    return request.args.get("format") or request.form.get("action")


def text(name: str) -> str:
    """A filter's text, trimmed; empty when absent."""
    return request.args.get(name, "").strip()[:200]


def number(name: str) -> int | None:
    """A filter's number; None when absent or no number."""
    return texts.row_id(request.args.get(name))


def numbers(name: str) -> frozenset[int] | None:
    """Numbers that a filter names, parted by commas; None when it names none."""
    ids = map(texts.row_id, request.args.get(name, "").split(","))
    return frozenset(number for number in ids if number is not None) or None


def station() -> int | None:
    """The station that a list is narrowed to, by its number or by what was typed.

    A text that means none, or several, is said on the page, and narrows the list to nothing.
    """
    typed = text("station_name")
    if not typed:
        return number("station")
    try:
        return picks.station(db.session(), typed).id
    except DomainError as error:
        flash(error.sentence, "error")
        return 0


def zone() -> ZoneInfo:
    """The clock of whoever asks."""
    return ZoneInfo(g.get("zone", "UTC"))


def day(name: str, *, end: bool = False) -> datetime | None:
    """A filter's date as an instant: its first midnight on the reader's clock, or its last."""
    try:
        start = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d")
        if end:
            start += timedelta(days=1)
        return start.replace(tzinfo=zone()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def asked(kind: type[Narrowed], **given: Any) -> Narrowed:
    """Read a filter off the URL, member by member by its name; what is `given` is not read.

    A text is a text, the id of a thing is its number under the thing's name, and an instant is
    the first midnight of a day, or of the day after `until`.
    """
    for member in fields(kind):  # type: ignore[arg-type]
        name = member.name
        if name in given:
            continue
        if member.type is str:
            given[name] = text(name)
        elif name == "station_id":
            given[name] = station()
        elif name.endswith("_id"):
            given[name] = number(name.removesuffix("_id"))
        elif name in ("since", "until"):
            given[name] = day(name, end=name == "until")
    return kind(**given)


#: A long list begins with so many days, unless a period is asked for.
RECENT_DAYS = 31


def recent() -> datetime:
    """The first midnight of what a long list begins with, on the reader's clock."""
    here = (g.get("now") or utc_now()).astimezone(zone())
    first = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=RECENT_DAYS - 1)).astimezone(UTC)


def lately(wanted: Any, session: Session) -> tuple[Any, bool]:
    """The filter of a list, which begins with what is recent where it is so long, and whether."""
    if wanted.since or wanted.until or request.args.get("when") or not wanted.is_long(session):
        return wanted, False
    return replace(wanted, since=recent()), True


def summed(wanted: Any, page: Page) -> bool:
    """Whether a list tells sums: of all that was ever, when there is much, it does not."""
    return bool(page.rows) and (wanted.since is not None or not page.more)


def file_response(
    name: str,
    columns: Columns,
    rows: Iterable[Any],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Response:
    """Answer with a file, CSV or XLSX; `columns` are (header, how to read it off a row).

    It is sent as it is written: no more of it is held than a piece.  The file is named after the
    list, its period and its filter; times are the reader's.
    """
    cells = ([read(row) for _, read in columns] for row in rows)
    return _file(file_name(name, since, until), columns, cells)


def file_of_pages(
    name: str,
    read_page: Callable[[Wish], tuple[Page, Any]],
    columns_of: Callable[[Any], Columns],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Response:
    """Answer with a file of all pages of a list, which are read one after the other.

    `columns_of` makes the columns of what is read beside each page.
    """
    wanted = Wish(request.args.get("sort", ""), 1, PIECE)
    page, beside = read_page(wanted)

    def cells(page: Page, beside: Any) -> Iterator[Sequence[Any]]:
        while True:
            columns, after = columns_of(beside), page.after
            told = list(giving_way([read(row) for _, read in columns] for row in page))
            db.session.rollback()  # whoever is slow to take the file holds no connection
            yield from told
            if not after:
                return
            page, beside = read_page(replace(wanted, after=after))

    return _file(file_name(name, since, until), columns_of(beside), cells(page, beside))


def shown(
    name: str,
    columns: Columns,
    read_page: Callable[[Wish], Page],
    template: str,
    beside: Callable[[Page], dict[str, Any]] = lambda page: {},
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> ResponseReturnValue:
    """Answer with a list as its URL asks: a page of it, or all of it as a file.

    `beside` is what the template needs besides the page.
    """
    if wants_file():
        return file_of_pages(
            name, lambda wish: (read_page(wish), None), lambda _: columns, since=since, until=until
        )
    page = read_page(wish())
    return render_template(template, page=page, **beside(page))


def _file(name: str, columns: Columns, cells: Iterable[Sequence[Any]]) -> Response:
    here, header = zone(), [heading for heading, _ in columns]
    cells = giving_way(cells)
    if _format() == "xlsx":
        return sent(spreadsheet.workbook(header, cells, here), spreadsheet.XLSX, f"{name}.xlsx")
    return sent(csv_of(header, cells), spreadsheet.CSV, f"{name}.csv")


def csv_of(header: Sequence[str], cells: Iterable[Sequence[Any]]) -> Iterable[str]:
    """A CSV file as the reader's spreadsheet opens it, with times on the reader's clock."""
    mark = decimal_mark(written_as())
    return chain(["\ufeff"], spreadsheet.lines(header, cells, zone(), mark))


#: A file is sent as it is once it is whole within so many bytes or characters.
_HELD = 64 * 1024


def sent(parts: Iterable[str] | Iterable[bytes], mimetype: str, name: str) -> Response:
    """Answer with a file part by part; what fails before the first part is an ordinary error."""
    rest: Iterator[Any] = iter(parts)
    first, size = [], 0
    for part in rest:
        first.append(part)
        size += len(part)
        if size > _HELD:
            break
    headers = {"Content-Disposition": attachment(name)}
    if size <= _HELD:  # what is whole by now needs no request to go on living
        return Response(first, mimetype=mimetype, headers=headers)
    # The request ends before the rest is read.  Its end must not take away the database session,
    # on which the rows live that are told yet, and which knows how far the asker may see.
    own = db.session()
    db.session.registry.clear()

    def going_on() -> Iterator[Any]:
        db.session.registry.set(own)
        yield from chain(first, rest)

    answer = Response(stream_with_context(going_on()), mimetype=mimetype, headers=headers)
    answer.call_on_close(own.close)
    return answer


def write_page(archive: ZipFile, template: str, **told: Any) -> None:
    """Write the page that an archive begins with, which may be long: others run meanwhile."""
    current_app.update_template_context(told)
    parts = current_app.jinja_env.get_template(template).generate(told)
    with archive.open("index.html", "w") as file:
        for part in giving_way(parts):
            file.write(part.encode())


def attachment(name: str) -> str:
    """The header that has an answer kept as a file."""
    return f'attachment; filename="{name}"'


#: What a filter's number stands for: the thing, and what it is called.
_NAMED: dict[str, tuple[Any, str]] = {
    "site": (Site, "name"),
    "station": (Station, "identity"),
    "driver": (Driver, "name"),
    "tag": (Tag, "value"),
    "group": (TagGroup, "name"),
}
#: What in a URL is no filter, or is told by the period.
_NO_FILTER = {
    "filter",
    "format",
    "sort",
    "page",
    "since",
    "until",
    "from",
    "to",
    "when",
    "before",
    "after",
}


def file_name(noun: str, since: datetime | None = None, until: datetime | None = None) -> str:
    """What a file of this page is called: the list, its period (or its day), and its filter."""
    return safe_name(noun, _period(since, until), *_filters())


def _period(since: datetime | None, until: datetime | None) -> str:
    """The days of a period on the reader's clock; `until` is its first instant no more."""
    here = zone()
    first = f"{since.astimezone(here):%Y-%m-%d}" if since else ""
    last = f"{(until - timedelta(microseconds=1)).astimezone(here):%Y-%m-%d}" if until else ""
    today = f"{(g.get('now') or utc_now()).astimezone(here):%Y-%m-%d}"
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


def safe_name(noun: str, *parts: str) -> str:
    """A file's name without its ending: the noun, its period, what it is narrowed to."""
    plain = (unicodedata.normalize("NFKD", part.casefold()) for part in (noun, *parts))
    bare = ("".join(char for char in part if not unicodedata.combining(char)) for part in plain)
    words = (re.sub(r"[^a-z0-9._]+", "-", part).strip("-.") for part in bare)
    return "-".join(word[:60] for word in words if word)[:180]
