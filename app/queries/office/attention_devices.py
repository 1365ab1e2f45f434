"""What needs a person at the stations: faults, silence, drift, plugs that tell nothing."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Select, String, and_, cast, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from app.domain.charging.reports import FOUND, GRAVE, SECURITY
from app.domain.device.device_events import SEVERE
from app.domain.ground.vocabulary import Availability, Facts, Registration, SessionState
from app.domain.limits import supply
from app.domain.network import presence
from app.domain.network.presence import connected
from app.domain.trust import certificates
from app.models import (
    ChargingSession,
    Connector,
    DeviceEvent,
    Site,
    Station,
    StationReport,
    StationVariable,
    SupplyExcess,
)
from app.queries.charging import station_energy
from app.queries.device import device_model
from app.queries.ground import names
from app.queries.ground.findings import EACH, Finding, counted, few, unseen
from app.queries.ground.period import since
from app.queries.network.stations import has_plug
from app.queries.trust import undecided

#: A station is missed after this long without a connection: modems drop for a minute or two.
OFFLINE_AFTER = timedelta(minutes=10)
#: Security events and exceeded supplies are of interest for this long.
RECENT = timedelta(hours=24)
#: So many sessions in a row that measured nothing make a plug suspicious; so far back is looked.
ROW, ROW_WITHIN = 3, timedelta(days=7)
#: Nobody waits so long at a plug for nothing: a shorter session is a failed start.
WAITED = timedelta(minutes=5)
#: An excess that was noted a moment ago goes on.
GOES_ON = timedelta(minutes=2)


def workers(db: Session, now: datetime) -> list[Finding]:
    """Workers that kept chargers waiting, and those that have yet to store what they kept."""
    late, full = presence.slow_workers(db, now=now), presence.spooling(db, now=now)
    slow = [Finding("worker_slow", row.slow_at, {"worker": row}) for row in late]
    spooled = [Finding("spooled", row.spooled_since or now, {"worker": row}) for row in full]
    return [*few(slow, len(slow)), *few(spooled, len(spooled))]


def signing(db: Session) -> list[Finding]:
    """Requests of stations for a certificate that a person has to decide about."""
    found = [Finding("signing", row.created_at, {"certificate": row}) for row in undecided(db)]
    return few(found, len(found))


def faults() -> Select[Any]:
    """Select connectors whose last word is a fault, whether or not they are connected."""
    fault = Connector.availability == Availability.FAULTED
    return (
        select(Connector)
        .join(Connector.station)
        .options(contains_eager(Connector.station))
        # The few stations first: SQLite would ask of each whether it is connected.
        .where(has_plug(fault), fault, Station.archived_at.is_(None))
        .order_by(func.coalesce(Connector.since, Connector.status_at).desc(), Connector.id)
    )


def faulted(db: Session, now: datetime) -> list[Finding]:
    """Connectors of connected stations that report a fault: of others it is said they are gone."""
    return counted(
        db,
        faults().where(connected(now)),
        lambda c: Finding("faulted", c.began_at, {"connector": c, "station": c.station}),
    )


def missed(db: Session, now: datetime, after: timedelta) -> Select[Any]:
    """Select stations in use that are gone; not those kept out, nor all when no worker lives."""
    gone_at = func.coalesce(Station.disconnected_at, Station.last_seen_at)
    missed_before = now - after
    silence = presence.silence(db, now=now)
    if silence is not None and silence.since is not None:
        # Whoever was there at the worker's end is missed because of it, and that is said once.
        missed_before = min(missed_before, silence.since - after)
    return (
        select(Station)
        .where(
            Station.archived_at.is_(None),
            Station.registration != Registration.BLOCKED,
            Station.connected_at.is_not(None),
            ~connected(now),
            gone_at < missed_before,
        )
        .order_by(gone_at.desc(), Station.id)
    )


def offline(db: Session, now: datetime) -> list[Finding]:
    """Stations that are gone for longer than a modem is."""
    return counted(
        db,
        missed(db, now, OFFLINE_AFTER),
        lambda s: Finding("offline", s.disconnected_at or s.last_seen_at, {"station": s}),
    )


def severe_events(db: Session, tenant_id: int) -> list[Finding]:
    """Events that stations call severe, that are not over and that nobody has seen."""
    query = (
        select(DeviceEvent, Station)
        .join(Station, Station.id == DeviceEvent.station_id)
        .where(
            ~DeviceEvent.cleared,
            DeviceEvent.severity <= SEVERE,
            Station.archived_at.is_(None),
            unseen(tenant_id, "severe_event", DeviceEvent.id, DeviceEvent.received_at),
        )
        .order_by(DeviceEvent.at.desc(), DeviceEvent.id)
    )
    return counted(
        db,
        query,
        lambda e, s: Finding(
            "severe_event", e.at, {"event": e, "station": s, "up_to": e.received_at}, 0, str(e.id)
        ),
    )


def alarming(tenant_id: int, now: datetime) -> Select[StationReport, Station]:
    """Select alarming security events of the last day that nobody has seen, with their stations."""
    return (
        select(StationReport, Station)
        .join(Station, Station.id == StationReport.station_id)
        .where(
            StationReport.kind == SECURITY,
            StationReport.word.in_(GRAVE),
            since(StationReport.received_at, now - RECENT),
            Station.archived_at.is_(None),
            unseen(tenant_id, "security_event", StationReport.id, StationReport.received_at),
        )
        .order_by(StationReport.received_at.desc(), StationReport.id)
    )


def security_events(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Alarming security events that nobody has seen."""
    query = alarming(tenant_id, now)
    return counted(db, query, lambda r, s: _report("security_event", r, s))


