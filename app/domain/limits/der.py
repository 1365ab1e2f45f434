"""Controls of a station's inverter: set, read, cleared, superseded, in force (2.1 block R)."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.commands.orders.spec import Ask, Prepared
from app.domain.ground import events
from app.domain.ground.errors import Taken
from app.domain.ground.vocabulary import CommandState, Json, Outcome
from app.domain.limits import der_controls
from app.models import Command, DerControl, Station

HELD = ("accepted", "reported")


@dataclass(frozen=True, slots=True)
class Reported:
    """One control as a station tells of it."""

    number: str
    kind: str
    document: Json
    default: bool
    superseded: bool = False


def prepare_set(ask: Ask) -> Prepared:
    """Check a control's document and make its row; the arguments gain its name."""
    default = bool(ask.given.get("default"))
    document = der_controls.read(ask.given["kind"], ask.given["document"], default=default)
    number = ask.given.get("control") or f"amp-{secrets.token_hex(8)}"
    row = _find(ask.db, ask.station, number)
    if row is not None and row.kind != ask.given["kind"]:
        raise Taken(f"Control {number} is of another kind.", field="control")
    if row is None:
        row = DerControl(station_id=ask.station.id, number=number, kind=ask.given["kind"])
        ask.db.add(row)
    row.is_default, row.document, row.state = default, document, "asked"
    row.sentence, row.changed_at = None, ask.now
    ask.db.flush()
    arguments = {**ask.given, "control": number, "document": document}
    return Prepared(arguments, f"der_control:{row.id}")


def settle_set(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep what a station said to a control, and which others it superseded."""
    row = _find(db, command.station, str(command.arguments.get("control")))
    if row is None:
        return
    accepted = outcome.state is CommandState.ACCEPTED
    row.command_id = command.id
    _move(row, "accepted" if accepted else "rejected", outcome.sentence, now)
    supersede(db, command.station, outcome.facts.get("superseded") or (), now)


def settle_read(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """What a station does not find, it does not hold."""
    if outcome.word == "NotFound":
        _clear(db, command, "The station has no such control.", now, command.arguments)


def settle_clear(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """What was cleared, or never was there, is gone."""
    if outcome.state is CommandState.ACCEPTED or outcome.word == "NotFound":
        # A clearing that names no default or scheduled ones means the scheduled (R04.FR.44).
        criteria = {"default": False, **command.arguments}
        _clear(db, command, "Cleared.", now, criteria)


def report(db: Session, station: Station, found: Iterable[Reported], *, now: datetime) -> None:
    """Take in a part of what a station reports."""
    for item in found:
        row = _find(db, station, item.number)
        if row is None:
            row = DerControl(station_id=station.id, number=item.number)
            db.add(row)
        row.kind, row.document, row.is_default = item.kind, item.document, item.default
        kept = row.state if row.state in HELD else "reported"
        _move(row, "superseded" if item.superseded else kept, None, now)
    events.station_changed(db, station)


def started_or_stopped(
    db: Session,
    station: Station,
    number: str,
    started: bool,
    superseded: Iterable[str],
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Keep that a control came into force or ended, and what it superseded (R04.FR.20-22)."""
    row = _find(db, station, number)
    if row is not None:
        row.running, row.changed_at = started, at
        if not started and not row.is_default:
            # A scheduled control is deleted by the station when its time is over (R04.FR.10).
            _move(row, "cleared", "Its time is over.", at)
    supersede(db, station, superseded, now)
    payload = {"control": number, "started": started, "superseded": list(superseded)}
    word = "started" if started else "ended"
    reports.add(db, station, "der", f"{number} {word}", payload, at=at, now=now)


def alarm(
    db: Session,
    station: Station,
    kind: str,
    fault: str | None,
    ended: bool,
    info: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Keep an alarm of the grid protection, or its end."""
    payload = {"control": kind, "fault": fault, "ended": ended, "info": info}
    word = f"{der_controls.KINDS.get(kind, (kind, ''))[0]}{' ended' if ended else ''}"
    reports.add(db, station, "der_alarm", word, payload, at=at, now=now)


def supersede(db: Session, station: Station, names: Iterable[str], now: datetime) -> None:
    """Note that other controls took the place of these."""
    for number in names:
        if (row := _find(db, station, number)) is not None:
            row.running = False
            _move(row, "superseded", "Another control took its place.", now)
    events.station_changed(db, station)


def current(db: Session, station: Station) -> list[DerControl]:
    """The controls of a station, those that it holds and those on their way."""
    query = select(DerControl).where(
        DerControl.station_id == station.id, DerControl.state != "cleared"
    )
    return list(db.scalars(query.order_by(DerControl.kind, DerControl.id)))


def _find(db: Session, station: Station, number: str) -> DerControl | None:
    return db.scalar(
        select(DerControl).where(DerControl.station_id == station.id, DerControl.number == number)
    )


def _move(row: DerControl, state: str, sentence: str | None, now: datetime) -> None:
    row.state, row.sentence, row.changed_at = state, (sentence or "")[:300] or None, now


def _clear(
    db: Session,
    command: Command,
    sentence: str,
    now: datetime,
    given: Mapping[str, Any],
) -> None:
    query = select(DerControl).where(DerControl.station_id == command.station_id)
    for name, column in (
        ("kind", DerControl.kind),
        ("default", DerControl.is_default),
        ("control", DerControl.number),
    ):
        if given.get(name) is not None:
            query = query.where(column == given[name])
    for row in db.scalars(query.where(DerControl.state.in_([*HELD, "superseded"]))):
        row.running = False
        _move(row, "cleared", sentence, now)
    events.station_changed(db, command.station)
