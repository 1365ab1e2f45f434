"""Tags in any state: cards, fobs and app tokens, blocked and expired ones too."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.access import tags
from app.domain.access.tags import TagFacts
from app.domain.ground.vocabulary import TagStatus, Token
from app.models import Tag
from app.uow import unit_of_work

noun = Noun("tags", "What drivers show: cards, fobs, app tokens.")
blueprint = noun.blueprint

TAG = _rows.shape(
    "Tag",
    "A tag. `expired`: its time is over. No sites and no stations: it charges everywhere.",
    Tag,
    without=("key", "bare_key"),
    expired=s.boolean(read=lambda row: row.expired_now),
    site_ids=s.listed(s.integer(), read=lambda row: [site.id for site in row.sites]),
    station_ids=s.listed(s.integer(), read=lambda row: [there.id for there in row.stations]),
)
_FACTS = {
    "label": s.text(most=120, null=True),
    "driver_id": s.row_id(null=True),
    "group_id": s.row_id(null=True),
    "expires_at": s.instant("May lie in the past: an expired tag.", null=True),
    "concurrent_limit": s.integer("Sessions at once; null: no limit.", null=True),
    "site_ids": s.row_ids(),
    "station_ids": s.row_ids(),
}
_STATUS = {"status": s.word(TagStatus)}
NEW = Body(
    "NewTag",
    "A tag to be put on the list.",
    {"value": s.text(least=1, most=255)},
    {"kind": s.text("id_tag, or a type of OCPP 2.x.", most=40), **_STATUS, **_FACTS},
    example={"value": "04A2F6C1", "expires_at": "2020-01-01T00:00:00Z"},
)
CHANGES = Body("TagChanges", "What is to be different.", {}, {**_STATUS, **_FACTS})


@noun.get(
    "/tags",
    "viewer",
    "List tags",
    answers={200: Pages(TAG)},
    query={
        "value": s.text("Compared as a charger’s is: case does not count.", most=255),
        "status": s.word(TagStatus),
        "driver_id": s.row_id(),
        "group_id": s.row_id(),
        "archived": s.boolean(),
    },
)
def list_(ask: Ask) -> Any:
    """The tags on the list, in the order in which they were added."""
    query = select(Tag).options(selectinload(Tag.sites), selectinload(Tag.stations))
    archived = ask.query.get("archived", False)
    query = query.where(Tag.archived_at.is_not(None) if archived else Tag.archived_at.is_(None))
    if "value" in ask.query:
        query = query.where(Tag.key == Token(ask.query["value"]).key)
    for name in ("status", "driver_id", "group_id"):
        if name in ask.query:
            query = query.where(getattr(Tag, name) == ask.query[name])
    page = ask.page(query, Tag.id, newest=False)
    for tag in page.rows:
        _judged(ask, tag)
    return page


@noun.get("/tags/{tag_id}", "viewer", "Read a tag", answers={200: TAG})
def show(ask: Ask, tag_id: int) -> Any:
    """One tag."""
    return _judged(ask, ask.get(Tag, tag_id, "tag"))


@noun.post("/tags", "operator", "Add a tag", body=NEW, answers={201: TAG}, problems=(404, 409))
def create(ask: Ask) -> Any:
    """Put a tag on the list, in any state."""
    given = dict(ask.body)
    value, kind = given.pop("value"), given.pop("kind", "id_tag")
    status = given.pop("status", TagStatus.ACTIVE)
    with unit_of_work() as db:
        tag = tags.add(
            db,
            ask.actor,
            value,
            TagFacts(**given),
            tenant_id=ask.tenant_id,
            now=ask.now,
            kind=kind,
        )
        _set_status(db, ask, tag, status)
    return Reply(201, _judged(ask, tag), {"Location": f"/api/v1/tags/{tag.id}"})


@noun.patch(
    "/tags/{tag_id}", "operator", "Change a tag", body=CHANGES, answers={200: TAG}, problems=(409,)
)
def edit(ask: Ask, tag_id: int) -> Any:
    """Change what is given and leave the rest; `status` blocks and unblocks."""
    tag, given = ask.get(Tag, tag_id, "tag"), dict(ask.body)
    status = given.pop("status", None)
    with unit_of_work() as db:
        if given:
            tags.edit(db, ask.actor, tag, replace(tags.facts_of(db, tag), **given), now=ask.now)
        _set_status(db, ask, tag, status)
    return _judged(ask, tag)


@noun.post("/tags/{tag_id}/archive", "operator", "Archive a tag", answers={200: TAG})
def archive(ask: Ask, tag_id: int) -> Any:
    """Take a tag off the list; its history stays."""
    tag = ask.get(Tag, tag_id, "tag")
    with unit_of_work() as db:
        tags.archive(db, ask.actor, tag, now=ask.now)
    return _judged(ask, tag)


@noun.post(
    "/tags/{tag_id}/restore", "operator", "Restore a tag", answers={200: TAG}, problems=(409,)
)
def restore(ask: Ask, tag_id: int) -> Any:
    """Put an archived tag back on the list."""
    tag = ask.get(Tag, tag_id, "tag")
    with unit_of_work() as db:
        tags.restore(db, ask.actor, tag, now=ask.now)
    return _judged(ask, tag)


def _set_status(db: Session, ask: Ask, tag: Tag, status: TagStatus | None) -> None:
    if status is TagStatus.BLOCKED:
        tags.block(db, ask.actor, tag, now=ask.now)
    elif status is TagStatus.ACTIVE:
        tags.unblock(db, ask.actor, tag, now=ask.now)


def _judged(ask: Ask, tag: Tag) -> Tag:
    tag.expired_now = tag.expires_at is not None and tag.expires_at <= ask.now  # type: ignore[attr-defined]
    return tag
