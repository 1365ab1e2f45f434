"""What a station is made of and how it is set: one store of variables for every version.

A configuration key of OCPP 1.6 is a variable of no component.  What a station
tells is written over what it told before, many rows in one statement: a full
report may hold tens of thousands of them (FIELD M12).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import asked
from app.domain.device.variable_names import VariableName, number, parse, plain
from app.domain.ground import events
from app.domain.ground.bulk import BulkInsert, pass_by
from app.domain.ground.redaction import redact_text
from app.domain.ground.vocabulary import Order
from app.domain.ground.vocabulary.standard import abilities
from app.models import Command, Station, StationVariable

#: Orders whose answer comes later, in parts that carry the order's `request_id`.
REPORTED = (Order.READ_BASE_REPORT, Order.READ_REPORT, Order.READ_SETTINGS)
#: A longer value is cut; the specification knows none beyond 2,500 characters.
LONGEST_VALUE = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """What a station told of one attribute; None means that it said nothing of it."""

    name: VariableName
    value: str | None
    writable: bool | None = None
    readable: bool | None = None
    persistent: bool | None = None
    constant: bool | None = None
    data_type: str | None = None
    unit: str | None = None
    low: str | None = None
    high: str | None = None
    choices: str | None = None
    monitorable: bool | None = None


#: Facts that an answer may leave out without meaning that they no longer hold.
_LASTING: dict[str, int] = {
    "writable": 0,
    "readable": 0,
    "persistent": 0,
    "constant": 0,
    "data_type": 20,
    "unit": 20,
    "low": 40,
    "high": 40,
    "choices": LONGEST_VALUE,
    "monitorable": 0,
}


def has_plain_keys(station: Station) -> bool:
    """Whether the station's settings are keys without a component."""
    return abilities(station.protocol).plain_keys


def named(station: Station, text: str, *, field: str = "key") -> VariableName:
    """The variable that somebody means by a text, as this station names its variables."""
    return plain(text.strip()) if has_plain_keys(station) else parse(text, field=field)


def take(db: Session, station: Station, told: Iterable[Told], *, now: datetime) -> int:
    """Write down what a station told of its variables; return how many there were.

    Secrets are known to exist, and their values are not kept.
    """
    # Told twice in one breath, the last word counts.
    rows = {one.name.key: one for one in told}
    if not rows:
        return 0
    db.flush()
    _WRITE_OVER(db, [_row(station.id, key, one, now) for key, one in rows.items()])
    # What takes effect after a restart has taken it when the station tells the new value.
    db.execute(
        update(StationVariable)
        .where(
            StationVariable.station_id == station.id,
            StationVariable.reboot_required,
            StationVariable.value == StationVariable.wanted,
        )
        .values(reboot_required=False)
        .execution_options(synchronize_session=False)
    )
    pass_by(db, StationVariable)
    events.record(db, events.StationChanged(station.tenant_id, station.id))
    return len(rows)


def _row(station_id: int, key: str, told: Told, now: datetime) -> list[Any]:
    """The values of a row in the order of `_COLUMNS`."""
    name = told.name
    hidden = name.secret or told.value is None
    value = None if hidden else redact_text(told.value or "")[:LONGEST_VALUE]
    lasting = [_cut(getattr(told, fact), limit) for fact, limit in _LASTING.items()]
    return [
        *(station_id, key, *name.columns.values(), name.attribute),
        *(value, now, False, *lasting),
    ]


def _cut(fact: Any, limit: int) -> Any:
    return fact[:limit] if limit and fact is not None else fact


_COLUMNS = (
    *("station_id", "key", "component", "component_instance", "evse", "connector", "variable"),
    *("instance", "attribute", "value", "reported_at", "reboot_required", *_LASTING),
)
_TABLE = StationVariable.__table__
_WRITE_OVER = BulkInsert(
    _TABLE,
    _COLUMNS,
    on_conflict=" ON CONFLICT (station_id, key) DO UPDATE SET value = excluded.value, "
    "reported_at = excluded.reported_at, "
    + ", ".join(f"{name} = COALESCE(excluded.{name}, {_TABLE.name}.{name})" for name in _LASTING),
)


def find(db: Session, station: Station, name: VariableName) -> StationVariable | None:
    """One attribute of one variable, if it is known."""
    return db.scalar(
        select(StationVariable).where(
            StationVariable.station_id == station.id, StationVariable.key == name.key
        )
    )


def find_all(
    db: Session, station: Station, names: Sequence[VariableName]
) -> dict[str, StationVariable]:
    """The known ones of some variables, by key."""
    keys = [name.key for name in names]
    found: dict[str, StationVariable] = {}
    for start in range(0, len(keys), 500):
        query = select(StationVariable).where(
            StationVariable.station_id == station.id,
            StationVariable.key.in_(keys[start : start + 500]),
        )
        found |= {row.key: row for row in db.scalars(query)}
    return found


def limit(db: Session, station: Station, what: str, default: int) -> int:
    """How many items a message to the station may have, as far as it said so.

    `what` is done to them: `read`, `change`, `monitor` or `clear_monitors`.
    """
    limits = abilities(station.protocol).item_limits.get(what, ())
    wanted = [named(station, limit) for limit in limits]
    rows = find_all(db, station, wanted)
    told = [number(rows[name.key].value) for name in wanted if name.key in rows]
    return max(1, min([one for one in told if one] or [default]))


def next_request_id(db: Session) -> int:
    """A number for a report that is asked for: parts of it carry it (2.0.1 B07.FR.04)."""
    newest = db.scalar(select(func.max(Command.id))) or 0
    return int((newest + 1) % (2**31 - 1)) or 1


def report_part(
    db: Session,
    station: Station,
    told: Sequence[Told],
    *,
    request_id: int,
    part: int,
    last: bool,
    now: datetime,
) -> int:
    """Take in one part of a report; the command that asked for it says how far it came.

    Parts are counted from 0; how many values there are is counted once, at the end.
    """
    # States are reports too, and those know of this module: imported late, no circle.
    from app.domain.charging import reports

    count = take(db, station, told, now=now)
    reports.follow_all(db, station, [(one.name, one.value) for one in told], now=now)
    command = asked(db, station, REPORTED, "request_id", request_id)
    if command is None or command.settled_at is None:
        return count
    command.sentence = f"The report arrives: part {part + 1} is here."
    if last:
        since = command.sent_at or command.requested_at
        total = db.scalar(
            select(func.count(StationVariable.id)).where(
                StationVariable.station_id == station.id, StationVariable.reported_at >= since
            )
        )
        command.sentence = f"The report is complete: {total} values."
    events.record(db, events.CommandChanged(command.tenant_id, command.id, station.id))
    db.flush()
    return count
