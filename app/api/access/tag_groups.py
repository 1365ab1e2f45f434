"""Tag groups: tags that may stop each other's sessions."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.access import tag_groups
from app.domain.access.tag_groups import LONGEST_PARENT, GroupFacts
from app.models import TagGroup
from app.uow import unit_of_work

noun = Noun("tag-groups", "Tags that belong together.")
blueprint = noun.blueprint

GROUP = _rows.shape(
    "TagGroup",
    "A group; `parent` is OCPP’s parentIdTag. `site_ids`: whose matter it is; none: of all sites. "
    "`master_pass`: its tags end any session where they are allowed, and begin none.",
    TagGroup,
    site_ids=s.listed(s.integer(), read=lambda row: [site.id for site in row.sites]),
)
_REST = {
    "parent": s.text(most=LONGEST_PARENT, null=True),
    "tariff_id": s.row_id(null=True),
    "site_ids": s.row_ids(),
    "master_pass": s.boolean(),
}
NEW = Body(
    "NewTagGroup", "A group; without `parent` one is made.", {"name": s.text(most=120)}, _REST
)
CHANGES = Body("TagGroupChanges", "What is to be different.", {}, {**NEW.required, **_REST})


@noun.get(
    "/tag-groups",
    "viewer",
    "List tag groups",
    answers={200: Pages(GROUP)},
    query={"name": s.text(most=120)},
)
def list_(ask: Ask) -> Any:
    """The groups, in the order in which they were made."""
    query = select(TagGroup).options(selectinload(TagGroup.sites))
    if "name" in ask.query:
        query = query.where(TagGroup.name == ask.query["name"])
    return ask.page(query, TagGroup.id, newest=False)


@noun.get("/tag-groups/{group_id}", "viewer", "Read a tag group", answers={200: GROUP})
def show(ask: Ask, group_id: int) -> Any:
    """One group; its tags are at /tags?group_id=…"""
    return ask.get(TagGroup, group_id, "group")


@noun.post(
    "/tag-groups",
    "operator",
    "Add a tag group",
    body=NEW,
    answers={201: GROUP},
    problems=(404, 409),
)
def create(ask: Ask) -> Any:
    """Make a group."""
    with unit_of_work() as db:
        group = tag_groups.add(
            db, ask.actor, GroupFacts(**ask.body), tenant_id=ask.tenant_id, now=ask.now
        )
    return Reply(201, group, {"Location": f"/api/v1/tag-groups/{group.id}"})


@noun.patch(
    "/tag-groups/{group_id}",
    "operator",
    "Change a tag group",
    body=CHANGES,
    answers={200: GROUP},
    problems=(409,),
)
def edit(ask: Ask, group_id: int) -> Any:
    """Change what is given and leave the rest."""
    group = ask.get(TagGroup, group_id, "group")
    with unit_of_work() as db:
        facts = replace(tag_groups.facts_of(group), **ask.body)
        tag_groups.edit(db, ask.actor, group, facts, now=ask.now)
    return group


@noun.delete(
    "/tag-groups/{group_id}",
    "operator",
    "Delete a tag group",
    answers={204: None},
    problems=(409,),
)
def remove(ask: Ask, group_id: int) -> Any:
    """Delete a group that holds no tags."""
    group = ask.get(TagGroup, group_id, "group")
    with unit_of_work() as db:
        tag_groups.remove(db, ask.actor, group, now=ask.now)
