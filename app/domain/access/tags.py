"""Tags: the cards, fobs and app tokens of the list, and where each may charge.

What a tap is answered with is decided in `app.domain.access.authorisation`; here the
list it reads is kept.  A tag is never deleted, because sessions name it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.access import reach
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import Actor, TagStatus, Token, token_kind
from app.domain.office import audit
from app.models import Driver, Site, Station, Tag, TagGroup, tag_sites, tag_stations
from app.schemas.access import NewTag

#: More sessions at once than this is a slip of the pen.
MOST_CONCURRENT = 1000


@dataclass(frozen=True, slots=True)
class TagFacts:
    """All that can be typed about a tag besides its value.

    `concurrent_limit` is the number of sessions it may run at once (None: no
    limit); no `site_ids` and no `station_ids` means that it may charge everywhere.
    """

    label: str | None = None
    driver_id: int | None = None
    group_id: int | None = None
    expires_at: datetime | None = None
    concurrent_limit: int | None = None
    site_ids: frozenset[int] = frozenset()
    station_ids: frozenset[int] = frozenset()


def facts_of(db: Session, tag: Tag) -> TagFacts:
    """Return what is typed about a tag now, to be changed with `dataclasses.replace`.

    Places out of the asker's reach are left out; whoever sees such a tag cannot change it.
    """
    return TagFacts(
        label=tag.label,
        driver_id=tag.driver_id,
        group_id=tag.group_id,
        expires_at=tag.expires_at,
        concurrent_limit=tag.concurrent_limit,
        site_ids=frozenset(_within_reach(db, tag, tag_sites.c.site_id, Site)),
        station_ids=frozenset(_within_reach(db, tag, tag_stations.c.station_id, Station)),
    )


def add(
    db: Session,
    actor: Actor,
    value: str,
    facts: TagFacts,
    *,
    tenant_id: int,
    now: datetime,
    kind: str = "id_tag",
) -> Tag:
    """Put a tag on the list; raises `Invalid`, `NotFound`, or `Taken` when it is on it.

    Case and outer blanks make no difference (FIELD X13).
    """
    text = NewTag.line("value", value, "The tag", required=True)
    token = Token(text, token_kind(kind))
    known = on_list(db, text, tenant_id=tenant_id)
    if known is not None:
        archived = " in the archive: restore it instead" if known.archived_at else " on the list"
        raise Taken(f"{known.value} is already{archived}.", field="value")
    tag = Tag(
        tenant_id=tenant_id,
        value=text,
        key=token.key,
        bare_key=token.bare_key,
        kind=token.kind,
        created_at=now,
    )
    _write(db, tag, facts)
    try:
        with db.begin_nested():
            db.add(tag)
    except IntegrityError:
        raise Taken(f"{text} is already on the list.", field="value") from None
    _place(db, tag, facts)
    places = _places(db, tag)
    entry = audit.note(db, actor, "tag.add", tag, now=now)
    entry.after = {**(entry.after or {}), **places}
    return tag


def edit(db: Session, actor: Actor, tag: Tag, facts: TagFacts, *, now: datetime) -> bool:
    """Replace what is typed about a tag; returns whether anything changed.

    Raises `Invalid` or `NotFound`.
    """
    reach.guard(db, tag)
    before, places = audit.snapshot(tag), _places(db, tag)
    _write(db, tag, facts)
    _place(db, tag, facts)
    db.flush()
    now_places = _places(db, tag)
    if audit.snapshot(tag) == before and now_places == places:
        return False
    entry = audit.note(db, actor, "tag.edit", tag, now=now, before=before)
    if now_places != places:
        entry.before = {**(entry.before or {}), **places}
        entry.after = {**(entry.after or {}), **now_places}
    return True


def block(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Refuse every further tap of a tag; returns whether it was active before."""
    return audit.change(db, actor, "tag.block", tag, now=now, status=TagStatus.BLOCKED)


