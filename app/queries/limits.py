"""Selects: how much may be drawn: charging profiles, schedules, what cars need, and the grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.ground.texts import N_
from app.domain.limits.profile_documents import EVERY_S
from app.domain.limits.profile_forms import in_unit, rate_at
from app.domain.limits.station_profiles import HELD
from app.models import ChargingProfile, StationProfile
from app.queries.ground.filters import put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

SORTS = {"name": by_name(ChargingProfile.name), "added": ChargingProfile.created_at}
#: A schedule without an end is drawn for so long.
DRAWN_S = 86_400
#: Assignments on a profile's page.
RECENT = 50


@dataclass(frozen=True, slots=True)
class Filter:
    """What the library is narrowed to; `state` is "" or "archived"."""

    q: str = ""
    state: str = ""


def page(db: Session, wanted: Filter, wish: Wish) -> Page:
    query = select(ChargingProfile).where(put_away(ChargingProfile, wanted.state == "archived"))
    if wanted.q:
        query = query.where(alike(like(wanted.q), ChargingProfile.name))
    return fetch(db, query, wish, SORTS, default="name", noun="profiles")


def usable(db: Session) -> list[ChargingProfile]:
    """The profiles that can be given to a station, by name."""
    query = select(ChargingProfile).where(ChargingProfile.archived_at.is_(None))
    return list(db.scalars(query.order_by(by_name(ChargingProfile.name))))


def users(db: Session, ids: list[int]) -> dict[int, int]:
    """How many stations hold each of these profiles."""
    query = (
        select(StationProfile.profile_id, func.count(func.distinct(StationProfile.station_id)))
        .where(StationProfile.profile_id.in_(ids), StationProfile.state.in_(HELD))
        .group_by(StationProfile.profile_id)
    )
    return {number: count for number, count in db.execute(query) if number is not None}


def assignments(db: Session, profile: ChargingProfile) -> list[StationProfile]:
    """Where a profile was sent, the newest first."""
    query = (
        select(StationProfile)
        .where(StationProfile.profile_id == profile.id)
        .options(joinedload(StationProfile.station))
        .order_by(StationProfile.id.desc())
        .limit(RECENT)
    )
    return list(db.scalars(query))


def picture(document: Mapping[str, Any], now: datetime, zone: str) -> dict[str, Any]:
    """A schedule as steps over time, for templates/macros/chart.html."""
    begins = _begins(document, now, zone)
    steps = [(each["start_s"], each.get("limit")) for each in document["periods"]]
    length_s = document.get("duration_s") or EVERY_S.get(document["kind"], 0)
    last = steps[-1][0] if steps else 0
    return stairs(begins, steps, length_s or last + DRAWN_S, document.get("unit", "A"), zone)


def stairs(
    begins: datetime, steps: list[tuple[int, Any]], length_s: int, unit: str, zone: str
) -> dict[str, Any]:
    """Steps of limits as a line: each value twice, at both ends of its step."""
    times: list[float] = []
    values: list[float | None] = []
    # A station may tell a schedule without a single step: then nothing is drawn.
    ends = [*(start for start, _ in steps[1:]), max(length_s, 1)][: len(steps)]
    for (start_s, limit), until_s in zip(steps, ends, strict=True):
        for second in (start_s, max(until_s - 1, start_s)):
            times.append((begins + timedelta(seconds=second)).timestamp())
            values.append(None if limit is None else float(Decimal(str(limit))))
    kilo = unit == "W" and max((value or 0 for value in values), default=0) >= 1000
    shown = [None if value is None else value / 1000 if kilo else value for value in values]
    word = "kW" if kilo else unit
    kind = "current" if unit == "A" else "power"
    series = [{"label": N_("limit"), "kind": kind, "unit": word, "values": shown}]
    return {"times": times, "series": series, "idle": [], "zone": zone}


def _begins(document: Mapping[str, Any], now: datetime, zone: str) -> datetime:
    if document.get("starts_at"):
        return datetime.fromisoformat(document["starts_at"])
    local = now.astimezone(ZoneInfo(zone))
    if document["kind"] in EVERY_S:
        days = local.weekday() if document["kind"] == "weekly" else 0
        local = (local - timedelta(days=days)).replace(hour=0, minute=0)
    return local.replace(second=0, microsecond=0)


#: How far ahead limits are worked out, and how closely.
_AHEAD, _APART = timedelta(hours=24), timedelta(minutes=15)


def worked_out(
    rows: Sequence[StationProfile], now: datetime, zone: str
) -> list[tuple[int, dict[str, Any]]]:
    """What results of all profiles that a station holds: a picture for it (0) and for each EVSE.

    A session's profile goes before the default, one of the EVSE before one of the station, and a
    higher stack level before a lower one; what is left, the station's own limit and those from
    outside all hold, so the lowest counts.
    """
    told = [(row, row.reported or row.sent or row.document) for row in rows]
    unit = "W" if any(document.get("unit") == "W" for _, document in told) else "A"
    known = [(row.evse, _timed(row, document, now, zone, unit)) for row, document in told]
    begins = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    found = []
    for evse in sorted({row.evse for row in rows} | {0}):
        here = [(at, document) for at, document in known if at in (0, evse)]
        levels: dict[str, list[tuple[int, Decimal | None]]] = {}
        for step in range(int(_AHEAD / _APART)):
            at = begins + step * _APART
            for name, limit in _levels(here, evse, at).items():
                levels.setdefault(name, []).append((step * int(_APART.total_seconds()), limit))
        if any(limit is not None for _, limit in levels["what results"]):
            found.append((evse, _together(levels, begins, unit, zone)))
    return found


def _levels(
    here: Sequence[tuple[int, dict[str, Any]]], evse: int, at: datetime
) -> dict[str, Decimal | None]:
    def of(purpose: str, *places: int) -> Decimal | None:
        fitting = [each for place, each in here if each["purpose"] == purpose and place in places]
        for document in sorted(fitting, key=lambda each: -each.get("stack_level", 0)):
            if (rate := rate_at(document, at)) is not None:
                return Decimal(rate)
        return None

    outside = [rate_at(each, at) for _, each in here if each["purpose"] == "external"]
    limits = {
        "whole station": of("station_max", 0),
        "from outside": min((Decimal(rate) for rate in outside if rate is not None), default=None),
    }
    if evse:
        own = [of("session", evse), of("default", evse), of("default", 0)]
        limits["for sessions"] = next((limit for limit in own if limit is not None), None)
    set_ = [limit for limit in limits.values() if limit is not None]
    return {"what results": min(set_, default=None), **limits}


def _timed(
    row: StationProfile, document: Mapping[str, Any], now: datetime, zone: str, unit: str
) -> dict[str, Any]:
    """A document in a unit, with when it begins."""
    whole = {"purpose": "external", "kind": "absolute", "unit": unit, "periods": [], **document}
    if not whole.get("starts_at"):
        begins = _begins(whole, now, zone) if whole["kind"] in EVERY_S else row.created_at
        whole["starts_at"] = begins.isoformat()
    return in_unit(whole, unit)


def _together(
    levels: Mapping[str, list[tuple[int, Decimal | None]]], begins: datetime, unit: str, zone: str
) -> dict[str, Any]:
    """The levels as thin lines, and what results as a thick one."""
    length_s = int(_AHEAD.total_seconds())
    drawn = stairs(begins, levels["what results"], length_s, unit, zone)
    [result] = drawn["series"]
    result["label"] = "what results"
    for name, steps in levels.items():
        if name != "what results" and any(limit is not None for _, limit in steps):
            [series] = stairs(begins, steps, length_s, unit, zone)["series"]
            factor = {("kW", "W"): 1000, ("W", "kW"): 0.001}.get(
                (series["unit"], result["unit"]), 1
            )
            values = [value and value * factor for value in series["values"]]
            looks = {"label": name, "kind": "level", "scale": result["kind"]}
            drawn["series"].append({**looks, "unit": result["unit"], "values": values})
    return drawn
