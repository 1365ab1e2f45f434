"""Who may charge: every tap is decided here, and every decision is stored with its reason."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain import reach
from app.domain.messages import REDACTED
from app.domain.vocabulary import (
    Decision,
    ReservationState,
    SessionState,
    StationMode,
    TagStatus,
    Token,
    Verdict,
)
from app.models import Authorisation, ChargingSession, Reservation, Station, Tag

#: Occasions of a decision.
AUTHORIZE, START, STOP = "authorize", "start", "stop"


#: The kind of a tag, and of a token, that nobody told: any other fits it.
ANY_KIND = "id_tag"
#: The kind of token that is a secret: it is compared, and never kept or shown.
KEY_CODE = "key_code"
#: The kind of token of charging that nobody had to be let in for.
NO_AUTHORISATION = "no_authorization"


@reach.whole
def find_tag(db: Session, tenant_id: int, token: Token) -> Tag | None:
    """Find a tag by its value without case; failing that, without separators (FIELD X13).

    The second look only counts when exactly one tag fits.  A tag that is known
    to be of a kind is not the same text told as another kind.
    """
    if not token.key:
        return None
    query = select(Tag).where(Tag.tenant_id == tenant_id, Tag.archived_at.is_(None))
    if token.kind != ANY_KIND:
        query = query.where(Tag.kind.in_([ANY_KIND, token.kind]))
    tag = db.scalar(query.where(Tag.key == token.key))
    if tag is not None or not token.bare_key:
        return tag
    near = db.scalars(query.where(Tag.bare_key == token.bare_key).limit(2)).all()
    return near[0] if len(near) == 1 else None


def shown(token: Token, tag_id: int | None) -> str:
    """A token as it is kept: a key code only as whose it is (OCPP 2.0.1 C04.FR.04)."""
    if token.kind != KEY_CODE:
        return token.value
    return f"{REDACTED} (tag {tag_id})" if tag_id else REDACTED


def without_token(station: Station) -> Decision:
    """Decide about charging for which no tag was shown; nothing is stored."""
    if station.mode is StationMode.OPEN:
        sentence = f"{station.identity} is open to everyone."
        return Decision(Verdict.ACCEPTED, "open_access", sentence)
    return Decision(Verdict.INVALID, "no_tag", "No tag was shown.")


@reach.whole
def decide(
    db: Session,
    station: Station,
    token: Token,
    *,
    occasion: str,
    now: datetime,
    evse: int | None = None,
    session: ChargingSession | None = None,
) -> Decision:
    """Decide about a tap at a station and store the decision.

    `session` is the one being started or stopped; it does not count against the
    tag's limit.  The first rule that refuses gives the reason.
    """
    tag = find_tag(db, station.tenant_id, token)
    if occasion == STOP and session is not None:
        decision = _decide_stop(station, token, tag, session)
    else:
        decision = _decide_charge(db, station, token, tag, occasion, session, now)
    row = Authorisation(
        tenant_id=station.tenant_id,
        station_id=station.id,
        evse=evse,
        token=shown(token, tag.id if tag else None)[:255],
        tag_id=tag.id if tag else None,
        session_id=session.id if session else None,
        occasion=occasion,
        verdict=decision.verdict,
        reason=decision.reason,
        sentence=decision.sentence,
        facts=_facts(station, tag) | _kept_for(db, station, evse, now),
        at=now,
    )
    db.add(row)
    db.flush()
    driver = tag.driver if tag else None
    return replace(decision, record_id=row.id, language=driver.language if driver else None)


def _decide_charge(
    db: Session,
    station: Station,
    token: Token,
    tag: Tag | None,
    occasion: str,
    session: ChargingSession | None,
    now: datetime,
) -> Decision:
    if station.mode is StationMode.CLOSED:
        return _refuse(Verdict.BLOCKED, "station_closed", tag, f"{station.identity} is closed.")
    if tag is None:
        if station.mode is StationMode.OPEN:
            sentence = f"{station.identity} is open to everyone."
            return Decision(Verdict.ACCEPTED, "open_access", sentence)
        if token.kind == NO_AUTHORISATION:
            return without_token(station)
        sentence = f"The tag {shown(token, None)} is on no list."
        return _refuse(Verdict.INVALID, "unknown_tag", None, sentence)
    refusal = _refuse_tag(db, station, tag, now)
    if refusal is None and occasion == START:
        refusal = _refuse_over_limit(db, tag, session)
    if refusal is not None:
        return refusal
    group = tag.group
    return Decision(
        Verdict.ACCEPTED,
        "listed",
        f"The tag {_name(tag)} is listed and allowed at {station.identity}.",
        tag.id,
        tag.driver_id,
        group.parent if group else None,
        tag.expires_at,
    )


def _name(tag: Tag) -> str:
    """What a tag is called in a sentence."""
    return shown(Token(tag.value, tag.kind), tag.id)


def _refuse_tag(db: Session, station: Station, tag: Tag, now: datetime) -> Decision | None:
    if tag.status is TagStatus.BLOCKED:
        return _refuse(Verdict.BLOCKED, "tag_blocked", tag, f"The tag {_name(tag)} is blocked.")
    if tag.expires_at is not None and tag.expires_at <= now:
        day = tag.expires_at.date().isoformat()
        sentence = f"The tag {_name(tag)} expired on {day}."
        return _refuse(Verdict.EXPIRED, "tag_expired", tag, sentence)
    driver = tag.driver
    if driver is not None and driver.archived_at is not None:
        sentence = f"The driver of the tag {_name(tag)} is archived."
        return _refuse(Verdict.BLOCKED, "driver_archived", tag, sentence)
    if tag.sites or tag.stations:
        here = station.site_id in {site.id for site in tag.sites}
        here = here or station.id in {place.id for place in tag.stations}
        if not here:
            sentence = f"The tag {_name(tag)} is not allowed at {station.identity}."
            return _refuse(Verdict.BLOCKED, "not_here", tag, sentence)
    return None


def _refuse_over_limit(db: Session, tag: Tag, session: ChargingSession | None) -> Decision | None:
    if tag.concurrent_limit is None:
        return None
    query = select(func.count(ChargingSession.id)).where(
        ChargingSession.tag_id == tag.id, ChargingSession.state == SessionState.CHARGING
    )
    if session is not None:
        query = query.where(ChargingSession.id != session.id)
    running = db.scalar(query) or 0
    if running < tag.concurrent_limit:
        return None
    sentence = f"The tag {_name(tag)} charges {running} times at once already; its limit is "
    return _refuse(Verdict.CONCURRENT, "over_limit", tag, f"{sentence}{tag.concurrent_limit}.")


@reach.whole
def refusal(db: Session, station: Station, tag: Tag, now: datetime) -> Decision | None:
    """Why a tag of the list may not charge at a station now; None when it may.

    Nothing is stored: for reservations and local lists, which ask before any tap.
    """
    return _refuse_tag(db, station, tag, now)


def _decide_stop(
    station: Station, token: Token, tag: Tag | None, session: ChargingSession
) -> Decision:
    """A stop is allowed to the same tag or one of its group (1.6 section 4.10)."""
    if Token(session.token).key == token.key or (tag is not None and tag.id == session.tag_id):
        sentence = "The tag that began the session ended it."
        parent = tag.group.parent if tag and tag.group else None
        return Decision(Verdict.ACCEPTED, "same_tag", sentence, tag.id if tag else None,
                        tag.driver_id if tag else None, parent)  # fmt: skip
    starter = session.tag
    group = tag.group if tag else None
    in_group = group is not None and starter is not None and starter.group_id == group.id
    if tag is not None and group is not None and in_group and tag.status is TagStatus.ACTIVE:
        sentence = f"A tag of the same group ({group.name}) ended it."
        return Decision(
            Verdict.ACCEPTED, "same_group", sentence, tag.id, tag.driver_id, group.parent
        )
    if tag is None:
        sentence = f"The tag {shown(token, None)}, which is on no list, ended it."
        return _refuse(Verdict.INVALID, "unknown_tag", None, sentence)
    sentence = f"The tag {_name(tag)} neither began the session nor is in its group."
    return _refuse(Verdict.INVALID, "other_tag", tag, sentence)


def _refuse(verdict: Verdict, reason: str, tag: Tag | None, sentence: str) -> Decision:
    return Decision(
        verdict,
        reason,
        sentence,
        tag.id if tag else None,
        tag.driver_id if tag else None,
        tag.group.parent if tag and tag.group else None,
        tag.expires_at if tag else None,
    )


def _facts(station: Station, tag: Tag | None) -> dict[str, Any]:
    """What the decision rested on, in case the rows change later."""
    facts: dict[str, Any] = {"mode": station.mode.value}
    if tag is not None:
        facts |= {
            "tag": _name(tag),
            "status": tag.status.value,
            "expires_at": tag.expires_at.isoformat() if tag.expires_at else None,
            "limit": tag.concurrent_limit,
            "group": tag.group.name if tag.group else None,
        }
    return facts


def _kept_for(db: Session, station: Station, evse: int | None, now: datetime) -> dict[str, Any]:
    """Whom the plug is reserved for; the station itself refuses everybody else (1.6 5.13)."""
    if not evse:
        return {}
    row = db.scalar(
        select(Reservation).where(
            Reservation.station_id == station.id,
            Reservation.evse == evse,
            Reservation.state == ReservationState.ACTIVE,
            Reservation.expires_at > now,
        )
    )
    return {"reserved_for": row.token, "reservation": row.id} if row is not None else {}


def attach(db: Session, decision: Decision, session: ChargingSession) -> None:
    """Tie the decision about a start to the session that it began."""
    row = db.get(Authorisation, decision.record_id)
    if row is not None:
        row.session_id = session.id
        db.flush()