def gaps(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Energy that flowed in no session, still unexplained and unseen."""
    fresh = unseen(tenant_id, "register_gap", StationReport.id, StationReport.received_at)
    found = station_energy.unexplained_gaps(db, now, fresh)
    return few([_report("register_gap", r, s) for r, s in found], len(found))


def _report(kind: str, report: StationReport, station: Station) -> Finding:
    facts = {"report": report, "station": station, "up_to": report.received_at}
    facts["found"] = FOUND.get(report.word)
    return Finding(kind, report.at, facts, 0, str(report.id))


def running_out(db: Session, now: datetime) -> list[Finding]:
    """Certificates in use that end soon or have ended."""
    rows = certificates.running_out(db, now=now)
    found = [Finding("running_out", row.expires_at, {"certificate": row}) for row in rows]
    return few(found, len(found))


def drifted(db: Session) -> list[Finding]:
    """Settings that are not what their stations once accepted, by station."""
    by_station: dict[int, list[StationVariable]] = {}
    for row in device_model.drifting(db):
        by_station.setdefault(row.station_id, []).append(row)
    shown = list(by_station.values())[:EACH]
    there = names.stations(db, [rows[0].station_id for rows in shown])
    found = [
        Finding(
            "drifted",
            rows[0].reported_at,
            {"station": there[rows[0].station_id], "count": len(rows), "row": rows[0]},
        )
        for rows in shown
    ]
    return few(found, len(by_station))


def supplies(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Sites that draw more than their supply gives, now or within the last day."""
    found = exceeded(db, tenant_id, now)
    return few(found, len(found))


def exceeded(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """All sites that draw more than their supply gives, or did."""
    rows = db.execute(
        select(SupplyExcess, Site)
        .join(Site, Site.id == SupplyExcess.site_id)
        .where(
            since(SupplyExcess.last_at, now - RECENT),
            Site.archived_at.is_(None),
            unseen(tenant_id, "supply_exceeded", SupplyExcess.site_id, SupplyExcess.last_at),
        )
        .order_by(SupplyExcess.last_at.desc(), SupplyExcess.id)
    ).all()
    by_site: dict[Site, list[SupplyExcess]] = {}
    for row, site in rows:
        # A supply that was made larger since has solved it.
        if site.supply_limit_kw is not None and row.peak_w > Decimal(site.supply_limit_kw) * 1000:
            by_site.setdefault(site, []).append(row)
    draws = supply.drawn(db, now=now, site_ids=[site.id for site in by_site]) if by_site else {}
    return [_excess(site, noted, draws.get(site.id), now) for site, noted in by_site.items()]


def _excess(
    site: Site, noted: list[SupplyExcess], draw: supply.Draw | None, now: datetime
) -> Finding:
    newest = noted[0]
    limit_w = float(Decimal(site.supply_limit_kw or 0) * 1000)
    goes_on = (
        newest.ended_at is None
        and newest.last_at > now - GOES_ON
        and draw is not None
        and draw.power_w > limit_w
    )
    lasted = sum((row.last_at - row.began_at).total_seconds() for row in noted)
    if goes_on:
        lasted += (now - newest.last_at).total_seconds()
    facts = {
        "site": site,
        "goes_on": goes_on,
        "lasted_s": lasted,
        "over_w": max(row.peak_w for row in noted) - limit_w,
        "limit_w": limit_w,
        "up_to": newest.last_at,
    }
    return Finding("supply_exceeded", newest.began_at, facts, 0, str(site.id))


def unmeasured(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Plugs whose last sessions, three or more, ended without a watt-hour."""
    empty = [
        found
        for rows in _recent_of_suspects(db, tenant_id, now).values()
        if len(found := list(_empty(rows))) >= ROW
    ]
    there = names.stations(db, [rows[0].station_id for rows in empty[:EACH]])
    return few([_nothing(rows, there[rows[0].station_id]) for rows in empty[:EACH]], len(empty))


class Named(NamedTuple):
    """A station as a finding names it that is kept for a while."""

    id: int
    label: str


def _nothing(empty: list[Any], station: Station) -> Finding:
    facts: Facts = {
        "station": Named(station.id, station.label),
        "evse": empty[0].evse,
        "count": len(empty),
    }
    facts["silent"] = all(one.last_register_wh is None for one in empty)
    facts["up_to"] = max(one.ended_at for one in empty)
    return Finding("unmeasured", empty[-1].started_at, facts, 0, f"{station.id}:{empty[0].evse}")


def _recent_of_suspects(
    db: Session, tenant_id: int, now: datetime
) -> dict[tuple[int, int], list[Any]]:
    """The sessions of the last days, newest first, at plugs that measured nothing several times."""
    subject = cast(ChargingSession.station_id, String) + ":" + cast(ChargingSession.evse, String)
    suspects = (
        select(ChargingSession.station_id, ChargingSession.evse)
        .join(Station, Station.id == ChargingSession.station_id)
        .where(
            ChargingSession.state == SessionState.ENDED,
            since(ChargingSession.started_at, now - ROW_WITHIN),
            ChargingSession.energy_wh == 0,
            Station.archived_at.is_(None),
            unseen(tenant_id, "unmeasured", subject, ChargingSession.ended_at),
        )
        .group_by(ChargingSession.station_id, ChargingSession.evse)
        .having(func.count(ChargingSession.id) >= ROW)
        .subquery()
    )
    session = aliased(ChargingSession)
    columns = ("station_id", "evse", "started_at", "ended_at", "energy_wh", "last_register_wh")
    rows = db.execute(
        select(*(getattr(session, name) for name in columns))
        .join(
            suspects,
            and_(suspects.c.station_id == session.station_id, suspects.c.evse == session.evse),
        )
        .where(
            since(session.started_at, now - ROW_WITHIN),
            # A session that charges now and measures shows that the meter works.
            or_(session.state == SessionState.ENDED, session.energy_wh > 0),
        )
        .order_by(session.started_at.desc(), session.id.desc())
    )
    found: dict[tuple[int, int], list[Any]] = {}
    for row in rows:
        found.setdefault((row.station_id, row.evse), []).append(row)
    return found


def _empty(newest_first: list[Any]) -> Iterator[Any]:
    """The sessions since the last one with energy; failed starts tell nothing either way."""
    for one in newest_first:
        if one.energy_wh > 0:
            return
        if one.ended_at is not None and one.ended_at - one.started_at >= WAITED:
            yield one
