"""The review inbox: what waits, what was decided, and the stops that belong to no session."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, cast, func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.money import validity
from app.models import ChargingSession, Review, StrayStop, Tariff, TariffVersion
from app.queries.ground.names import by_name
from app.queries.ground.paging import MOST_COUNTED, Page, Wish, fetch, like

SORTS = {"opened": Review.opened_at, "decided": Review.decided_at}


def _with_session(query: Select[Any]) -> Select[Any]:
    return query.options(
        joinedload(Review.session).joinedload(ChargingSession.driver),
        joinedload(Review.session).joinedload(ChargingSession.station),
        joinedload(Review.session)
        .joinedload(ChargingSession.tariff_version)
        .joinedload(TariffVersion.tariff),
    )


def held(doubt: str = "") -> Select[Any]:
    """Select the reviews that wait for a decision: all of them, or those with this doubt."""
    query = _with_session(select(Review)).where(Review.decided_at.is_(None))
    if doubt:
        query = query.where(cast(Review.reasons, String).like(like(f'"{doubt}"'), escape="\\"))
    return query


def waiting(db: Session, wish: Wish, doubt: str = "") -> Page:
    """Return a page of the sessions that wait for a decision, the oldest first."""
    return fetch(db, held(doubt), wish, SORTS, default="opened", noun="waiting")


def doubts(db: Session) -> list[tuple[str, int]]:
    """Return the doubts of what waits with how many have each, the most frequent first."""
    rows = db.scalars(select(Review.reasons).where(Review.decided_at.is_(None)).limit(MOST_COUNTED))
    return Counter(code for codes in rows for code in codes).most_common()


def decided(db: Session, wish: Wish) -> Page:
    """Return a page of the decisions taken, the newest first."""
    query = _with_session(select(Review)).where(Review.decided_at.is_not(None))
    return fetch(db, query, wish, SORTS, default="-decided", noun="decided")


def one(db: Session, session_id: int) -> Review | None:
    """Return the review of a session with what its page shows."""
    query = _with_session(select(Review)).where(Review.session_id == session_id)
    found: Review | None = db.scalar(query)
    return found


def strays(db: Session, limit: int = 50) -> list[StrayStop]:
    """Return the stops that match no session and that nobody has dismissed, newest first."""
    query = select(StrayStop).where(StrayStop.outcome == "unmatched")
    return list(db.scalars(query.order_by(StrayStop.id.desc()).limit(limit)))


def strays_waiting(db: Session) -> int:
    """Return how many such stops there are."""
    query = select(func.count(StrayStop.id)).where(StrayStop.outcome == "unmatched")
    return db.scalar(query) or 0


def stray(db: Session, stray_id: int) -> StrayStop | None:
    """Return one such stop."""
    return db.scalar(select(StrayStop).where(StrayStop.id == stray_id))


def tariffs(db: Session, session: ChargingSession, now: datetime) -> list[tuple[int, str]]:
    """Return what holds now of every tariff in a session's currency, to choose from."""
    query = select(Tariff).where(
        Tariff.currency == session.currency, Tariff.archived_at.is_(None), Tariff.versions.any()
    )
    found = [
        (tariff, validity.in_force(tariff.versions, now, session.timezone))
        for tariff in db.scalars(query.order_by(by_name(Tariff.name)))
    ]
    return [(held.id, f"{tariff.name}, version {held.number}") for tariff, held in found]
