"""Who may charge: every tap is decided here, and every decision is stored with its reason.

`judge` decides about many taps at once: what they need is loaded with one query per table, the
rules are functions over plain rows.  A tap by itself takes the same road.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access import reach, tag_rows
from app.domain.access.tag_rows import AnyTag, Issued, Running, TagRow
from app.domain.ground.bulk import BulkInsert, among
from app.domain.ground.bulk_rows import BulkRead
from app.domain.ground.clock import ON_ITS_WAY
from app.domain.ground.redaction import REDACTED
from app.domain.ground.vocabulary import (
    Decision,
    ReservationState,
    SessionState,
    StationMode,
    TagStatus,
    Token,
    Verdict,
)
from app.domain.network.plugs import AnyStation
from app.models import Authorisation, Reservation, Station, Tag

#: Occasions of a decision.
AUTHORIZE, START, STOP = "authorize", "start", "stop"

#: The kind of a tag, and of a token, that nobody told: any other fits it.
ANY_KIND = tag_rows.ANY_KIND
#: The kind of token that is a secret: it is compared, and never kept or shown.
KEY_CODE = "key_code"
#: The kind of token of charging that nobody had to be let in for.
NO_AUTHORISATION = "no_authorization"

_RESERVATION = Reservation.__table__
_RESERVED = BulkRead(
    select(
        *(_RESERVATION.c[name] for name in ("id", "station_id", "evse", "token", "expires_at"))
    ).where(
        among(_RESERVATION.c.station_id, "stations"),
        _RESERVATION.c.state == ReservationState.ACTIVE,
    )
)
_STORED = (
    *("tenant_id", "station_id", "evse", "token", "tag_id", "session_id", "occasion"),
    *("verdict", "reason", "sentence", "facts", "at"),
)
_TABLE = Authorisation.__table__
_INSERT = BulkInsert(_TABLE, _STORED, may_wait=True)


@dataclass(frozen=True, slots=True)
class Tap:
    """Something that was shown at a station, to be decided about.

    `session` is the one that runs and is stopped or begun once more; it does not count against the
    tag's limit.  `begins` is the number of the session that a start is going to begin.  `shown_at`
    is when it was shown, where a clock that can be right tells it: what has run out or begun since
    then, as a station was offline, speaks against nobody.  `let_in` is what it was answered while
    the database was away; None: it waits for its answer.
    """

    station: AnyStation
    token: Token
    occasion: str
    now: datetime
    evse: int | None = None
    session: Any = None
    begins: int | None = None
    shown_at: datetime | None = None
    let_in: bool | None = None

    @property
    def at(self) -> datetime:
        """The moment for which it is decided."""
        return min(self.shown_at or self.now, self.now)

    @property
    def late_at(self) -> datetime | None:
        """That moment, where it is told so late that other sessions may have begun or ended."""
        return self.at if self.now - self.at > ON_ITS_WAY else None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was decided about a tap, and the tag that it was about, if it is on a list."""

    tap: Tap
    decision: Decision
    tag: TagRow | None
    facts: dict[str, Any]


@reach.whole
def find_tag(db: Session, tenant_id: int, token: Token) -> Tag | None:
    """The row of the tag that a token is of (`tag_rows.find`)."""
    found = tag_rows.find(db, [(tenant_id, token)])
    return db.get(Tag, found[tenant_id, token].id) if found else None


def shown(token: Token, tag_id: int | None) -> str:
    """A token as it is kept, cut: a key code only as whose it is (OCPP 2.0.1 C04.FR.04)."""
    if token.kind != KEY_CODE:
        return token.value[:255]
    return f"{REDACTED} (tag {tag_id})" if tag_id else REDACTED


def without_token(station: AnyStation) -> Decision:
    """Decide about charging for which no tag was shown; nothing is stored."""
    if station.mode is StationMode.OPEN:
        sentence = f"{station.identity} is open to everyone."
        return Decision(Verdict.ACCEPTED, "open_access", sentence)
    return Decision(Verdict.INVALID, "no_tag", "No tag was shown.")


def decide(db: Session, tap: Tap) -> Decision:
    """Decide about one tap at a station and store the decision."""
    return decide_all(db, [tap])[0]


