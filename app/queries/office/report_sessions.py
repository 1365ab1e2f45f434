"""Reports of charging sessions: energy, revenue, first tries, and use by weekday and hour.

Days and hours are those of the sites' clocks; a session counts where and when it began.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import BillKind, SessionState
from app.domain.money.tariffs import from_minor
from app.models import Bill, ChargingSession, Connector, Site, Station, TariffVersion, Tenant
from app.models.sessions import CHARGED
from app.queries.ground.period import epoch
from app.queries.office.report_lines import (
    BY,
    Column,
    Line,
    Report,
    Wanted,
    lines_of,
    narrowed,
    share,
)

#: A sum for each day.
Days = defaultdict[date, Decimal]
#: Sessions of one tag at one site that follow each other so closely are one visit.
VISIT_S = 600
#: A quarter of an hour: every clock is some of them away from UTC.
_QUARTER_S = 900
#: No session that is looked for lasts longer.
_LONGEST = timedelta(days=31)


def zones_of(db: Session, wanted: Wanted) -> list[str]:
    """The clocks of the sessions of a period."""
    query = select(ChargingSession.timezone).where(
        ChargingSession.tenant_id == wanted.tenant_id,
        wanted.period.around(ChargingSession.started_at),
    )
    return list(db.scalars(query.distinct()))


def _around(wanted: Wanted) -> list[Any]:
    """The conditions of the sessions that began in the period on whatever clock."""
    session = ChargingSession
    near = wanted.period.around(session.started_at)
    narrow = narrowed(wanted, session.site_id, session.station_id)
    return [session.tenant_id == wanted.tenant_id, near, *narrow]


def _on(wanted: Wanted, zones: list[str]) -> ColumnElement[bool]:
    """The condition that one of these began in it on its own clock, which is one of `zones`."""
    session = ChargingSession
    return wanted.period.on(session.started_at, session.timezone, zones or ["UTC"])


_SESSIONS = Column("sessions", N_("Sessions"), "count", lambda sums: sums["sessions"])
ENERGY = (
    Column("energy", N_("Energy"), "energy", lambda sums: sums["energy_wh"]),
    _SESSIONS,
    Column("per_session", N_("Per session"), "energy",
           lambda sums: round(sums["energy_wh"] / sums["sessions"]) if sums["sessions"] else None),
    Column("connected", N_("Connected"), "duration", lambda sums: sums["connected_s"]),
)  # fmt: skip


def energy(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """What was charged, by sessions that began in the period."""
    session = ChargingSession
    ended = func.coalesce(epoch(session.ended_at), int(now.timestamp()))
    query = _joined(wanted, select(session.id).select_from(session))
    query = query.where(*_around(wanted), CHARGED)
    days, zones = _per_day(db, query, func.sum(session.energy_wh))
    sums = {
        "energy_wh": func.sum(session.energy_wh),
        "sessions": func.count(session.id),
        "connected_s": func.sum(ended - epoch(session.started_at)),
    }
    query = query.where(_on(wanted, zones))
    lines, whole = lines_of(db, wanted, query, BY[wanted.by], sums)
    report = Report("energy", wanted, ENERGY, lines, whole)
    report.words = [N_("A session counts as a whole on the day on which it began.")]
    report.curves = [("kWh", _curve(wanted, days[""], 1000))]
    return report


REVENUE = (
    Column("gross", N_("Gross"), "money", lambda sums: sums["gross_minor"]),
    Column("net", N_("Net"), "money", lambda sums: sums["net_minor"]),
    Column("tax", N_("Tax"), "money", lambda sums: sums["tax_minor"]),
    Column("energy", N_("Energy"), "energy", lambda sums: sums["energy_wh"]),
    Column("bills", N_("Bills"), "count", lambda sums: sums["bills"]),
)


def revenue(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """What the bills of sessions that began in the period come to, credits taken off."""
    query = _joined(wanted, select(Bill.id).select_from(Bill).join(ChargingSession, Bill.session))
    query = query.where(*_around(wanted))
    days, zones = _per_day(db, query, func.sum(Bill.gross_minor), Bill.currency)
    query = query.where(_on(wanted, zones))
    sums = {
        **{name: func.sum(getattr(Bill, name)) for name in ("gross_minor", "net_minor")},
        **{name: func.sum(getattr(Bill, name)) for name in ("tax_minor", "energy_wh")},
        "bills": func.sum(case((Bill.kind == BillKind.CREDIT, -1), else_=1)),
    }
    keys = (Bill.driver_id,) if wanted.by == "driver" else BY[wanted.by]
    lines, whole = lines_of(db, wanted, query, keys, sums, currency=Bill.currency)
    report = Report("revenue", wanted, REVENUE, lines, whole)
    report.words = [
        N_("Bills count on the day on which their session began, whenever they were issued."),
        N_("Credit notes are taken off; each currency stands for itself."),
    ]
    for line in whole:
        minors = 1 / from_minor(1, line.currency)
        report.curves.append((line.currency, _curve(wanted, days[line.currency], minors)))
    return report


TRIES = (
    Column("visits", N_("Visits"), "count", lambda sums: sums["visits"]),
    Column("first", N_("Charged at the first try"), "count", lambda sums: sums["first_ok"]),
    Column("share", N_("First-try success"), "percent",
           lambda sums: share(sums["first_ok"], sums["visits"])),
    Column("tries", N_("Tries"), "count", lambda sums: sums["tries"]),
)  # fmt: skip


def tries(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """How often the first try of a visit charged."""
    session = ChargingSession
    place = (session.site_id, session.token)
    at = epoch(session.started_at)
    before = func.lag(at).over(partition_by=place, order_by=(at, session.id))
    keys = [key.label(f"key{number}") for number, key in enumerate(BY[wanted.by])]
    query = select(session.id).select_from(session)
    query = query.join(Tenant, Tenant.id == session.tenant_id)
    inner = _joined(wanted, query).where(
        *_around(wanted),
        _on(wanted, zones_of(db, wanted)),
        session.state == SessionState.ENDED,
        session.token != "",
    )
    worked = type_coerce(session.energy_wh, BigInteger) >= Tenant.least_energy_wh * 1000
    rows = inner.with_only_columns(
        *keys,
        case((before.is_(None), 1), (at - before > VISIT_S, 1), else_=0).label("is_first"),
        case((worked, 1), else_=0).label("worked"),
    ).subquery()
    sums = {
        "visits": func.sum(rows.c.is_first),
        "first_ok": func.sum(rows.c.is_first * rows.c.worked),
        "tries": func.count(),
    }
    outer = [rows.c[key.name] for key in keys]
    lines, whole = lines_of(db, wanted, select(rows), outer, sums)
    report = Report("tries", wanted, TRIES, lines, whole)
    report.words = [
        N_("Sessions of one tag at one site within ten minutes are one visit."),
        N_(
            "A try counts as charged if it took at least the smallest energy that is billed "
            "(see Organisation)."
        ),
    ]
    return report


def _joined(wanted: Wanted, query: Any) -> Any:
    """A select of sessions with their tariffs, where these are asked for."""
    if wanted.by != "tariff":
        return query
    version = TariffVersion.id == ChargingSession.tariff_version_id
    return query.outerjoin(TariffVersion, version)


def _per_day(
    db: Session, query: Any, value: Any, currency: Any = None
) -> tuple[defaultdict[str, Days], list[str]]:
    """A sum for each currency and day on the sites' clocks, and these clocks."""
    zone = ChargingSession.timezone
    quarter = (epoch(ChargingSession.started_at) // _QUARTER_S).label("quarter")
    money = [] if currency is None else [currency]
    summed = query.with_only_columns(zone, quarter, value, *money)
    found: defaultdict[str, Days] = defaultdict(lambda: defaultdict(Decimal))
    zones: dict[str, ZoneInfo] = {}
    for name, number, amount, *paid_in in db.execute(summed.group_by(zone, "quarter", *money)):
        here = zones.setdefault(name, ZoneInfo(name))
        found["".join(paid_in)][_local(number, here).date()] += amount or 0
    return found, sorted(zones)


def _curve(wanted: Wanted, days: Days, per: int | Decimal) -> list[float]:
    """The sum of each day of the period, divided by `per`."""
    # A sum of watt-hours is one of Wh already, one of money of minor units.
    return [float(days[day] / per) for day in wanted.period.dates]


def _local(quarter: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(quarter * _QUARTER_S, zone)


USE = (
    Column("use", N_("In use"), "percent", lambda sums: share(sums["used_s"], sums["whole_s"])),
    Column("used", N_("Time in use"), "duration", lambda sums: sums["used_s"]),
    Column("whole", N_("Time of all plugs"), "duration", lambda sums: sums["whole_s"]),
)

Quarters = defaultdict[int, tuple[int, int]]
#: Of one clock: how many were there as the widest period began, and in each quarter how many
#: begin and end, and for how long, in seconds, they are there, or no more, in it.
Spans = tuple[str, int, Quarters, Quarters]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def use(db: Session, wanted: Wanted, *, now: datetime) -> Report:
    """How much of the time of all plugs cars stood at them, by weekday and hour.

    Counted are the quarters of an hour in which sessions, and plugs, begin and end: what is
    there between follows from them, so that a million sessions cost two sums.
    """
    used = _by_hour(_occupied(db, wanted, now), wanted, now)
    whole = _by_hour(_standing(db, wanted, now), wanted, now)
    lines = [
        Line(f"{_DAYS[day]} {hour:02d}:00", _use(used[day, hour], whole[day, hour]))
        for day in range(7)
        for hour in range(24)
    ]
    total = Line("", _use(used.total(), whole.total()))
    report = Report("use", wanted, USE, lines, [total] if total.sums["used_s"] else [])
    report.use = [
        [USE[0].read(lines[day * 24 + hour].sums) for hour in range(24)] for day in range(7)
    ]
    report.words = [
        N_("In use = time of sessions / time of plugs in the period so far; a plug counts from "
           "when its station was added until it is archived.")
    ]  # fmt: skip
    return report


def _by_hour(spans: Iterable[Spans], wanted: Wanted, now: datetime) -> Counter[tuple[int, int]]:
    """Seconds for each weekday and hour of the period on the clocks."""
    found: Counter[tuple[int, int]] = Counter()
    first = int(wanted.period.widest[0].timestamp()) // _QUARTER_S
    for name, there, begins, ends in spans:
        zone = ZoneInfo(name)
        since, until = wanted.period.bounds(name)
        for quarter in range(first, int(min(until, now).timestamp()) // _QUARTER_S):
            (began, began_s), (ended, ended_s) = begins[quarter], ends[quarter]
            seconds = there * _QUARTER_S + began_s - ended_s
            there += began - ended
            if quarter * _QUARTER_S >= since.timestamp():
                here = _local(quarter, zone)
                found[here.weekday(), here.hour] += seconds
    return found


def _use(used_s: int, whole_s: int) -> dict[str, Any]:
    return {"used_s": used_s, "whole_s": whole_s}


def _occupied(db: Session, wanted: Wanted, now: datetime) -> list[Spans]:
    """The sessions, as far as their stations were there: some tell of what was before."""
    session, there = ChargingSession, Station.created_at
    own = [
        CHARGED,
        or_(session.ended_at.is_(None), session.ended_at > there),
        session.tenant_id == wanted.tenant_id,
        session.started_at >= wanted.period.widest[0] - _LONGEST,
        session.started_at < wanted.period.widest[1],
        *narrowed(wanted, session.site_id, session.station_id),
    ]
    begun = case((session.started_at < there, there), else_=session.started_at)
    query = select(session.timezone).join(Station, Station.id == session.station_id).where(*own)
    return _spans(db, query, session.timezone, begun, session.ended_at, wanted, now)


def _standing(db: Session, wanted: Wanted, now: datetime) -> list[Spans]:
    own = [Connector.evse > 0, Station.tenant_id == wanted.tenant_id]
    query = (
        select(Site.timezone)
        .select_from(Connector)
        .join(Station, Station.id == Connector.station_id)
        .join(Site, Site.id == Station.site_id)
        .where(*own, *narrowed(wanted, Station.site_id, Station.id))
    )
    return _spans(db, query, Site.timezone, Station.created_at, Station.archived_at, wanted, now)


def _spans(
    db: Session, query: Any, zone: Any, begun: Any, ended: Any, wanted: Wanted, now: datetime
) -> list[Spans]:
    # Quarters are whole: the widest period begins and ends with one.
    since, until = wanted.period.widest[0], min(wanted.period.widest[1], now.astimezone(UTC))
    query = query.where(begun < until)
    still = or_(ended.is_(None), ended >= since)
    before = query.where(begun < since, still).add_columns(func.count()).group_by(zone)
    there = dict(db.execute(before).all())
    begins = _quarters(db, query.where(begun >= since), zone, begun)
    ends = _quarters(db, query.where(ended >= since, ended < until), zone, ended)
    return [
        (name, there.get(name, 0), begins[name], ends[name])
        for name in sorted({*there, *begins, *ends})
    ]


def _quarters(db: Session, query: Any, zone: Any, at: Any) -> defaultdict[str, Quarters]:
    quarter = (epoch(at) // _QUARTER_S).label("quarter")
    rest_s = func.sum(_QUARTER_S - epoch(at) % _QUARTER_S)
    rows = db.execute(query.add_columns(quarter, func.count(), rest_s).group_by(zone, "quarter"))
    found: defaultdict[str, Quarters] = defaultdict(lambda: defaultdict(lambda: (0, 0)))
    for name, number, count, seconds in rows:
        found[name][number] = (count, int(seconds))
    return found
