"""Tags: the cards, fobs and app tokens of the list, and where each may charge.

What a tap is answered with is decided in `app.domain.access.authorisation`; here the
list it reads is kept.  A tag is never deleted, because sessions name it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, selectinload

from app.domain.access import reach
from app.domain.ground import texts
from app.domain.ground.errors import Conflict, Forbidden, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import Actor, Arguments, Json, TagStatus, Token, token_kind
from app.domain.office import audit
from app.models import Driver, Site, Station, Tag, TagGroup, tag_sites, tag_stations
from app.schemas.access import NewTag

#: More sessions at once than this is a slip of the pen.
MOST_CONCURRENT = 1000
#: What is typed about a tag besides its value, its status and its places.
_OWN = ("label", "driver_id", "group_id", "expires_at", "concurrent_limit")
#: Where a tag may charge: member -> the column that holds it, and what it names.
_PLACES: dict[str, tuple[Any, Any]] = {
    "site_ids": (tag_sites.c.site_id, Site),
    "station_ids": (tag_stations.c.station_id, Station),
}


def held(db: Session, tag: Tag) -> Json:
    """What is typed about a tag besides its value, by the names of `NewTag`.

    Places out of the asker's reach are left out; whoever sees such a tag cannot change it.
    """
    return {**{name: getattr(tag, name) for name in _OWN}, **_reached(db, tag)}


def add(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    now: datetime,
    value: str,
    kind: str = "id_tag",
    status: TagStatus | None = None,
    **given: Any,
) -> Tag:
    """Put a tag on the list, of what `NewTag` names.

    No `site_ids` and no `station_ids`: it may charge everywhere.  Case and outer blanks make no
    difference (FIELD X13).  Raises `Invalid`, `NotFound`, or `Taken` when it is on the list.
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
    _apply(db, tag, given)
    with texts.unless_taken(db, f"{text} is already on the list.", "value"):
        db.add(tag)
    _place(db, tag, {"site_ids": (), **given})
    audit.note(db, actor, "tag.add", tag, now=now)
    set_status(db, actor, tag, status, now=now)
    return tag


def add_all(
    db: Session, actor: Actor, tenant_id: int, given: Sequence[Json], *, now: datetime
) -> None:
    """Put many tags on the list, in as many statements as a few.

    What is given of each (all of `NewTag` and its status) has been looked through.  Raises `Taken`
    where one of them has come on the list meanwhile.
    """
    tokens = [Token(one["value"], token_kind("id_tag")) for one in given]
    rows = [
        {
            "tenant_id": tenant_id,
            "value": token.value,
            "key": token.key,
            "bare_key": token.bare_key,
            "kind": token.kind,
            "created_at": now,
            **{name: one[name] for name in (*_OWN, "status")},
        }
        for token, one in zip(tokens, given, strict=True)
    ]
    with texts.unless_taken(db, "One of these tags has come on the list meanwhile.", "value"):
        db.execute(insert(Tag.__table__), rows)
    # The table, not the entity: until its places are written, staff of some sites see no tag.
    table: Any = Tag.__table__
    mine = (table.c.tenant_id == tenant_id, table.c.key.in_([token.key for token in tokens]))
    ids = {row.key: row.id for row in db.execute(select(table.c.key, table.c.id).where(*mine))}
    places = {ids[token.key]: _claimed(db, one) for token, one in zip(tokens, given, strict=True)}
    for name, (column, _) in _PLACES.items():
        named = [
            {"tag_id": number, column.name: one}
            for number, place in places.items()
            for one in place[name]
        ]
        if named:
            db.execute(insert(column.table), named)
    whole = (selectinload(Tag.sites), selectinload(Tag.stations))
    made = db.scalars(select(Tag).where(Tag.id.in_(places)).order_by(Tag.id).options(*whole)).all()
    audit.note_all(db, actor, "tag.add", made, now=now)


def _claimed(db: Session, given: Json) -> Json:
    """Where a new tag may charge: what staff of some sites limit to nothing is limited to these."""
    sites = reach.claimed(db, given["site_ids"], otherwise=bool(given["station_ids"]))
    return {"site_ids": sorted(sites), "station_ids": sorted(given["station_ids"])}


def held_all(db: Session, tenant_id: int) -> Callable[[Tag], Json]:
    """Read where all tags of a tenant may charge; what that returns tells what is typed of each."""
    tag = Tag.__table__.c
    places: dict[str, dict[int, set[int]]] = {}
    for name, (column, model) in _PLACES.items():
        seen = set(db.scalars(select(model.id).where(model.tenant_id == tenant_id)))
        own = select(tag.id).where(tag.tenant_id == tenant_id)
        named = select(column.table.c.tag_id, column).where(column.table.c.tag_id.in_(own))
        for number, place in db.execute(named):
            if place in seen:
                places.setdefault(name, {}).setdefault(number, set()).add(place)

    def of(tag: Tag) -> Json:
        own = {name: getattr(tag, name) for name in _OWN}
        return own | {name: frozenset(places.get(name, {}).get(tag.id, ())) for name in _PLACES}

    return of


def edit(
    db: Session,
    actor: Actor,
    tag: Tag,
    *,
    now: datetime,
    status: TagStatus | None = None,
    **given: Any,
) -> bool:
    """Change what is given and leave the rest; returns whether anything typed changed.

    Raises `Invalid`, `NotFound` or `Forbidden`.
    """
    changed = bool(given) and _change(db, actor, tag, given, now)
    set_status(db, actor, tag, status, now=now)
    db.flush()
    return changed


