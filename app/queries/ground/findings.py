"""What all findings share: a few are shown one by one, the rest is counted by the database.

What has no end of its own is left out once a person has seen it, until it happens again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Facts
from app.models import AttentionSeen

#: Findings of one kind that are shown one by one.
EACH = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: `kind` picks words, icon and link; `facts` fill them; `more` of the kind exist.

    `subject` names it within its kind where a person may say that it was seen.
    """

    kind: str
    since: datetime | None = None
    facts: Facts = field(default_factory=dict)
    more: int = 0
    subject: str = ""


def few(found: list[Finding], total: int) -> list[Finding]:
    """The first findings of a kind; the last of them tells how many there are besides."""
    shown = found[:EACH]
    if total > len(shown) > 0:
        last = shown[-1]
        shown[-1] = Finding(last.kind, last.since, last.facts, total - len(shown), last.subject)
    return shown


def counted(db: Session, query: Any, make: Callable[..., Finding]) -> list[Finding]:
    """The first rows of a query as findings, with the true number of all of them."""
    rows = db.execute(query.limit(EACH)).all()
    total = len(rows)
    if total == EACH:
        # Counted apart: a window over the rows would have the database put all of them together.
        total = db.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    return few([make(*row) for row in rows], total)


def unseen(tenant_id: int, kind: str, subject: Any, at: Any) -> ColumnElement[bool]:
    """The condition that nobody has seen `subject` since `at`."""
    return ~(
        select(AttentionSeen.id)
        .where(
            AttentionSeen.tenant_id == tenant_id,
            AttentionSeen.kind == kind,
            AttentionSeen.subject == cast(subject, String(300)),
            AttentionSeen.up_to >= at,
        )
        .exists()
    )
