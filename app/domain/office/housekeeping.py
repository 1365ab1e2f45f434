"""Keeping house: which parts give a sign of life, and what a person has seen."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.bulk import BulkInsert
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import AttentionSeen, SystemMark

_MADE = BulkInsert(SystemMark.__table__, ("part", "at", "since", "ok", "sentence"), skip_known=True)
#: The sweep, which Celery's beat asks for and Celery's worker does.
SWEEP = "sweep"
#: The round that bills ended sessions; it signs where it failed, and when it goes well again.
BILLS = "bills"
#: The mail server, where it takes no mail at all (`app.domain.office.outbox`).
MAIL = "mail"
#: The kinds of findings that a person may put away: the others end when their cause does.
SEEABLE = frozenset(
    {
        *("severe_event", "security_event", "register_gap", "supply_exceeded", "unmeasured"),
        *("failed_receipts", "failed_mails", "unknown_tag", "knock"),
        # The way to the first receipt, which somebody does not want to see on Home.
        "first_run",
    }
)


def sign(db: Session, part: str, *, now: datetime, failed: str | None = None) -> SystemMark:
    """Note that a part gives a sign: all is well, or what `failed` in one sentence.

    A failed part keeps its sentence until it says that all is well: see `began`.
    """
    found = mark(db, part, now)
    found.at = now
    if found.ok is (failed is not None):
        found.ok, found.since = failed is None, now
    found.sentence = (failed or "")[:300]
    db.flush()
    return found


def began(db: Session, part: str, *, now: datetime) -> None:
    """Note that a part has begun its work; how it went before still stands."""
    mark(db, part, now).at = now
    db.flush()


def mark(db: Session, part: str, now: datetime) -> SystemMark:
    """The mark of a part; it is made where there is none, as of `now`."""
    found = db.get(SystemMark, part)
    if found is None:
        # Another process may make it at the same moment: then that one counts.
        _MADE(db, [(part, now, now, True, "")])
        found = db.get_one(SystemMark, part)
    return found


def see(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    kind: str,
    subject: str,
    up_to: datetime,
    now: datetime,
) -> AttentionSeen:
    """Note that somebody has seen a finding as it was at `up_to`; what comes later is news.

    Raises `Invalid` for a kind that has an end of its own.
    """
    if kind not in SEEABLE or not 0 < len(subject) <= 300:
        raise Invalid("This is shown until its cause is gone.", field="kind")
    row = db.scalar(
        select(AttentionSeen).where(
            AttentionSeen.tenant_id == tenant_id,
            AttentionSeen.kind == kind,
            AttentionSeen.subject == subject,
        )
    )
    if row is None:
        row = AttentionSeen(tenant_id=tenant_id, kind=kind, subject=subject, up_to=up_to)
        db.add(row)
    row.up_to = max(row.up_to, min(up_to, now))
    row.seen_by, row.at = actor.name, now
    db.flush()
    remark = f"{kind.replace('_', ' ')} {subject}"[:500]
    audit.note(db, actor, "attention.seen", row, now=now, remark=remark)
    return row
