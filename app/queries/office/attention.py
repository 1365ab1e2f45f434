"""What needs a person now: the first card of Home, most pressing first.

Each finding says what, since when and how much, in values; the words and the links are the
template's.  A finding is gone as soon as its cause is: what a person has solved is not shown.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from app.domain.ground.vocabulary import Registration
from app.models import (
    Authorisation,
    DeviceEvent,
    HandshakeAttempt,
    Site,
    Station,
    StationReport,
    Tag,
)
from app.queries.ground.findings import Finding, counted, unseen
from app.queries.ground.period import since
from app.queries.office import attention_devices as devices
from app.queries.office import attention_money as money
from app.queries.office.attention_money import alone

__all__ = ["Finding", "findings", "visible"]


def findings(
    db: Session, *, tenant_id: int, now: datetime, unmeasured: list[Finding] | None = None
) -> list[Finding]:
    """Return everything that needs attention, most pressing first.

    `unmeasured` are findings that are dear to make and known already.
    """
    if unmeasured is None:
        unmeasured = devices.unmeasured(db, tenant_id, now)
    lone = alone(db)
    unsolved = still_refused(tenant_id, now, lone)
    return [
        *devices.workers(db, now),
        *devices.faulted(db, now),
        *devices.severe_events(db, tenant_id),
        *devices.offline(db, now),
        *devices.supplies(db, tenant_id, now),
        *money.held(db),
        *money.failed_receipts(db, tenant_id),
        *(money.failed_mails(db, tenant_id) if lone else ()),
        *money.questions(db),
        *money.endless(db, now),
        *money.unreachable_prices(db, now),
        *devices.security_events(db, tenant_id, now),
        *devices.signing(db),
        *devices.running_out(db, now),
        *devices.drifted(db),
        *unmeasured,
        *devices.gaps(db, tenant_id, now),
        *money.stray_stops(db),
        *unknown_tags(db, tenant_id, now),
        *knocks(db, unsolved),
        *never_connected(db, unsolved),
    ]


def visible(db: Session, tenant_id: int, kind: str, subject: str) -> bool:
    """Whether whoever asks may see what a finding of this kind is about."""
    row: Any = _ROWS.get(kind)
    if row is not None:
        number = int(subject[:18]) if subject.isascii() and subject.isdigit() else 0
        return db.scalar(select(row.id).where(row.id == number)) is not None
    if kind == "unmeasured":
        return visible(db, tenant_id, "station", subject.partition(":")[0])
    if kind == "unknown_tag":
        return was_tapped(db, subject)
    if kind == "knock":
        return has_knocked(db, tenant_id, subject)
    if kind == "failed_mails":
        return money.alone(db)
    return kind == "failed_receipts"


#: Kinds whose subject is the number of a row; what is out of reach is not found.
_ROWS = {
    "severe_event": DeviceEvent,
    "security_event": StationReport,
    "register_gap": StationReport,
    "supply_exceeded": Site,
    "station": Station,
}


# What needs a person at the doors: chargers that knock, cards that nobody knows.

#: Refused connections and unknown cards are of interest for this long.
RECENT = timedelta(hours=24)
#: What readers put between the digits of a card.
_SEPARATORS = ":- ._"


#: A token as it is compared, in SQL.
_token_key = func.lower(func.trim(Authorisation.token))


def unknown_tags(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Cards that were tapped and are on no list, neither then nor since."""
    key = _token_key
    taps = (
        select(func.count(Authorisation.id), func.max(Authorisation.id).label("newest"))
        .where(
            Authorisation.reason == "unknown_tag",
            since(Authorisation.at, now - RECENT),
            ~_listed(tenant_id, key),
            unseen(tenant_id, "unknown_tag", key, Authorisation.at),
        )
        .group_by(key)
        .subquery()
    )
    query = (
        select(Authorisation, taps.c[0])
        .join(taps, taps.c.newest == Authorisation.id)
        .options(joinedload(Authorisation.station))
        .order_by(Authorisation.id.desc())
    )

    def make(last: Authorisation, count: int) -> Finding:
        facts = {"token": last.token, "count": count, "station": last.station, "up_to": last.at}
        return Finding("unknown_tag", last.at, facts, 0, last.token.strip().lower())

    return counted(db, query, make)


def _listed(tenant_id: int, key: Any) -> ColumnElement[bool]:
    """The condition that a card is on the list, be it blocked or in the archive: all is decided."""
    bare = key
    for separator in _SEPARATORS:
        bare = func.replace(bare, separator, "")
    fits = or_(Tag.key == key, and_(Tag.bare_key == bare, Tag.bare_key != ""))
    return select(Tag.id).where(Tag.tenant_id == tenant_id, fits).exists()


