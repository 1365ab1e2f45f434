"""Composite schedules: the limits that a station says result from all of its profiles."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Prepared
from app.domain.ground import events, numbers
from app.domain.ground.vocabulary import Actor, CommandState, Outcome
from app.domain.limits.charging_limits import unit_for
from app.models import Command, CompositeSchedule, Station

DAY_S = 86_400
#: No schedule is longer than a year.
LONGEST_S = 366 * DAY_S


def prepare(
    db: Session, actor: Actor, station: Station, checked: dict[str, Any], now: datetime
) -> Prepared:
    """Say what was left out: the whole station, a day, the unit that the station speaks."""
    quirk = station.quirks.get("rate_unit")
    unit = str(checked["unit"]).upper() if checked.get("unit") else quirk
    if checked.get("unit") and not quirk:
        unit = unit_for(db, station, str(unit))
    arguments = {**checked, "connector": checked.get("connector") or 0}
    arguments["duration_s"] = checked.get("duration_s") or DAY_S
    return Prepared({**arguments, "unit": unit} if unit else arguments)


def settle(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep the schedule that a station answered with."""
    told = outcome.facts.get("schedule")
    if outcome.state is not CommandState.ACCEPTED or not told:
        return
    db.add(
        CompositeSchedule(
            station_id=command.station_id,
            evse=numbers.fitting(told["evse"]),
            unit=told["unit"],
            starts_at=_begins(told["starts_at"], now),
            duration_s=_seconds(told["duration_s"] or command.arguments["duration_s"]),
            periods=[[_seconds(start_s), *more] for start_s, *more in told["periods"]],
            received_at=now,
        )
    )
    db.flush()
    events.record(db, events.StationChanged(command.tenant_id, command.station_id))


def _begins(text: str, now: datetime) -> datetime:
    """When a schedule begins; what a broken clock says is taken for now."""
    at = datetime.fromisoformat(text) if text else now
    return at if abs(at - now) < timedelta(seconds=LONGEST_S) else now


def _seconds(number: int) -> int:
    return numbers.fitting(number, LONGEST_S)


def newest(db: Session, station: Station) -> list[CompositeSchedule]:
    """The newest schedule of each EVSE, the whole station first."""
    found: dict[int, CompositeSchedule] = {}
    rows = db.scalars(
        select(CompositeSchedule)
        .where(CompositeSchedule.station_id == station.id)
        .order_by(CompositeSchedule.id)
    )
    for row in rows:
        found[row.evse] = row
    return [found[evse] for evse in sorted(found)]
