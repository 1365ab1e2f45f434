"""Energy at one station (its Energy tab), of one session (its page), and at plugs in no session."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload

from app.domain.charging.running import open_sessions
from app.domain.ground.vocabulary import SessionState
from app.domain.limits import der, profile_reports, station_profiles
from app.domain.money import station_tariffs
from app.domain.money.billing.evidence import GAP
from app.models import (
    BatterySwap,
    ChargingSession,
    CompositeSchedule,
    DerControl,
    EvNeeds,
    Setpoint,
    Settlement,
    Station,
    StationProfile,
    StationReport,
    StationTariff,
)
from app.queries.limits import stairs

#: Rows of each kind on the page.
RECENT = 10


@dataclass(frozen=True, slots=True)
class Energy:
    """What is known; empty lists are not shown."""

    profiles: list[StationProfile]
    past: list[StationProfile]
    composites: list[CompositeSchedule]
    needs: list[EvNeeds]
    setpoints: list[Setpoint]
    controls: list[DerControl]
    alarms: list[StationReport]
    tariffs: list[StationTariff]
    settlements: list[Settlement]
    swaps: list[BatterySwap]
    running: list[ChargingSession]

    @property
    def ours(self) -> list[StationProfile]:
        """The profiles that this desk set."""
        return [row for row in self.profiles if row.source == "csms"]

    @property
    def outside(self) -> list[StationProfile]:
        """The profiles and limits that came from elsewhere."""
        return [row for row in self.profiles if row.source != "csms"]


def of_station(db: Session, station: Station) -> Energy:
    """Gather it."""
    now_held = station_profiles.current(db, station)
    held = {row.id for row in now_held}
    newest = _newest(db, StationProfile, station, joinedload(StationProfile.profile))
    return Energy(
        profiles=now_held,
        past=[row for row in newest if row.id not in held],
        composites=profile_reports.newest_composites(db, station),
        needs=_newest(db, EvNeeds, station)[:3],
        setpoints=_newest(db, Setpoint, station),
        controls=der.current(db, station),
        alarms=_alarms(db, station),
        tariffs=station_tariffs.current(db, station),
        settlements=_newest(db, Settlement, station),
        swaps=_newest(db, BatterySwap, station),
        running=sorted(
            (each for each in open_sessions(db, station) if each.transaction_ref is not None),
            key=lambda each: each.evse,
        ),
    )


def drawn(schedule: CompositeSchedule, zone: str) -> dict[str, Any]:
    """A composite schedule as a picture."""
    steps = [(start_s, limit) for start_s, limit, *_ in schedule.periods]
    return stairs(schedule.starts_at, steps, schedule.duration_s, schedule.unit, zone)


def _newest(db: Session, model: Any, station: Station, *options: Any) -> list[Any]:
    query = select(model).where(model.station_id == station.id).options(*options)
    return list(db.scalars(query.order_by(model.id.desc()).limit(RECENT)))


def _alarms(db: Session, station: Station) -> list[StationReport]:
    query = select(StationReport).where(
        StationReport.station_id == station.id, StationReport.kind == "der_alarm"
    )
    return list(db.scalars(query.order_by(StationReport.id.desc()).limit(RECENT)))


@dataclass(frozen=True, slots=True)
class SessionEnergy:
    """What is known; a session without any of it shows nothing."""

    profiles: list[StationProfile]
    needs: list[EvNeeds]
    settlements: list[Settlement]

    def __bool__(self) -> bool:
        return bool(self.profiles or self.needs or self.settlements)


def of_session(db: Session, session: ChargingSession) -> SessionEnergy:
    """Gather it, the newest first."""
    return SessionEnergy(
        _of_session(db, StationProfile, session, joinedload(StationProfile.profile)),
        _of_session(db, EvNeeds, session),
        _of_session(db, Settlement, session),
    )


def _of_session(db: Session, model: Any, session: ChargingSession, *options: Any) -> list[Any]:
    query = select(model).where(
        model.station_id == session.station_id, model.session_id == session.id
    )
    return list(db.scalars(query.options(*options).order_by(model.id.desc()).limit(10)))


# Energy that flowed at a plug in no session: what was told of it and is still unexplained.

#: For how long staff are asked to look.
SHOWN_FOR = timedelta(days=7)
#: Rows looked at: far more than any installation has, so that the count is true.
MOST = 2000


def unexplained_gaps(
    db: Session, now: datetime, *conditions: ColumnElement[bool]
) -> list[tuple[StationReport, Station]]:
    """Return the reports of the last days that no session has explained since, newest first."""
    rows = [
        (report, station)
        for report, station in db.execute(
            select(StationReport, Station)
            .join(Station, Station.id == StationReport.station_id)
            .where(
                StationReport.kind == GAP,
                StationReport.received_at > now - SHOWN_FOR,
                Station.archived_at.is_(None),
                *conditions,
            )
            .order_by(StationReport.id.desc())
            .limit(MOST)
        )
    ]
    began = _began(db, [report for report, _ in rows])
    return [(report, station) for report, station in rows if not _explained(report, began)]


#: A plug as a report names it.
Plug = tuple[int, int, int]


def _began(db: Session, reports: list[StationReport]) -> dict[Plug, list[datetime]]:
    """When sessions began at the stations of these reports, by plug, as far back as they tell."""
    found: dict[Plug, list[datetime]] = {}
    if not reports:
        return found
    since = min(datetime.fromisoformat(report.payload["since"]) for report in reports)
    query = select(
        ChargingSession.station_id,
        ChargingSession.evse,
        ChargingSession.connector,
        ChargingSession.started_at,
    ).where(
        ChargingSession.station_id.in_({report.station_id for report in reports}),
        ChargingSession.state == SessionState.ENDED,
        ChargingSession.started_at >= since,
    )
    for station_id, evse, connector, at in db.execute(query):
        found.setdefault((station_id, evse, connector), []).append(at)
    return found


def _explained(report: StationReport, began: dict[Plug, list[datetime]]) -> bool:
    """Whether a session has come that lies between the two."""
    told = report.payload
    since = datetime.fromisoformat(told["since"])
    plug = (report.station_id, told["evse"], told["connector"])
    return any(since <= at < report.at for at in began.get(plug, ()))