def decide_all(db: Session, taps: Sequence[Tap]) -> list[Decision]:
    """Decide about taps and store the decisions."""
    judged = judge(db, taps)
    keep(db, judged)
    return [one.decision for one in judged]


def judge(db: Session, taps: Sequence[Tap]) -> list[Judged]:
    """Decide about taps, in their order; the first rule that refuses gives the reason.

    Nothing is stored: see `keep`.
    """
    tags = tag_rows.find(db, {(tap.station.tenant_id, tap.token) for tap in taps})
    found = [tags.get((tap.station.tenant_id, tap.token)) for tap in taps]
    starts = [pair for pair in zip(taps, found, strict=True) if pair[0].occasion == START]
    running = tag_rows.running(db, starts)
    reserved = _RESERVED(db, stations={tap.station.id for tap in taps if tap.evse})
    issued = tag_rows.find_issued(db, zip(taps, found, strict=True))
    judged = []
    for tap, tag in zip(taps, found, strict=True):
        if tap.occasion == STOP and tap.session is not None:
            decision = _decide_stop(tap, tag)
        else:
            decision = _as_answered(tap, decide_charge(tap, tag, running, issued))
        facts = _facts(tap.station, tag) | _kept_for(tap, reserved)
        judged.append(Judged(tap, decision, tag, facts))
    return judged


def keep(db: Session, judged: Iterable[Judged]) -> None:
    """Store decisions with their reasons."""
    rows = []
    for one in judged:
        tap, decision, tag_id = one.tap, one.decision, one.tag.id if one.tag else None
        rows.append(
            [
                tap.station.tenant_id,
                tap.station.id,
                tap.evse,
                shown(tap.token, tag_id),
                tag_id,
                tap.session.id if tap.session is not None else tap.begins,
                tap.occasion,
                decision.verdict,
                decision.reason,
                decision.sentence,
                one.facts,
                tap.now,
            ]
        )
    _INSERT(db, rows)


def decide_charge(tap: Tap, tag: TagRow | None, running: Running, issued: Issued) -> Decision:
    """Decide whether a tap may charge; `running` are the sessions of tags with a limit.  Pure."""
    station, token = tap.station, tap.token
    if station.mode is StationMode.CLOSED:
        return _about(Verdict.BLOCKED, "station_closed", tag, f"{station.identity} is closed.")
    if tag is None:
        if station.mode is StationMode.OPEN or token.kind == NO_AUTHORISATION:
            return without_token(station)
        session_id = tap.session.id if tap.session is not None else tap.begins
        if why := tag_rows.let_in(issued, station, token, session_id):
            return Decision(Verdict.ACCEPTED, *why)
        sentence = f"The tag {shown(token, None)} is on no list."
        return _about(Verdict.INVALID, "unknown_tag", None, sentence)
    refusal = _refuse_tag(station, tag, tap.at)
    if refusal is None and tag.is_master:  # it begins nothing (2.0.1 C16.FR.03)
        about = f"The tag {_name(tag)} is a master pass: it ends sessions and begins none."
        verdict = Verdict.INVALID if tap.occasion == START else Verdict.ACCEPTED
        return _about(verdict, "master_pass", tag, about)
    if tap.occasion == START:
        refusal = refusal or _refuse_over_limit(tap, tag, running[tag.id, tap.late_at])
        if getattr(tap.session, "tag_id", None) != tag.id:
            running[tag.id, None] += 1  # whatever is answered, it runs from now on
    sentence = f"The tag {_name(tag)} is listed and allowed at {station.identity}."
    if _refuse_tag(station, tag, tap.now) is not None:
        sentence = f"The tag {_name(tag)} was allowed at {station.identity} when it was shown."
    return refusal or _about(Verdict.ACCEPTED, "listed", tag, sentence)


def _name(tag: AnyTag) -> str:
    """What a tag is called in a sentence."""
    return shown(Token(tag.value, tag.kind), tag.id)