def unblock(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Let a blocked tag charge again; returns whether it was blocked before."""
    return audit.change(db, actor, "tag.unblock", tag, now=now, status=TagStatus.ACTIVE)


def set_status(
    db: Session, actor: Actor, tag: Tag, status: TagStatus | None, *, now: datetime
) -> None:
    """Block or unblock a tag; None leaves it as it is."""
    if status is not None:
        (block if status is TagStatus.BLOCKED else unblock)(db, actor, tag, now=now)


def archive(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Take a tag off the list, its history kept; returns whether it was on it."""
    return audit.archive(db, actor, "tag", tag, now=now)


def restore(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Put an archived tag back on the list; raises `Conflict` while its driver is archived."""
    if tag.archived_at is None:
        return False
    if tag.driver is not None and tag.driver.archived_at is not None:
        raise Conflict(f"{tag.driver.name} is archived; restore the driver first.")
    return audit.restore(db, actor, "tag", tag, now=now)


def on_list(db: Session, value: str, *, tenant_id: int) -> Tag | None:
    """Return the tag with this value, compared as a charger's is; archived ones too."""
    query = select(Tag).where(Tag.tenant_id == tenant_id, Tag.key == Token(value).key)
    return db.scalar(query)


def named(db: Session, tenant_id: int, value: str) -> Tag:
    """Return the tag with this value, archived ones too; raises `NotFound`."""
    tag = on_list(db, value, tenant_id=tenant_id)
    if tag is None:
        raise NotFound(f"{value.strip()} is not on the list of tags.", field="value")
    return tag


def _write(db: Session, tag: Tag, facts: TagFacts) -> None:
    """Check everything, then set the columns."""
    label = NewTag.line("label", facts.label) or None
    limit = facts.concurrent_limit
    if limit is not None and not 1 <= limit <= MOST_CONCURRENT:
        raise Invalid(
            f"The limit is a number from 1 to {MOST_CONCURRENT}.", field="concurrent_limit"
        )
    with db.no_autoflush:
        _known(db, Driver, {facts.driver_id}, tag.tenant_id, "driver")
        _known(db, TagGroup, {facts.group_id}, tag.tenant_id, "group")
        _known(db, Site, facts.site_ids, tag.tenant_id, "site")
        _known(db, Station, facts.station_ids, tag.tenant_id, "station")
        guard_holders(db, facts, tag.driver_id, tag.group_id)
    tag.label, tag.driver_id, tag.group_id = label, facts.driver_id, facts.group_id
    tag.expires_at, tag.concurrent_limit = facts.expires_at, limit


def guard_holders(
    db: Session, facts: TagFacts, driver_id: int | None, group_id: int | None
) -> None:
    """Raise `Forbidden` where a tag would get a driver or group that the asker may not change.

    Who pays for its sessions, and whose it may stop, is decided with it.  `driver_id` and
    `group_id` are what it has now.
    """
    for model, wanted, held in (
        (Driver, facts.driver_id, driver_id),
        (TagGroup, facts.group_id, group_id),
    ):
        if wanted is not None and wanted != held:
            reach.guard(db, db.get_one(model, wanted))


def _known(db: Session, model: Any, ids: Iterable[int | None], tenant_id: int, noun: str) -> None:
    """Refuse ids that are not the tenant's, or are out of the asker's reach."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return
    query = select(model.id).where(model.id.in_(wanted), model.tenant_id == tenant_id)
    if wanted - set(db.scalars(query)):
        raise NotFound(f"There is no such {noun}.", field=noun)


def _place(db: Session, tag: Tag, facts: TagFacts) -> None:
    """Set where a tag may charge; what staff of some sites limit to nothing is limited to these."""
    site_ids = reach.claimed(db, facts.site_ids, otherwise=bool(facts.station_ids))
    for table, column, model, wanted in (
        (tag_sites, tag_sites.c.site_id, Site, site_ids),
        (tag_stations, tag_stations.c.station_id, Station, facts.station_ids),
    ):
        held = set(_within_reach(db, tag, column, model))
        if gone := held - wanted:
            db.execute(delete(table).where(table.c.tag_id == tag.id, column.in_(gone)))
        if fresh := wanted - held:
            rows = [{"tag_id": tag.id, column.name: one} for one in sorted(fresh)]
            db.execute(insert(table), rows)
    db.expire(tag, ["sites", "stations"])


def _within_reach(db: Session, tag: Tag, column: Any, model: Any) -> list[int]:
    """Ids of the sites or stations a tag is limited to, as far as the asker sees them."""
    held = select(column).where(column.table.c.tag_id == tag.id)
    return list(db.scalars(select(model.id).where(model.id.in_(held))))


def _places(db: Session, tag: Tag) -> dict[str, Any]:
    """Every site and station a tag is limited to, for the audit."""
    found = {}
    for name, column in (
        ("site_ids", tag_sites.c.site_id),
        ("station_ids", tag_stations.c.station_id),
    ):
        found[name] = sorted(db.scalars(select(column).where(column.table.c.tag_id == tag.id)))
    return found
