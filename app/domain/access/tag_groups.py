"""Tag groups: they share a tariff and may stop each other's sessions; many tags changed at once."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.access import reach, tags
from app.domain.ground.errors import Conflict, NotFound, Taken
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, Arguments, Json, TagStatus, Token
from app.domain.money import tariff_choice
from app.domain.office import audit
from app.models import Tag, TagGroup
from app.schemas.access import LONGEST_PARENT, NewTagGroup


def add(db: Session, actor: Actor, tenant_id: int, *, now: datetime, **given: object) -> TagGroup:
    """Make a group of what `NewTagGroup` names; an empty `parent` is made from the name.

    Raises `Invalid`, or `Taken` when name or parent token are in use.
    """
    group = TagGroup(tenant_id=tenant_id, created_at=now)
    _apply(db, group, {"name": "", "site_ids": (), **given})
    return audit.added(db, actor, "tag_group.add", group, now=now)


def called(
    db: Session, actor: Actor, tenant_id: int, names: Collection[str | None], *, now: datetime
) -> dict[str, int]:
    """The groups of these names; those that are not there yet are made."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    known = select(TagGroup).where(TagGroup.tenant_id == tenant_id, TagGroup.name.in_(wanted))
    found = {group.name: group.id for group in db.scalars(known)}
    for name in sorted(wanted - found.keys()):
        fits = name.isascii() and name.isprintable() and len(name) <= LONGEST_PARENT
        # The parent token is the name, where chargers can say it.
        parent = name if fits and " " not in name else None
        found[name] = add(db, actor, tenant_id, now=now, name=name, parent=parent).id
    return found


def edit(db: Session, actor: Actor, group: TagGroup, *, now: datetime, **given: object) -> None:
    """Change what is given and leave the rest; raises as `add` does, or `Forbidden`."""
    reach.guard(db, group)
    with audit.edited(db, actor, "tag_group.edit", group, now=now):
        _apply(db, group, given)


def remove(db: Session, actor: Actor, group: TagGroup, *, now: datetime) -> None:
    """Delete a group that holds no tags; raises `Conflict` while it holds some."""
    held = db.scalar(select(func.count()).where(Tag.__table__.c.group_id == group.id))
    if held:
        tags = "1 tag" if held == 1 else f"{held} tags"
        raise Conflict(f"{group.name} still holds {tags}; give them another group first.")
    audit.remove(db, actor, "tag_group.remove", group, now=now)


def named(db: Session, tenant_id: int, name: str) -> TagGroup:
    """Return the group with this name, whatever its case; raises `NotFound`."""
    wanted = name.strip().casefold()
    for group in db.scalars(select(TagGroup).where(TagGroup.tenant_id == tenant_id)):
        if group.name.casefold() == wanted:
            return group
    raise NotFound(f"There is no group named {name.strip()}.", field="group")


def _apply(db: Session, group: TagGroup, given: Arguments) -> None:
    """Set what is given; raises `Invalid`, `Taken` or `Forbidden` before it sets anything."""
    read = partial(NewTagGroup.line, "parent", word="The parent token")
    kept = NewTagGroup.kept(given, {"parent": read}, but=("site_ids",))
    name, parent = kept.get("name", group.name), kept.get("parent", group.parent)
    if not parent:
        made = "".join(char for char in name.upper() if char.isalnum())[:LONGEST_PARENT]
        kept["parent"] = parent = made or "GROUP"
    with db.no_autoflush:
        others = reach.everything(db, TagGroup, group.tenant_id)
        if "site_ids" in given:
            kept["sites"] = reach.belonging(db, given["site_ids"], group.tenant_id)
        if (tariff_id := kept.get("tariff_id", group.tariff_id)) != group.tariff_id:
            tariff_choice.refuse_misfit(db, tariff_id, group)
    for other in others:
        if other.id == group.id:
            continue
        if other.name.casefold() == name.casefold():
            raise Taken(f"There is a group named {other.name} already.", field="name")
        if Token(other.parent).key == Token(parent).key:
            raise Taken(f"{other.name} has the parent token {other.parent}.", field="parent")
    for member, value in kept.items():
        setattr(group, member, value)


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