def _refuse_tag(station: AnyStation, tag: AnyTag, now: datetime) -> Decision | None:
    if tag.status is TagStatus.BLOCKED:
        return _about(Verdict.BLOCKED, "tag_blocked", tag, f"The tag {_name(tag)} is blocked.")
    if tag.expires_at is not None and tag.expires_at <= now:
        day = tag.expires_at.date().isoformat()
        sentence = f"The tag {_name(tag)} expired on {day}."
        return _about(Verdict.EXPIRED, "tag_expired", tag, sentence)
    driver = tag.driver
    if driver is not None and driver.archived_at is not None:
        sentence = f"The driver of the tag {_name(tag)} is archived."
        return _about(Verdict.BLOCKED, "driver_archived", tag, sentence)
    if tag.site_ids or tag.station_ids:
        here = station.site_id in tag.site_ids or station.id in tag.station_ids
        if not here:
            sentence = f"The tag {_name(tag)} is not allowed at {station.identity}."
            return _about(Verdict.BLOCKED, "not_here", tag, sentence)
    return None


def _refuse_over_limit(tap: Tap, tag: TagRow, running: int) -> Decision | None:
    """`running` are the sessions of the tag, the one in hand among them where it runs now."""
    if tag.concurrent_limit is None:
        return None
    session = tap.session
    if session is not None and session.tag_id == tag.id and tap.late_at is None:
        running -= session.state is SessionState.CHARGING
    if running < tag.concurrent_limit:
        return None
    sentence = f"The tag {_name(tag)} charges {running} times at once already; its limit is "
    return _about(Verdict.CONCURRENT, "over_limit", tag, f"{sentence}{tag.concurrent_limit}.")


def _as_answered(tap: Tap, decision: Decision) -> Decision:
    """A decision about a tap that was answered while the database was away: the answer counts."""
    if tap.let_in in (None, decision.accepted):
        return decision
    verdict = Verdict.ACCEPTED if tap.let_in else Verdict.BLOCKED
    sentence = "It was answered by what was known while the database was away."
    return replace(decision, verdict=verdict, reason="database_away", sentence=sentence)


@reach.whole
def refusal(db: Session, station: Station, tag: AnyTag, now: datetime) -> Decision | None:
    """Why a tag of the list may not charge at a station now; None when it may.

    Nothing is stored: for reservations and local lists, which ask before any tap.
    """
    return _refuse_tag(station, tag, now)


def _decide_stop(tap: Tap, tag: TagRow | None) -> Decision:
    """A stop is allowed to the same tag, to one of its group (1.6 4.10), to a master pass (C16)."""
    token, session = tap.token, tap.session
    if Token(session.token).key == token.key or (tag is not None and tag.id == session.tag_id):
        sentence = "The tag that began the session ended it."
        return replace(_about(Verdict.ACCEPTED, "same_tag", tag, sentence), expires_at=None)
    starter, group = session.tag, tag.group if tag else None
    in_group = group is not None and starter is not None and starter.group_id == group.id
    if tag is not None and group is not None and in_group and tag.status is TagStatus.ACTIVE:
        sentence = f"A tag of the same group ({group.name}) ended it."
        return replace(_about(Verdict.ACCEPTED, "same_group", tag, sentence), expires_at=None)
    if tag is not None and tag.is_master and _refuse_tag(tap.station, tag, tap.at) is None:
        sentence = f"The master pass {_name(tag)} ended it."
        return replace(_about(Verdict.ACCEPTED, "master_pass", tag, sentence), expires_at=None)
    if tag is None:
        sentence = f"The tag {shown(token, None)}, which is on no list, ended it."
        return _about(Verdict.INVALID, "unknown_tag", None, sentence)
    sentence = f"The tag {_name(tag)} neither began the session nor is in its group."
    return _about(Verdict.INVALID, "other_tag", tag, sentence)


def _about(verdict: Verdict, reason: str, tag: AnyTag | None, sentence: str) -> Decision:
    driver = tag.driver if tag else None
    return Decision(
        verdict,
        reason,
        sentence,
        tag.id if tag else None,
        tag.driver_id if tag else None,
        tag.group.parent if tag and tag.group else None,
        tag.expires_at if tag else None,
        driver.language if driver else None,
    )


def _facts(station: AnyStation, tag: TagRow | None) -> dict[str, Any]:
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


def _kept_for(tap: Tap, reserved: Iterable[Any]) -> dict[str, Any]:
    """Whom the plug is reserved for; the station itself refuses everybody else (1.6 5.13)."""
    if not tap.evse:
        return {}
    for row in reserved:
        same = (row.station_id, row.evse) == (tap.station.id, tap.evse)
        if same and row.expires_at > tap.now:
            return {"reserved_for": row.token, "reservation": row.id}
    return {}
