"""Texts on the displays of stations: asked, shown, read back, cleared (2.0.1 block O)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared, asked, clear_missing
from app.domain.ground import events
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from app.domain.ground.vocabulary.standard import abilities
from app.models import Command, DisplayMessage, Station


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as a station told it."""

    number: int
    text: str
    priority: str
    when: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    transaction_ref: str | None = None
    language: str | None = None
    format: str = "utf8"


def prepare_showing(ask: Ask) -> Prepared:
    """Give the text its number and its row."""
    longest = abilities(ask.station.protocol).longest_display_text
    if len(ask.given["text"]) > longest:
        raise Invalid(f"The text may have {longest} characters at most.", field="text")
    starts, ends = _times(ask.given)
    if ends is not None and ends <= max(starts or ask.now, ask.now):
        raise Invalid("It ends before it begins.", field="ends_at")
    number = ask.given.get("number")
    if number is None:
        newest = select(func.max(DisplayMessage.number)).where(
            DisplayMessage.station_id == ask.station.id
        )
        number = min((ask.db.scalar(newest) or 0) + 1, 2**31 - 1)
    given = {"priority": "normal_cycle", "format": "utf8", **ask.given, "number": number}
    row = _numbered(ask.db, ask.station, number)
    if row is None:
        row = DisplayMessage(station_id=ask.station.id, number=number)
        ask.db.add(row)
    if row.state != "shown":
        # What is shown stays as it is until the station has taken the new text.
        _write(row, given)
        row.state, row.sentence = "asked", None
    row.changed_at = ask.now
    ask.db.flush()
    return Prepared(given, f"display:{row.id}")


def _write(row: DisplayMessage, given: Arguments) -> None:
    row.priority, row.format, row.text = given["priority"], given["format"], given["text"]
    row.when, row.language = given.get("when"), given.get("language")
    row.starts_at, row.ends_at = _times(given)
    row.transaction_ref = given.get("transaction_ref")


def _times(given: Arguments) -> tuple[datetime | None, datetime | None]:
    return _instant(given.get("starts_at")), _instant(given.get("ends_at"))


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _numbered(db: Session, station: Station, number: int) -> DisplayMessage | None:
    return db.scalar(
        select(DisplayMessage).where(
            DisplayMessage.station_id == station.id, DisplayMessage.number == number
        )
    )


def after_showing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note whether the text is shown, or why not."""
    row = _numbered(db, command.station, command.arguments["number"])
    if row is None:
        return
    if outcome.state is CommandState.ACCEPTED:
        _write(row, command.arguments)
        row.state = "shown"
    elif row.state == "asked":
        row.state = "rejected"
    row.sentence, row.changed_at = outcome.sentence[:300], now
    db.flush()


def after_clearing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note that a text is gone; one that the station does not know is gone too."""
    row = _numbered(db, command.station, command.arguments["number"])
    if row is not None and outcome.word in ("Accepted", "Unknown"):
        row.state, row.changed_at = "cleared", now
        row.sentence = outcome.sentence[:300]
        db.flush()


def after_reading(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """A station that knows no text at all shows none."""
    if outcome.word == "Unknown" and _of_all(command):
        _missing(db, command, now)


def report_part(
    db: Session, station: Station, told: Iterable[Shown], *, request_id: int, last: bool,
    now: datetime,
) -> None:  # fmt: skip
    """Take in a part of what a station shows; after the last part of all, the others are gone."""
    for one in told:
        row = _numbered(db, station, one.number)
        if row is None:
            row = DisplayMessage(station_id=station.id, number=one.number)
            db.add(row)
        row.text, row.priority, row.when = one.text, one.priority, one.when and one.when[:40]
        row.starts_at, row.ends_at = one.starts_at, one.ends_at
        row.transaction_ref = one.transaction_ref and one.transaction_ref[:64]
        row.language = one.language and one.language[:8]
        row.format, row.state = one.format[:20], "shown"
        row.sentence, row.changed_at = None, now
        db.flush()
    command = asked(db, station, [Order.READ_MESSAGES], "request_id", request_id)
    if last and command is not None and _of_all(command):
        _missing(db, command, now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _of_all(command: Command) -> bool:
    return not any(command.arguments.get(name) for name in ("numbers", "priority", "when"))


def _missing(db: Session, command: Command, now: datetime) -> None:
    clear_missing(db, DisplayMessage, "shown", command, "The station no longer shows it.", now)
