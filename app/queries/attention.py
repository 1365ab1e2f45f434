"""What needs a person now: the first card of Home, most pressing first.

Each finding says what, since when and how much, in values; the words and the
links are the template's.  Within every kind only the newest few are shown one
by one, the rest as a number.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased, contains_eager

from app.domain import certificates, security_events
from app.domain.presence import ALIVE
from app.domain.vocabulary import Availability, ReceiptState, SessionState, doubts
from app.models import (
    Authorisation,
    Bill,
    ChargingSession,
    Connection,
    Connector,
    HandshakeAttempt,
    OutgoingMail,
    Receipt,
    Review,
    Station,
    StationReport,
    StrayStop,
    Tenant,
    WorkerNode,
)
from app.queries import monitors, register_gaps, settings
from app.queries.certificates import undecided

#: A station is missed after this long without a connection: modems drop for a minute or two.
OFFLINE_AFTER = timedelta(minutes=10)
#: A session that nobody has ended is doubtful after this long.
ENDLESS_AFTER = timedelta(hours=24)
#: Refused connections and unknown cards are of interest for this long.
RECENT = timedelta(hours=24)
#: Findings of one kind that are shown one by one.
EACH = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: `kind` picks words, icon and link; `facts` fill them; `more` of the kind exist."""

    kind: str
    since: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    more: int = 0


def connected(now: datetime) -> ColumnElement[bool]:
    """The condition that a living worker holds an open socket of the station."""
    holder = (
        select(Connection.id)
        .join(WorkerNode, WorkerNode.node == Connection.node)
        .where(
            Connection.id == Station.connection_id,
            Connection.closed_at.is_(None),
            WorkerNode.beat_at > now - ALIVE,
        )
        .exists()
    )
    return and_(Station.connection_id.is_not(None), holder)


def findings(db: Session, *, tenant_id: int, now: datetime) -> list[Finding]:
    """Return everything that needs attention, most pressing first."""
    knocks = _knocks(db, tenant_id, now)
    knocking = {finding.facts["attempt"].station_id for finding in knocks}
    return [
        *_faulted(db, now),
        *_severe_events(db),
        *_offline(db, now),
        *_held(db),
        *_failed_receipts(db),
        *_failed_mails(db),
        *_endless(db, now),
        *_security_events(db, now),
        *_signing(db),
        *_running_out(db, now),
        *_drifted(db),
        *_register_gaps(db, now),
        *_stray_stops(db),
        *_unknown_tags(db, now),
        *knocks,
        *_never_connected(db, knocking - {None}),
    ]


def _few(kind: str, rows: list[tuple[datetime | None, dict[str, Any]]]) -> list[Finding]:
    shown = [Finding(kind, since, facts) for since, facts in rows[:EACH]]
    if len(rows) > EACH:
        last = shown[-1]
        shown[-1] = Finding(kind, last.since, last.facts, more=len(rows) - EACH)
    return shown


def _faulted(db: Session, now: datetime) -> list[Finding]:
    rows = db.scalars(
        select(Connector)
        .join(Connector.station)
        .options(contains_eager(Connector.station))
        .where(
            Connector.availability == Availability.FAULTED,
            Station.archived_at.is_(None),
            connected(now),
        )
        .order_by(func.coalesce(Connector.since, Connector.status_at).desc())
        .limit(100)
    )
    return _few("faulted", [(c.began_at, {"connector": c, "station": c.station}) for c in rows])


def _offline(db: Session, now: datetime) -> list[Finding]:
    gone_at = func.coalesce(Station.disconnected_at, Station.last_seen_at)
    rows = db.scalars(
        select(Station)
        .where(
            Station.archived_at.is_(None),
            Station.connected_at.is_not(None),
            ~connected(now),
            gone_at < now - OFFLINE_AFTER,
        )
        .order_by(gone_at.desc())
        .limit(100)
    )
    return _few("offline", [(s.disconnected_at or s.last_seen_at, {"station": s}) for s in rows])


def _never_connected(db: Session, knocking: set[int]) -> list[Finding]:
    rows = db.scalars(
        select(Station)
        .where(
            Station.archived_at.is_(None),
            Station.connected_at.is_(None),
            Station.id.not_in(knocking),
        )
        .order_by(Station.created_at.desc())
        .limit(100)
    )
    return _few("never_connected", [(s.created_at, {"station": s}) for s in rows])


def _held(db: Session) -> list[Finding]:
    rows = list(db.scalars(select(Review).where(Review.decided_at.is_(None)).limit(1000)))
    if not rows:
        return []
    reasons = Counter(_reason(reason) for row in rows for reason in row.reasons)
    worst = [
        f"{reason} × {number}" if number > 1 else reason
        for reason, number in reasons.most_common(3)
    ]
    oldest = min(row.opened_at for row in rows)
    return [Finding("held", oldest, {"count": len(rows), "reasons": worst})]


def _reason(reason: Any) -> str:
    """A review's reason in two or three words, however much is said beside it."""
    code = reason.get("code", "") if isinstance(reason, dict) else reason
    return doubts.label(str(code))


def _failed_receipts(db: Session) -> list[Finding]:
    count, oldest = db.execute(
        select(func.count(Receipt.id), func.min(Receipt.created_at))
        .join(Bill, Bill.id == Receipt.bill_id)
        .where(Receipt.state.in_([ReceiptState.FAILED, ReceiptState.UNKNOWN]))
    ).one()
    return [Finding("failed_receipts", oldest, {"count": count})] if count else []