def edit_all(
    db: Session, actor: Actor, given: Sequence[tuple[Tag, TagStatus | None, Json]], *, now: datetime
) -> None:
    """Change many tags as `edit` does, each by what is given; they are written together."""
    for tag, status, facts in given:
        if facts:
            _change(db, actor, tag, facts, now)
        set_status(db, actor, tag, status, now=now)
    db.flush()


def _change(db: Session, actor: Actor, tag: Tag, given: Arguments, now: datetime) -> bool:
    reach.guard(db, tag)
    before, moved = audit.snapshot(tag), bool(given.keys() & _PLACES)
    places = audit.joined(tag) if moved else {}
    _apply(db, tag, given)
    _place(db, tag, given)
    now_places = audit.joined(tag) if moved else {}
    if now_places == places:
        places = now_places = {}
        if audit.snapshot(tag) == before:
            return False
    audit.note(db, actor, "tag.edit", tag, now=now, before=before, also=(places, now_places))
    return True


def block(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Refuse every further tap of a tag; returns whether it was active before."""
    return audit.change(db, actor, "tag.block", tag, now=now, status=TagStatus.BLOCKED)


def unblock(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Let a blocked tag charge again; returns whether it was blocked before."""
    return audit.change(db, actor, "tag.unblock", tag, now=now, status=TagStatus.ACTIVE)


def refusal(db: Session, tag: Tag, change: str) -> str | None:
    """Why a tag cannot be changed so; None where nothing speaks against it."""
    try:
        reach.guard(db, tag)
    except Forbidden as error:
        return error.sentence
    if change == "restore" and tag.archived_at and tag.driver and tag.driver.archived_at:
        return f"{tag.driver.name} is archived; restore the driver first."
    return None


def set_status(
    db: Session, actor: Actor, tag: Tag, status: TagStatus | None, *, now: datetime
) -> None:
    """Block or unblock a tag; None leaves it as it is."""
    if status is not None:
        (block if status is TagStatus.BLOCKED else unblock)(db, actor, tag, now=now)


#: Takes a tag off the list, its history kept; returns whether it was on it.
archive = partial(audit.archive, kind="tag")


def restore(db: Session, actor: Actor, tag: Tag, *, now: datetime) -> bool:
    """Put an archived tag back on the list; raises `Conflict` while its driver is archived."""
    if tag.archived_at is not None and (why := refusal(db, tag, "restore")):
        raise Conflict(why)
    return audit.restore(db, actor, tag, now=now, kind="tag")


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


def _apply(db: Session, tag: Tag, given: Arguments) -> None:
    """Check everything that is given, then set the columns."""
    kept = NewTag.kept(given, {"concurrent_limit": _limit}, but=_PLACES)
    with db.no_autoflush:
        known(db, Driver, {kept.get("driver_id")}, tag.tenant_id, "driver")
        known(db, TagGroup, {kept.get("group_id")}, tag.tenant_id, "group")
        known(db, Site, given.get("site_ids", ()), tag.tenant_id, "site")
        known(db, Station, given.get("station_ids", ()), tag.tenant_id, "station")
        guard_holders(db, kept, {"driver_id": tag.driver_id, "group_id": tag.group_id})
    for name, value in kept.items():
        setattr(tag, name, value)


def _limit(limit: int | None) -> int | None:
    if limit is not None and not 1 <= limit <= MOST_CONCURRENT:
        raise Invalid(
            f"The limit must be a number from 1 to {MOST_CONCURRENT}.", field="concurrent_limit"
        )
    return limit


def guard_holders(db: Session, wanted: Mapping[str, Any], held: Mapping[str, Any]) -> None:
    """Raise `Forbidden` where a tag would get a driver or group that the asker may not change.

    Who pays for its sessions, and whose it may stop, is decided with it.
    """
    if reach.of(db) is None:
        return
    for name, model in (("driver_id", Driver), ("group_id", TagGroup)):
        if wanted.get(name) not in (None, held.get(name)):
            reach.guard(db, db.get_one(model, wanted[name]))


def known(db: Session, model: Any, ids: Iterable[int | None], tenant_id: int, noun: str) -> None:
    """Refuse ids that are not the tenant's, or are out of the asker's reach."""
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return
    query = select(model.id).where(model.id.in_(wanted), model.tenant_id == tenant_id)
    if wanted - set(db.scalars(query)):
        raise NotFound(f"There is no such {noun}.", field=noun)


def _place(db: Session, tag: Tag, given: Arguments) -> None:
    """Set where a tag may charge; what staff of some sites limit to nothing is limited to these."""
    if not given.keys() & _PLACES:
        return
    before = _reached(db, tag)
    after = {name: frozenset(given.get(name, before[name])) for name in _PLACES}
    after["site_ids"] = reach.claimed(db, after["site_ids"], otherwise=bool(after["station_ids"]))
    for name, (column, _) in _PLACES.items():
        if gone := before[name] - after[name]:
            db.execute(
                delete(column.table).where(column.table.c.tag_id == tag.id, column.in_(gone))
            )
        if fresh := after[name] - before[name]:
            rows = [{"tag_id": tag.id, column.name: one} for one in sorted(fresh)]
            db.execute(insert(column.table), rows)
    db.expire(tag, ["sites", "stations"])


def _reached(db: Session, tag: Tag) -> dict[str, frozenset[int]]:
    """The sites and stations a tag is limited to, as far as the asker sees them."""
    found = {}
    for name, (column, model) in _PLACES.items():
        named = select(column).where(column.table.c.tag_id == tag.id)
        found[name] = frozenset(db.scalars(select(model.id).where(model.id.in_(named))))
    return found
