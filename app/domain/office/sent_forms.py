"""Forms that were sent: the same one with the same contents is done once.

A row says that a form's work is done, for it is written in the unit of work that did it.  It has a
digest of the form's key and contents, and the answer as nobody reads it without them.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, text, update
from sqlalchemy.orm import Session

from app.models import SentForm
from app.models.base import Instant

#: For so long a form is known again.
KEPT = timedelta(hours=24)
#: A second one waits here until the first has committed, or not.
_CLAIM = text(
    "INSERT INTO sent_forms (digest, at) VALUES (:digest, :at) ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant()))


def claim(db: Session, digest: str, *, now: datetime) -> bool:
    """Note that what the form asks for is done in this unit of work; False: it was done before."""
    done = db.execute(_CLAIM, {"digest": digest, "at": now})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def keep(db: Session, digest: str, answer: str) -> None:
    """Keep what the form was answered with."""
    db.execute(update(SentForm).where(SentForm.digest == digest).values(answer=answer))


def release(db: Session, digest: str) -> None:
    """Forget a form that was refused after all."""
    db.execute(delete(SentForm).where(SentForm.digest == digest))
