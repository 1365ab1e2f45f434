"""Forgetting: rows that served their purpose and are no evidence of anything."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.domain.device import device_events
from app.domain.office import idempotency, mails, sign_ins
from app.models import AttentionSeen, HandshakeAttempt, OneTimeLink

ATTEMPTS_KEPT = timedelta(days=30)
LINKS_KEPT = timedelta(days=7)
MAILS_KEPT = timedelta(days=30)
#: Longer than anything that may be seen is shown by itself, but for severe events.
SEEN_KEPT = timedelta(days=365)
#: Rows removed in one unit of work, so that nobody waits long for its lock.
_MOST = 5000


def forget_old(db: Session, *, now: datetime) -> bool:
    """Remove what is old: attempts, links, sent mails, idempotency keys, events of stations.

    Returns whether there may be more, for another unit of work.
    """
    attempts = select(HandshakeAttempt.id).where(HandshakeAttempt.last_at < now - ATTEMPTS_KEPT)
    gone = db.execute(
        delete(HandshakeAttempt).where(HandshakeAttempt.id.in_(attempts.limit(_MOST)))
    )
    links = select(OneTimeLink.id).where(OneTimeLink.expires_at < now - LINKS_KEPT)
    db.execute(delete(OneTimeLink).where(OneTimeLink.id.in_(links.limit(_MOST))))
    seen = select(AttentionSeen.id).where(AttentionSeen.at < now - SEEN_KEPT)
    db.execute(delete(AttentionSeen).where(AttentionSeen.id.in_(seen.limit(_MOST))))
    mails.forget(db, before=now - MAILS_KEPT)
    idempotency.forget(db, now=now)
    sign_ins.forget(db, now=now)
    device_events.forget_old(db, now=now)
    return bool(gone.rowcount >= _MOST)  # type: ignore[attr-defined]
