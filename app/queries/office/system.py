"""What the rows tell of the installation's own parts: workers, sweeps, mail, the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import BillingState, CommandState, ReceiptState, SessionState
from app.domain.network import presence
from app.models import (
    ChargingSession,
    Command,
    Connection,
    OutgoingMail,
    Receipt,
    SystemMark,
    WorkerNode,
)

#: Failures of mails are of interest for this long.
MAIL_RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Node:
    """A worker that lives, how many stations in reach it holds, and how late its loop runs."""

    node: str
    beat_at: datetime
    stations: int
    lag_ms: float | None


@dataclass(frozen=True, slots=True)
class MailFacts:
    """When a mail left, when one last failed, and since when the oldest waits."""

    sent_at: datetime | None
    failed_at: datetime | None
    oldest_unsent: datetime | None


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Which database, in which version, how large (bytes), and at which migration."""

    kind: str
    version: str
    size: int
    revision: str | None


def nodes(db: Session, *, now: datetime) -> list[Node]:
    """The workers that live."""
    counted = db.execute(
        select(Connection.node, func.count(Connection.id))
        .where(Connection.closed_at.is_(None))
        .group_by(Connection.node)
    )
    held = dict(counted.all())
    alive = select(WorkerNode).where(presence.alive(now)).order_by(WorkerNode.node)
    return [
        Node(row.node, row.beat_at, held.get(row.node, 0), getattr(row, "lag_ms", None))
        for row in db.scalars(alive)
    ]


def mark(db: Session, part: str) -> SystemMark | None:
    """The last sign of a part."""
    return db.get(SystemMark, part)


def mail(db: Session, *, now: datetime) -> MailFacts:
    """How mail goes: receipts in reach, and the mails to staff."""
    since = now - MAIL_RECENT
    failed = [ReceiptState.FAILED, ReceiptState.UNKNOWN]
    waiting = [ReceiptState.QUEUED, ReceiptState.SENDING]
    # A mail that is tried again and again has failed too, though it still waits.
    troubled = Receipt.error.is_not(None) & Receipt.state.in_([*failed, *waiting])
    late = Receipt.created_at > since
    # Each by an index of its own: nearly all receipts were sent, and none of those is in trouble.
    receipts = db.execute(
        select(
            select(func.max(Receipt.sent_at)).where(Receipt.sent_at > since).scalar_subquery(),
            select(func.max(Receipt.claimed_at)).where(troubled, late).scalar_subquery(),
            select(func.min(Receipt.created_at))
            .where(Receipt.state.in_(waiting), late)
            .scalar_subquery(),
        )
    ).one()
    others = db.execute(
        select(
            func.max(OutgoingMail.sent_at),
            func.max(OutgoingMail.claimed_at).filter(
                OutgoingMail.error.is_not(None), OutgoingMail.state != "sent"
            ),
            func.min(OutgoingMail.created_at).filter(OutgoingMail.state.in_(["queued", "sending"])),
        ).where(OutgoingMail.created_at > since)
    ).one()
    sent, went_wrong, oldest = (
        [at for at in pair if at is not None] for pair in zip(receipts, others, strict=True)
    )
    return MailFacts(
        max(sent, default=None), max(went_wrong, default=None), min(oldest, default=None)
    )


def database(db: Session) -> DatabaseFacts:
    """Ask the database about itself."""
    lite = db.get_bind().dialect.name == "sqlite"
    if lite:
        version = str(db.scalar(text("SELECT sqlite_version()")))
        pages, size = (db.scalar(text(f"PRAGMA {word}")) for word in ("page_count", "page_size"))
        size = int(pages or 0) * int(size or 0)
    else:
        version = str(db.scalar(text("SHOW server_version"))).split()[0]
        size = int(db.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    revision = db.scalar(text("SELECT version_num FROM alembic_version"))
    return DatabaseFacts("SQLite" if lite else "PostgreSQL", version, size, revision)


class Figures(NamedTuple):
    """Counts by state of all tenants, and when the oldest order that waits was asked for."""

    orders: dict[str, int]
    oldest_order: datetime | None
    held_bills: int
    unbilled: int
    mails: dict[str, int]


def of_rows(db: Session, *, now: datetime) -> Figures:
    """Count what is under way; what has ended is only counted where it is in trouble."""
    open_states = [CommandState.QUEUED, CommandState.SENT]
    orders = db.execute(
        select(Command.state, func.count())
        .where(Command.state.in_(open_states))
        .group_by(Command.state)
    )
    counted = {state.value: number for state, number in orders}
    oldest = select(func.min(Command.requested_at)).where(Command.state == CommandState.QUEUED)
    unbilled = select(func.count()).where(
        ChargingSession.billing == BillingState.OPEN, ChargingSession.state == SessionState.ENDED
    )
    held = select(func.count()).where(ChargingSession.billing == BillingState.HELD)
    return Figures(
        {state.value: counted.get(state.value, 0) for state in open_states},
        db.scalar(oldest),
        db.scalar(held) or 0,
        db.scalar(unbilled) or 0,
        _mails(db, now),
    )


def _mails(db: Session, now: datetime) -> dict[str, int]:
    """Receipts and mails to staff of the last day, by state."""
    states = [ReceiptState.QUEUED, ReceiptState.SENDING, ReceiptState.FAILED, ReceiptState.UNKNOWN]
    found = {state.value: 0 for state in states}
    for kind in (Receipt, OutgoingMail):
        lately = kind.created_at > now - MAIL_RECENT
        query = select(kind.state, func.count()).where(lately, kind.state.in_(states))
        for state, number in db.execute(query.group_by(kind.state)):
            found[str(getattr(state, "value", state))] += number
    return found
