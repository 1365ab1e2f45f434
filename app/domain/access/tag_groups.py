"""Tag groups: tags that may stop each other's sessions and share a tariff."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.access import reach
from app.domain.ground.errors import Conflict, NotFound, Taken
from app.domain.ground.vocabulary import Actor, Token
from app.domain.money import tariff_choice
from app.domain.office import audit
from app.models import Tag, TagGroup
from app.schemas.access import LONGEST_PARENT, NewTagGroup


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """All that can be typed about a group; an empty `parent` is made from the name.

    `site_ids` says whose matter the group is; none: the whole organisation's.  `master_pass`:
    its tags end any session where they are allowed, and begin none.
    """

    name: str
    parent: str | None = None
    tariff_id: int | None = None
    site_ids: frozenset[int] = frozenset()
    master_pass: bool = False


def facts_of(group: TagGroup) -> GroupFacts:
    """Return what is typed about a group now, to be changed with `dataclasses.replace`."""
    sites = frozenset(site.id for site in group.sites)
    return GroupFacts(group.name, group.parent, group.tariff_id, sites, group.master_pass)


def add(db: Session, actor: Actor, facts: GroupFacts, *, tenant_id: int, now: datetime) -> TagGroup:
    """Make a group; raises `Invalid`, or `Taken` when name or parent token are in use."""
    group = TagGroup(tenant_id=tenant_id, created_at=now)
    _write(db, group, facts)
    db.add(group)
    db.flush()
    audit.note(db, actor, "tag_group.add", group, now=now)
    return group


def edit(db: Session, actor: Actor, group: TagGroup, facts: GroupFacts, *, now: datetime) -> None:
    """Replace what is typed about a group; raises as `add` does, or `Forbidden`."""
    reach.guard(db, group)
    before = audit.snapshot(group)
    _write(db, group, facts)
    db.flush()
    if audit.snapshot(group) != before:
        audit.note(db, actor, "tag_group.edit", group, now=now, before=before)


def remove(db: Session, actor: Actor, group: TagGroup, *, now: datetime) -> None:
    """Delete a group that holds no tags; raises `Conflict` while it holds some."""
    held = db.scalar(select(func.count()).where(Tag.__table__.c.group_id == group.id))
    if held:
        tags = "1 tag" if held == 1 else f"{held} tags"
        raise Conflict(f"{group.name} still holds {tags}; give them another group first.")
    audit.note(db, actor, "tag_group.remove", group, now=now)
    db.delete(group)
    db.flush()


def named(db: Session, tenant_id: int, name: str) -> TagGroup:
    """Return the group with this name, whatever its case; raises `NotFound`."""
    wanted = name.strip().casefold()
    for group in db.scalars(select(TagGroup).where(TagGroup.tenant_id == tenant_id)):
        if group.name.casefold() == wanted:
            return group
    raise NotFound(f"There is no group named {name.strip()}.", field="group")


def _write(db: Session, group: TagGroup, facts: GroupFacts) -> None:
    name = NewTagGroup.line("name", facts.name, required=True)
    parent = NewTagGroup.line("parent", facts.parent, "The parent token") or None
    made = "".join(char for char in name.upper() if char.isalnum())[:LONGEST_PARENT]
    parent = parent or made or "GROUP"
    with db.no_autoflush:
        others = reach.everything(db, TagGroup, group.tenant_id)
        sites = reach.belonging(db, facts.site_ids, group.tenant_id)
        if facts.tariff_id != group.tariff_id:
            tariff_choice.refuse_misfit(db, facts.tariff_id, group)
    for other in others:
        if other.id == group.id:
            continue
        if other.name.casefold() == name.casefold():
            raise Taken(f"There is a group named {other.name} already.", field="name")
        if Token(other.parent).key == Token(parent).key:
            raise Taken(f"{other.name} has the parent token {other.parent}.", field="parent")
    group.name, group.parent, group.tariff_id = name, parent, facts.tariff_id
    group.sites = sites
    group.master_pass = facts.master_pass
