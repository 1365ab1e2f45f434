"""What needs a person about money: held bills, mails that failed, sessions that do not end."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import ReceiptState, doubts
from app.domain.money import tariff_book
from app.domain.money.tariffs import TariffError, Unreachable, from_json
from app.models import (
    AttentionSeen,
    ChargingSession,
    DriverQuestion,
    OutgoingMail,
    Receipt,
    Review,
    StrayStop,
    Tariff,
    TariffVersion,
    Tenant,
)
from app.models.sessions import RUNNING
from app.queries.ground.findings import Finding, few

#: A session that nobody has ended is doubtful after this long.
ENDLESS_AFTER = timedelta(hours=24)
#: The subject of a kind that is one row.
ALL = "all"
#: Held bills whose reasons are told; all of them are counted.
MOST_REASONS = 1000


def held(db: Session) -> list[Finding]:
    """Sessions that wait in the review inbox, with the commonest reasons."""
    waits = Review.decided_at.is_(None)
    count, oldest = db.execute(
        select(func.count(Review.id), func.min(Review.opened_at)).where(waits)
    ).one()
    if not count:
        return []
    newest = select(Review.reasons).where(waits).order_by(Review.id.desc()).limit(MOST_REASONS)
    reasons = Counter(_reason(reason) for row in db.scalars(newest) for reason in row)
    worst = [
        f"{reason} × {number}" if number > 1 else reason
        for reason, number in reasons.most_common(3)
    ]
    return [Finding("held", oldest, {"count": count, "reasons": worst})]


def _reason(reason: Any) -> str:
    """A review's reason in two or three words, however much is said beside it."""
    code = reason.get("code", "") if isinstance(reason, dict) else reason
    return doubts.label(str(code))


def failed_receipts(db: Session, tenant_id: int) -> list[Finding]:
    """Receipts that were not sent, or perhaps not, and that nobody has seen since."""
    tried = func.coalesce(Receipt.claimed_at, Receipt.created_at)
    count, oldest, up_to = db.execute(
        select(func.count(Receipt.id), func.min(Receipt.created_at), func.max(tried)).where(
            Receipt.state.in_([ReceiptState.FAILED, ReceiptState.UNKNOWN]),
            _since_seen(tenant_id, "failed_receipts", tried),
        )
    ).one()
    return _one("failed_receipts", count, oldest, up_to)


def _since_seen(tenant_id: int, kind: str, at: Any) -> ColumnElement[bool]:
    """`unseen` of a kind that is one row: when it was seen is looked up once, not for each."""
    seen = select(AttentionSeen.up_to).where(
        AttentionSeen.tenant_id == tenant_id,
        AttentionSeen.kind == kind,
        AttentionSeen.subject == ALL,
    )
    never = literal(datetime(1970, 1, 1, tzinfo=UTC), AttentionSeen.up_to.type)
    up_to: ColumnElement[bool] = at > func.coalesce(seen.scalar_subquery(), never)
    return up_to


def failed_mails(db: Session, tenant_id: int) -> list[Finding]:
    """Mails to staff that could not be sent; they carry no tenant, so a lone one sees them."""
    tried = func.coalesce(OutgoingMail.claimed_at, OutgoingMail.created_at)
    count, oldest, up_to = db.execute(
        select(
            func.count(OutgoingMail.id), func.min(OutgoingMail.created_at), func.max(tried)
        ).where(
            OutgoingMail.state.in_(["failed", "unknown"]),
            _since_seen(tenant_id, "failed_mails", tried),
        )
    ).one()
    return _one("failed_mails", count, oldest, up_to)


def began_before(at: datetime) -> ColumnElement[datetime | None]:
    """When a session began, if that was before `at`.

    Asked of those that run: only these few are looked at then, not all that once began so early.
    """
    return case((ChargingSession.started_at < at, ChargingSession.started_at))


def endless(db: Session, now: datetime) -> list[Finding]:
    """Sessions that have run for longer than any car charges."""
    began = began_before(now - ENDLESS_AFTER)
    count, oldest = db.execute(select(func.count(began), func.min(began)).where(RUNNING)).one()
    return _one("endless", count, oldest)


def questions(db: Session) -> list[Finding]:
    """What drivers asked about their receipts and nobody has answered."""
    count, oldest, bill_id = db.execute(
        select(
            func.count(DriverQuestion.id),
            func.min(DriverQuestion.asked_at),
            func.min(DriverQuestion.bill_id),
        ).where(DriverQuestion.closed_at.is_(None))
    ).one()
    if not count:
        return []
    return [Finding("questions", oldest, {"count": count, "bill_id": bill_id})]


def stray_stops(db: Session) -> list[Finding]:
    """Stops that belong to no session and wait for a decision."""
    count, oldest = db.execute(
        select(func.count(StrayStop.id), func.min(StrayStop.received_at)).where(
            StrayStop.outcome == "unmatched"
        )
    ).one()
    return _one("stray_stops", count, oldest)


def _one(
    kind: str, count: int, oldest: datetime | None, up_to: datetime | None = None
) -> list[Finding]:
    """All of a kind in one row; with `up_to` a person may say that they were seen."""
    if not count:
        return []
    return [Finding(kind, oldest, {"count": count, "up_to": up_to}, 0, ALL if up_to else "")]


def unreachable_prices(db: Session, now: datetime) -> list[Finding]:
    """Tariffs in use with prices that no session can come to."""
    newest = select(func.max(TariffVersion.id)).group_by(TariffVersion.tariff_id)
    rows = db.execute(
        select(Tariff, TariffVersion)
        .join(TariffVersion, TariffVersion.tariff_id == Tariff.id)
        .where(Tariff.archived_at.is_(None), TariffVersion.id.in_(newest))
        .order_by(Tariff.id.desc())
    ).all()
    found = []
    for tariff, version in rows:
        hour = now.replace(minute=0, second=0, microsecond=0)
        never = _never(json.dumps(version.definition, sort_keys=True), hour)
        if never:
            facts = {"tariff": tariff, "prices": never}
            found.append(Finding("unreachable_price", version.created_at, facts))
    return few(found, len(found))


@lru_cache(maxsize=1000)
def _never(definition: str, now: datetime) -> tuple[Unreachable, ...]:
    """The prices of a tariff that never apply; counting them out for every Home would be dear."""
    try:
        return tuple(tariff_book.never_apply(from_json(json.loads(definition)), now))
    except TariffError:
        return ()


def alone(db: Session) -> bool:
    """Whether the installation has one tenant: then what is nobody's is shown to it."""
    return db.scalar(select(func.count(Tenant.id))) == 1
