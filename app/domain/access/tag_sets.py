"""Many tags at once: blocked, archived, put into a group; written together, however many."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session, joinedload

from app.domain.access import tags
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, Json, TagStatus
from app.domain.office import audit
from app.models import Tag, TagGroup

#: What may be done to many tags at once: the columns that it sets, where they are always the same.
_SETS: dict[str, Json] = {
    "block": {"status": TagStatus.BLOCKED},
    "unblock": {"status": TagStatus.ACTIVE},
    "archive": {},
    "restore": {"archived_at": None},
    "group": {},
}


def change_all(
    db: Session,
    actor: Actor,
    rows: Sequence[Tag],
    change: str,
    *,
    now: datetime,
    group_id: int | None = None,
) -> Tally:
    """Block, unblock, archive or restore many tags, or put them into a group (None: into none).

    Tags that refuse it stay as they are.  Raises `NotFound` or `Forbidden` where it is the group.
    """
    columns = dict(_SETS[change])
    if change == "group":
        columns["group_id"] = group_id
        for tenant_id in {tag.tenant_id for tag in rows}:
            tags.known(db, TagGroup, {group_id}, tenant_id, "group")
        tags.guard_holders(db, columns, {})
    elif change == "archive":
        columns["archived_at"] = now
        rows = [tag for tag in rows if tag.archived_at is None]
    tally = Tally()
    able = tally.sift(rows, lambda tag: tags.refusal(db, tag, change), lambda tag: tag.value)
    action = "tag.edit" if change == "group" else f"tag.{change}"
    tally.changed = len(audit.change_all(db, actor, action, able, now=now, **columns))
    return tally


def _only(change: str) -> Callable[..., Tally]:
    def act(db: Session, actor: Actor, rows: Sequence[Tag], *, now: datetime) -> Tally:
        return change_all(db, actor, rows, change, now=now)

    return act


def _group(
    db: Session, actor: Actor, rows: Sequence[Tag], *, now: datetime, group_id: int | None = None
) -> Tally:
    return change_all(db, actor, rows, "group", now=now, group_id=group_id)


#: What may be done to many tags.
MANY = Many(
    Tag,
    {change: _group if change == "group" else _only(change) for change in _SETS},
    [joinedload(Tag.driver)],
)