def _failed_mails(db: Session) -> list[Finding]:
    """Mails to staff that could not be sent; they carry no tenant, so a lone one sees them."""
    if not _alone(db):
        return []
    count, oldest = db.execute(
        select(func.count(OutgoingMail.id), func.min(OutgoingMail.created_at)).where(
            OutgoingMail.state.in_(["failed", "unknown"])
        )
    ).one()
    return [Finding("failed_mails", oldest, {"count": count})] if count else []


def _endless(db: Session, now: datetime) -> list[Finding]:
    count, oldest = db.execute(
        select(func.count(ChargingSession.id), func.min(ChargingSession.started_at)).where(
            ChargingSession.state == SessionState.CHARGING,
            ChargingSession.started_at < now - ENDLESS_AFTER,
        )
    ).one()
    return [Finding("endless", oldest, {"count": count})] if count else []


def _stray_stops(db: Session) -> list[Finding]:
    count, oldest = db.execute(
        select(func.count(StrayStop.id), func.min(StrayStop.received_at)).where(
            StrayStop.outcome == "unmatched"
        )
    ).one()
    return [Finding("stray_stops", oldest, {"count": count})] if count else []


def _register_gaps(db: Session, now: datetime) -> list[Finding]:
    found = register_gaps.recent(db, now)
    return _few("register_gap", [(r.at, {"report": r, "station": s}) for r, s in found])


def _unknown_tags(db: Session, now: datetime) -> list[Finding]:
    rows = db.execute(
        select(
            Authorisation.token,
            func.count(Authorisation.id),
            func.max(Authorisation.at),
            func.max(Authorisation.id),
        )
        .where(Authorisation.reason == "unknown_tag", Authorisation.at > now - RECENT)
        .group_by(Authorisation.token)
        .order_by(func.max(Authorisation.at).desc())
        .limit(100)
    ).all()
    found = []
    for token, count, last_at, last_id in rows[: EACH + 1]:
        last = db.get(Authorisation, last_id)
        station = last.station if last else None
        found.append((last_at, {"token": token, "count": count, "station": station}))
    return _few("unknown_tag", found + [(None, {})] * (len(rows) - len(found)))


def _knocks(db: Session, tenant_id: int, now: datetime) -> list[Finding]:
    """Refused attempts to connect that no accepted one has followed."""
    later = aliased(HandshakeAttempt)
    got_in = (
        select(later.id)
        .where(
            later.identity == HandshakeAttempt.identity,
            later.accepted,
            later.last_at > HandshakeAttempt.last_at,
        )
        .exists()
    )
    rows = db.scalars(
        select(HandshakeAttempt)
        .where(
            _may_see(db, tenant_id),
            ~HandshakeAttempt.accepted,
            HandshakeAttempt.last_at > now - RECENT,
            ~got_in,
        )
        .order_by(HandshakeAttempt.last_at.desc())
        .limit(300)
    )
    newest: dict[tuple[str, str], tuple[HandshakeAttempt, int]] = {}
    for row in rows:
        key = (row.identity, row.reason)
        first, count = newest.get(key, (row, 0))
        newest[key] = (first, count + row.count)
    return _few(
        "knock",
        [(row.last_at, {"attempt": row, "count": count}) for row, count in newest.values()],
    )


def _security_events(db: Session, now: datetime) -> list[Finding]:
    rows = db.execute(
        select(StationReport, Station)
        .join(Station, Station.id == StationReport.station_id)
        .where(
            StationReport.kind == security_events.KIND,
            StationReport.word.in_(security_events.GRAVE),
            StationReport.received_at > now - RECENT,
        )
        .order_by(StationReport.received_at.desc())
        .limit(100)
    )
    return _few(
        "security_event",
        [
            (at.at, {"report": at, "station": station, "found": security_events.FOUND.get(at.word)})
            for at, station in rows
        ],
    )


def _signing(db: Session) -> list[Finding]:
    rows = undecided(db)
    return _few("signing", [(row.created_at, {"certificate": row}) for row in rows])


def _running_out(db: Session, now: datetime) -> list[Finding]:
    rows = certificates.running_out(db, now=now)
    return _few("running_out", [(row.expires_at, {"certificate": row}) for row in rows])


def _may_see(db: Session, tenant_id: int) -> ColumnElement[bool]:
    # Whose an unknown identity is, nobody can say: it is shown while there is one tenant only.
    nobodys = HandshakeAttempt.tenant_id.is_(None)
    unowned = nobodys if _alone(db) else HandshakeAttempt.id.is_(None)
    known = select(Station.id).where(Station.id == HandshakeAttempt.station_id).exists()
    return or_(and_(HandshakeAttempt.tenant_id == tenant_id, known), unowned)


def _alone(db: Session) -> bool:
    return db.scalar(select(func.count(Tenant.id))) == 1


def _severe_events(db: Session) -> list[Finding]:
    found = []
    for event in db.scalars(monitors.severe()):
        station = db.get(Station, event.station_id)
        if station is not None and station.archived_at is None:
            found.append((event.at, {"event": event, "station": station}))
    return _few("severe_event", found)


def _drifted(db: Session) -> list[Finding]:
    """Settings that are not what their stations once accepted, by station."""
    by_station: dict[Station, list[Any]] = {}
    for row in settings.drifting(db):
        if row.station.archived_at is None:
            by_station.setdefault(row.station, []).append(row)
    found = [(rows[0].reported_at, {"station": station, "count": len(rows), "row": rows[0]})
             for station, rows in by_station.items()]  # fmt: skip
    return _few("drifted", found)
