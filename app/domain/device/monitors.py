"""Monitors: what a station watches for us, set, told and cleared (2.0.1 block N)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared, asked, clear_missing
from app.domain.device import device_model, settings
from app.domain.device.variable_names import VariableName, name_of, parse
from app.domain.ground import events
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import UNHEARD, Order, Outcome
from app.domain.ground.vocabulary.standard import abilities
from app.models import Command, Station, VariableMonitor


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor as a station told it; `number` is its own id of it."""

    name: VariableName
    number: int
    kind: str
    value: str
    severity: int
    in_transaction_only: bool = False
    set_by: str | None = None


# Before an order is queued


def prepare_setting(ask: Ask) -> Prepared:
    """Make a row of each monitor, so that it shows before the station has answered."""
    monitors = [*ask.given["monitors"], *ask.given.get("then", ())]
    target = any("target" in one["kind"] for one in monitors)
    if target and not abilities(ask.station.protocol).target_monitors:
        raise Invalid("OCPP 2.0.1 knows no such kind of monitor.", field="kind")
    most = device_model.limit(ask.db, ask.station, "monitor", settings.USUAL_LIMIT)
    db, station = ask.db, ask.station
    for one in monitors[:most]:
        name = parse(one["key"])
        row = numbered(db, station, one.get("number")) or _asked(db, station, one, name)
        if row is None:
            row = VariableMonitor(station_id=station.id, changed_at=ask.now, state="asked")
            db.add(row)
            _describe(row, name)
            row.kind, row.value = one["kind"], one["value"]
            row.severity = one["severity"]
            row.in_transaction_only = one.get("in_transaction_only", False)
    ask.db.flush()
    return settings.first_of("monitors", monitors, most)


def _describe(row: VariableMonitor, name: VariableName) -> None:
    for column, value in name.columns.items():
        setattr(row, column, value)


def numbered(db: Session, station: Station, number: int | None) -> VariableMonitor | None:
    """The monitor that a station has under a number; None without one."""
    if number is None:
        return None
    return newest(db, VariableMonitor, station_id=station.id, number=number)


def _asked(
    db: Session, station: Station, one: Mapping[str, Any], name: VariableName
) -> VariableMonitor | None:
    """The row of a monitor on `name` that was asked for and has no number yet."""
    rows = db.scalars(
        select(VariableMonitor).where(
            VariableMonitor.station_id == station.id,
            VariableMonitor.state == "asked",
            VariableMonitor.kind == one["kind"],
            VariableMonitor.severity == one["severity"],
        )
    )
    return next((row for row in rows if name_of(row).key == name.key), None)


def prepare_clearing(ask: Ask) -> Prepared:
    """Put as many numbers into the message as the station takes; the others follow it."""
    numbers = [*ask.given["numbers"], *ask.given.get("then", ())]
    most = device_model.limit(ask.db, ask.station, "clear_monitors", settings.USUAL_LIMIT)
    return settings.first_of("numbers", numbers, most)


# What the answer means


def after_setting(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note each monitor's number, or why it was refused (N04.FR.01)."""
    station = command.station
    results = {(name.key, kind, severity): found for name, kind, severity, *found in
               outcome.facts.get("results", ())}  # fmt: skip
    for one in command.arguments["monitors"]:
        name = parse(one["key"])
        row = numbered(db, station, one.get("number")) or _asked(db, station, one, name)
        if row is None:
            continue
        found = results.get((name.key, one["kind"], one["severity"]))
        _settle(row, one, found, outcome, now)
    events.station_changed(db, station)
    if (rest := command.arguments.get("then")) and outcome.state not in UNHEARD:
        settings.ask(db, station, Order.SET_MONITORS, {"monitors": rest}, now=now, like=command)


def _settle(
    row: VariableMonitor,
    one: Mapping[str, Any],
    found: Sequence[Any] | None,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Bring a row to its end: `found` is (accepted, number, sentence) as the station said."""
    accepted, number, sentence = found or (False, None, outcome.sentence)
    row.changed_at = now
    row.sentence = sentence[:300] if sentence else None
    if accepted:
        row.number = row.number if number is None else number
        row.state, row.kind, row.value = "active", one["kind"], one["value"]
        row.severity = one["severity"]
        row.in_transaction_only = one.get("in_transaction_only", False)
    elif row.state == "asked":
        row.state = "rejected"


def after_clearing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note which monitors are gone; one that the station does not know is gone too (N06)."""
    station = command.station
    for number, gone, sentence in outcome.facts.get("cleared", ()):
        row = numbered(db, station, number)
        if row is not None:
            row.state = "cleared" if gone else row.state
            row.sentence, row.changed_at = sentence[:300] or None, now
    db.flush()
    if (rest := command.arguments.get("then")) and outcome.state not in UNHEARD:
        settings.ask(db, station, Order.CLEAR_MONITORS, {"numbers": rest}, now=now, like=command)


# What the station tells


def report_part(
    db: Session, station: Station, told: Iterable[Monitor], *, request_id: int, last: bool,
    now: datetime,
) -> None:  # fmt: skip
    """Take in one part of a report of monitors.

    After the last part of a report of all monitors, those that were not in it
    are gone: the station would have told them.
    """
    for one in told:
        # What a station calls its variables need not be a name that can be typed.
        wanted = {"kind": one.kind, "severity": one.severity}
        row = numbered(db, station, one.number) or _asked(db, station, wanted, one.name)
        if row is None:
            row = VariableMonitor(station_id=station.id, set_by="custom")
            db.add(row)
        _describe(row, one.name)
        row.number, row.kind, row.value = one.number, one.kind, one.value[:60]
        row.severity, row.in_transaction_only = one.severity, one.in_transaction_only
        row.set_by = one.set_by or row.set_by or "custom"
        row.state, row.sentence, row.changed_at = "active", None, now
        db.flush()
    command = asked(db, station, [Order.READ_MONITORS], "request_id", request_id)
    if last and command is not None and _of_all(command):
        _missing(db, command, now)
    events.record(db, events.StationChanged(station.tenant_id, station.id))


def _of_all(command: Command) -> bool:
    return not command.arguments.get("criteria") and not command.arguments.get("keys")


def _missing(db: Session, command: Command, now: datetime) -> None:
    clear_missing(db, VariableMonitor, "active", command, "The station no longer reports it.", now)


def after_reading(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """A station that has nothing to report on all of its monitors has none."""
    if outcome.facts.get("none") and _of_all(command):
        _missing(db, command, now)
