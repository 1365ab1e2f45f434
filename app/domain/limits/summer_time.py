"""Profiles that repeat go by the site's clock, also once that was put forward or back.

A station counts 24 hours or 7 days from the moment at which a schedule began, whatever its site's
clock does meanwhile.  2.1 could say that it goes by the station's own clock (`useLocalTime`), which
older ones cannot and few keep right.  So what begins at the site's midnight is set once more when
that is another moment, also because the site has another time zone.
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.commands import commands
from app.domain.commands.command_rules import KEPT_UP_WITHIN_S, REFUSED_LATELY
from app.domain.ground.vocabulary import (
    OPEN_STATES,
    SYSTEM,
    UNHEARD,
    Json,
    Order,
    ProfileState,
)
from app.domain.limits import profiles, station_profiles
from app.domain.limits.profile_documents import EVERY_S
from app.domain.network.presence import connected
from app.models import Command, Site, Station, StationProfile


def late(db: Session, *, now: datetime) -> list[int]:
    """The profiles of connected stations that begin at a midnight which is none any more."""
    query = (
        select(StationProfile.id, StationProfile.document, StationProfile.sent, Site.timezone)
        .join(Station, Station.id == StationProfile.station_id)
        .join(Site, Site.id == Station.site_id)
        .where(
            StationProfile.state.in_(station_profiles.HELD),
            StationProfile.source == "csms",
            StationProfile.session_id.is_(None),
            StationProfile.sent["kind"].as_string().in_(EVERY_S),
            connected(now),
        )
        .order_by(StationProfile.id)
    )
    return [
        number
        for number, document, sent, zone in db.execute(query)
        if _is_late(document, sent or {}, zone, now)
    ]


def set_again(db: Session, number: int, *, now: datetime) -> Command | None:
    """Set a profile as it was asked for, from the site's midnight of now; None: not now."""
    row = db.get_one(StationProfile, number)
    if row.state not in station_profiles.HELD or _must_wait(db, row, now):
        return None
    arguments = {"document": row.document, "connector": row.evse}
    command = commands.tried(
        *(db, SYSTEM, row.station, Order.SET_PROFILE, arguments), now=now, ttl_s=KEPT_UP_WITHIN_S
    )
    again = station_profiles.of_subject(db, command) if command is not None else None
    if again is not None:
        again.profile_id = row.profile_id
    return command


def _is_late(document: Json, sent: Json, zone: str, now: datetime) -> bool:
    if document.get("starts_at") or not (began := sent.get("starts_at")):
        return False
    off = profiles.midnight(document["kind"], zone, now) - datetime.fromisoformat(began)
    return off % timedelta(seconds=EVERY_S[document["kind"]]) != timedelta(0)


def _must_wait(db: Session, row: StationProfile, now: datetime) -> bool:
    """Whether a newer one or a clearing is on its way there, or it was refused lately."""
    clearing = select(Command.id).where(
        Command.station_id == row.station_id,
        Command.order == Order.CLEAR_PROFILE,
        Command.state.in_(OPEN_STATES),
    )
    if db.scalar(clearing.limit(1)) is not None:
        return True
    query = (
        select(StationProfile.state, StationProfile.document)
        .outerjoin(Command, Command.id == StationProfile.command_id)
        .where(
            StationProfile.station_id == row.station_id,
            StationProfile.evse == row.evse,
            StationProfile.id > row.id,
            or_(
                StationProfile.state == ProfileState.ASKED,
                (StationProfile.created_at > now - REFUSED_LATELY) & Command.state.not_in(UNHEARD),
            ),
        )
    )
    newer = db.execute(query)
    return any(state is ProfileState.ASKED or told == row.document for state, told in newer)
