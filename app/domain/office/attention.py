"""What a person has seen: the only end of things that end by nothing else."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor
from app.domain.office import audit
from app.models import AttentionSeen

#: The kinds that a person may put away: the others end when their cause does.
SEEABLE = frozenset(
    {
        *("severe_event", "security_event", "register_gap", "supply_exceeded", "unmeasured"),
        *("failed_receipts", "failed_mails", "unknown_tag", "knock"),
    }
)


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