def knocks(db: Session, unsolved: list[ColumnElement[bool]]) -> list[Finding]:
    """Refused attempts to connect that nothing has solved: by identity and reason."""
    refused = (
        select(func.sum(HandshakeAttempt.count), func.max(HandshakeAttempt.id).label("newest"))
        .where(*unsolved)
        .group_by(HandshakeAttempt.identity, HandshakeAttempt.reason)
        .subquery()
    )
    query = (
        select(HandshakeAttempt, refused.c[0])
        .join(refused, refused.c.newest == HandshakeAttempt.id)
        .options(joinedload(HandshakeAttempt.station))
        .order_by(HandshakeAttempt.last_at.desc(), HandshakeAttempt.id.desc())
    )

    def make(last: HandshakeAttempt, count: int) -> Finding:
        facts = {"attempt": last, "count": int(count), "up_to": last.last_at}
        return Finding("knock", last.last_at, facts, 0, f"{last.identity}|{last.reason}")

    return counted(db, query, make)


def still_refused(tenant_id: int, now: datetime, lone: bool) -> list[ColumnElement[bool]]:
    """The conditions of a refusal that nothing has solved."""
    later, station = aliased(HandshakeAttempt), aliased(Station)
    identity = func.lower(HandshakeAttempt.identity)
    got_in = (
        select(later.id)
        .where(
            func.lower(later.identity) == identity,
            later.accepted,
            later.last_at > HandshakeAttempt.last_at,
        )
        .exists()
    )
    # Connected since, put away, kept out on purpose; or added since the stranger was refused.
    decided = or_(
        station.connected_at > HandshakeAttempt.last_at,
        station.archived_at.is_not(None),
        station.registration == Registration.BLOCKED,
    )
    known = and_(station.id == HandshakeAttempt.station_id, decided)
    added = and_(
        HandshakeAttempt.station_id.is_(None),
        station.identity_key == identity,
        station.archived_at.is_(None),
        station.created_at > HandshakeAttempt.last_at,
    )
    subject = HandshakeAttempt.identity + "|" + HandshakeAttempt.reason
    return [
        _may_see(tenant_id, lone),
        ~HandshakeAttempt.accepted,
        since(HandshakeAttempt.last_at, now - RECENT),
        ~got_in,
        ~_waits(now),
        ~select(station.id).where(or_(known, added)).exists(),
        unseen(tenant_id, "knock", subject, HandshakeAttempt.last_at),
    ]


def _waits(now: datetime) -> ColumnElement[bool]:
    # A charger that is told to wait has failed for a reason: that is what is to be solved.
    why = aliased(HandshakeAttempt)
    failed = select(func.lower(why.identity)).where(
        ~why.accepted, why.reason != "throttled", since(why.last_at, now - RECENT)
    )
    waits = func.lower(HandshakeAttempt.identity).in_(failed)
    return and_(HandshakeAttempt.reason == "throttled", waits)


def _may_see(tenant_id: int, lone: bool) -> ColumnElement[bool]:
    # Whose an unknown identity is, nobody can say: it is shown while there is one tenant only.
    nobodys = HandshakeAttempt.tenant_id.is_(None)
    unowned = nobodys if lone else HandshakeAttempt.id.is_(None)
    known = select(Station.id).where(Station.id == HandshakeAttempt.station_id).exists()
    return or_(and_(HandshakeAttempt.tenant_id == tenant_id, known), unowned)


def never_connected(db: Session, unsolved: list[ColumnElement[bool]]) -> list[Finding]:
    """Stations that wait for their first connection; one that knocks is shown as that."""
    knocking: Select[Any] = select(HandshakeAttempt.station_id).where(
        HandshakeAttempt.station_id.is_not(None), *unsolved
    )
    query = (
        select(Station)
        .where(
            Station.archived_at.is_(None),
            Station.registration != Registration.BLOCKED,
            Station.connected_at.is_(None),
            Station.id.not_in(knocking),
        )
        .order_by(Station.created_at.desc(), Station.id)
    )
    return counted(db, query, lambda s: Finding("never_connected", s.created_at, {"station": s}))


def was_tapped(db: Session, token: str) -> bool:
    """Whether a card was tapped at a station in reach."""
    query = select(Authorisation.id).where(_token_key == token)
    return db.scalar(query.limit(1)) is not None


def has_knocked(db: Session, tenant_id: int, subject: str) -> bool:
    """Whether an identity was refused for a reason, as far as the tenant may know."""
    identity, _, reason = subject.rpartition("|")
    query = select(HandshakeAttempt.id).where(
        HandshakeAttempt.identity == identity,
        HandshakeAttempt.reason == reason,
        _may_see(tenant_id, alone(db)),
    )
    return db.scalar(query.limit(1)) is not None
