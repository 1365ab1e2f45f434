"""What stations say of the limits they hold: profiles on request, limits from outside, and the
composite schedules that result from all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.commands.orders.spec import Ask, Prepared, asked
from app.domain.ground import events, texts
from app.domain.ground.vocabulary import (
    CommandState,
    Json,
    Order,
    Outcome,
    ProfileState,
)
from app.domain.limits import station_profiles
from app.domain.limits.supply import unit_for
from app.models import Command, CompositeSchedule, Setpoint, Station, StationProfile

SOURCES: dict[str, str] = {
    "csms": "this desk",
    "ems": "the energy management",
    "so": "the grid operator",
    "cso": "another system of the operator",
    "other": "someone else",
}


@dataclass(frozen=True, slots=True)
class Reported:
    """One profile as a station tells of it: its number, the document, its transaction."""

    number: int
    document: Json
    transaction_ref: str | None = None


def settle_read(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """A station that has no such profile lost what we believed it to hold."""
    if outcome.facts.get("none"):
        _lost(db, command.station, command.arguments, None, now)
        events.station_changed(db, command.station)


def report(
    db: Session,
    station: Station,
    *,
    number: int,
    source: str,
    evse: int,
    found: Iterable[Reported],
    more: bool,
    now: datetime,
) -> None:
    """Take in a part of a report; the last part says what the station lacks."""
    number = texts.fitting_number(number)
    steered = db.scalars(select(Setpoint).where(Setpoint.station_id == station.id))
    setpoints = {row.wire_number for row in steered}
    for item in found:
        if item.number in setpoints:
            continue  # it is steered, and changes as it is
        row = _known(db, station, item)
        if row is None:
            row = StationProfile(
                station_id=station.id,
                evse=evse,
                source=source,
                reported_id=texts.fitting_number(item.number),
                document=item.document,
                state=ProfileState.REPORTED,
                created_at=now,
            )
            db.add(row)
        if row.state not in station_profiles.HELD:
            row.state = ProfileState.REPORTED
        row.reported, row.report_number = item.document, number
        if row.sent is not None:
            drifted = differs(row.sent, item.document)
            row.sentence = "The station reports other limits than it was sent." if drifted else None
    db.flush()
    states = (CommandState.SENT, CommandState.ACCEPTED)
    request = None if more else asked(db, station, [Order.READ_PROFILES], "number", number, states)
    if request is not None:
        _lost(db, station, request.arguments, number, now)
    events.station_changed(db, station)


def limit(
    db: Session,
    station: Station,
    *,
    source: str,
    evse: int,
    documents: Iterable[Json],
    critical: bool | None,
    now: datetime,
) -> None:
    """Take in a limit that someone else set at the station; it replaces that source's last."""
    _end_limits(db, station, source, evse, "Replaced by a newer limit.", now)
    words = {True: "It is critical for the grid.", False: "It is not critical for the grid."}
    given = list(documents) or [{"purpose": "external", "kind": "absolute", "periods": []}]
    for document in given:
        row = StationProfile(
            station_id=station.id,
            evse=evse,
            source=source,
            document=document,
            reported=document,
            state=ProfileState.REPORTED,
            sentence=words.get(critical) if critical is not None else None,
            created_at=now,
        )
        db.add(row)
    events.station_changed(db, station)


def limit_cleared(
    db: Session, station: Station, *, source: str, evse: int | None, now: datetime
) -> None:
    """The limit of a source is gone, at one EVSE or everywhere."""
    _end_limits(db, station, source, evse, "Taken away again.", now)
    events.station_changed(db, station)


def differs(sent: Mapping[str, Any], reported: Mapping[str, Any]) -> bool:
    """Tell whether a station holds another profile than it was sent."""
    if any(sent.get(name) != reported.get(name) for name in ("purpose", "stack_level", "unit")):
        return True
    return _steps(sent) != _steps(reported)


def _steps(document: Mapping[str, Any]) -> list[tuple[int, Decimal | None]]:
    found = []
    for period in document.get("periods", ()):
        try:
            rate = Decimal(period["limit"]).normalize() if "limit" in period else None
        except InvalidOperation:
            rate = None
        found.append((int(period.get("start_s", 0)), rate))
    return found


def _known(db: Session, station: Station, item: Reported) -> StationProfile | None:
    """Ours by its number; another's by the number that it was reported under."""
    mine = StationProfile.station_id == station.id
    own = db.scalar(
        select(StationProfile)
        .where(
            mine,
            func.coalesce(StationProfile.number, StationProfile.id) == item.number,
            StationProfile.reported_id.is_(None),
            StationProfile.source == "csms",
        )
        .order_by(StationProfile.state.in_(station_profiles.HELD).desc(), StationProfile.id.desc())
        .limit(1)
    )
    if own is not None:
        return own
    return db.scalar(
        select(StationProfile)
        .where(
            mine,
            StationProfile.reported_id == texts.fitting_number(item.number),
            StationProfile.state.in_(station_profiles.HELD),
        )
        .limit(1)
    )


def _lost(
    db: Session, station: Station, criteria: Mapping[str, Any], number: int | None, now: datetime
) -> None:
    """End what the station would have reported if it held it."""
    for row in station_profiles.fitting(db, station.id, criteria):
        if row.report_number != number or number is None:
            station_profiles.end(row, "The station does not report it any more.", now)


def _end_limits(
    db: Session, station: Station, source: str, evse: int | None, sentence: str, now: datetime
) -> None:
    query = select(StationProfile).where(
        StationProfile.station_id == station.id,
        StationProfile.source == source,
        StationProfile.reported_id.is_(None),
        StationProfile.state == ProfileState.REPORTED,
    )
    if evse is not None:
        query = query.where(StationProfile.evse == evse)
    for row in db.scalars(query):
        station_profiles.end(row, sentence, now)


# Composite schedules: the limits that a station says result from all of its profiles.

DAY_S = 86_400
#: No schedule is longer than a year.
LONGEST_S = 366 * DAY_S


def prepare_composite(ask: Ask) -> Prepared:
    """Say what was left out: the whole station, a day, the unit that the station speaks."""
    quirk = ask.station.quirks.get("rate_unit")
    unit = str(ask.given["unit"]).upper() if ask.given.get("unit") else quirk
    if ask.given.get("unit") and not quirk:
        unit = unit_for(ask.db, ask.station, str(unit))
    arguments = {**ask.given, "connector": ask.given.get("connector") or 0}
    arguments["duration_s"] = ask.given.get("duration_s") or DAY_S
    return Prepared({**arguments, "unit": unit} if unit else arguments)


def settle_composite(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Keep the schedule that a station answered with."""
    told = outcome.facts.get("schedule")
    if outcome.state is not CommandState.ACCEPTED or not told:
        return
    db.add(
        CompositeSchedule(
            station_id=command.station_id,
            evse=texts.fitting_number(told["evse"]),
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
    return texts.fitting_number(number, LONGEST_S)


def newest_composites(db: Session, station: Station) -> list[CompositeSchedule]:
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
