"""The message log of the desk: every OCPP frame, a call and its answer in one row."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.domain.ground.rows import read
from app.domain.ground.vocabulary import MessageOutcome
from app.extensions import db
from app.process.clock import utc_now
from app.queries.office import messages as queries
from app.queries.office.messages import Filter
from app.text import message_parts, message_words
from app.text.numbers import FIXED, local, number
from app.web import listing
from app.web.security import Pages
from app.web.spreadsheet import Columns

blueprint = Pages("messages", __name__, url_prefix="/messages")
blueprint.add_app_template_filter(message_words.in_words, "in_words")
blueprint.add_app_template_filter(message_parts.pretty, "pretty_json")

ENDINGS = [
    ("problem", "any problem"),
    *((outcome.value, outcome.value.replace("_", " ")) for outcome in MessageOutcome),
    ("waiting", "waiting for an answer"),
]


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The log, narrowed by the URL: newest first, live at its head, or all of it as a file."""
    wanted = _filter()
    if listing.wants_file():
        rows = queries.every(db.session(), wanted)
        period = {"since": wanted.since, "until": wanted.until}
        return listing.file_response("messages", COLUMNS, rows, **period)
    if request.args.get("format") == "jsonl":
        name = listing.file_name("messages", wanted.since, wanted.until)
        lines = _jsonl(queries.every(db.session(), wanted))
        return listing.sent(lines, "application/jsonl", f"{name}.jsonl")
    before = listing.number("before")
    found = queries.page(db.session(), wanted, before)
    tail = before is None and request.args.get("tail") != "off"
    return render_template(
        "office/messages/index.html",
        found=found,
        looked_through=queries.LOOKED_THROUGH,
        wanted=wanted,
        before=before,
        tail=tail,
        topics=_topics(wanted),
        endings=ENDINGS,
        actions=[(action, action) for action in sorted(message_words.WORDS)],
    )


def _filter() -> Filter:
    number = request.args.get("message_id", "").strip()[:255]
    return listing.asked(Filter, message_id=number, since=moment("since"), until=moment("until"))


def moment(name: str) -> datetime | None:
    """An instant in the URL, written on the reader's clock (`2026-03-02T09:00`); None if absent."""
    try:
        here = datetime.fromisoformat(request.args.get(name, ""))
        if here.tzinfo is None:
            here = here.replace(tzinfo=listing.zone())
        return here.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _topics(wanted: Filter) -> str:
    if wanted.station_id is not None:
        return f"station:{wanted.station_id}"
    if wanted.session_id is not None:
        return f"session:{wanted.session_id}"
    return "messages stations sessions commands"


COLUMNS: Columns = [
    *read("at station=identity"),
    ("from", lambda row: "desk" if row.outbound else "station"),
    *read("action message_id outcome=outcome.value error_code error_description latency_ms"),
    *read("session=session_id request answer=response"),
]


def _jsonl(found: Iterable[Any]) -> Iterator[str]:
    for row in found:
        record = {name: read(row) for name, read in COLUMNS}
        record["at"] = row.at.isoformat(timespec="milliseconds")
        for key in ("request", "answer"):
            value = message_parts.parsed(record[key])
            record[key] = record[key] if value is None else value
        yield json.dumps(record) + "\n"


@blueprint.app_template_filter()
def milliseconds(latency_ms: float) -> str:
    """A latency: `3 ms`, `2.1 s`."""
    if latency_ms < 1000:
        return f"{number(latency_ms)}{FIXED}ms"
    return f"{number(latency_ms / 1000, 1)}{FIXED}s"


@blueprint.app_template_filter()
def stamp(at: datetime) -> str:
    """A frame's time on the reader's clock: to the millisecond, or with its day if not today."""
    zone = listing.zone()
    here = at.astimezone(zone)
    today = g.get("now", utc_now()).astimezone(zone).date()
    if here.date() != today:
        return f"{local(at, 'shortest', zone.key)} {here:%H:%M:%S}"
    return f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"
