"""Tag groups: tags that may stop each other's sessions."""

from typing import Any

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.domain.access import tag_groups
from app.models import TagGroup
from app.resource import TAG_GROUPS
from app.schemas import access as schemas
from app.schemas.answers import read
from app.uow import unit_of_work

noun = Noun("tag-groups", "Tags that belong together.")
blueprint = noun.blueprint

GROUP = _rows.answer(
    "TagGroup",
    "A group; `parent` is OCPP’s parentIdTag. `site_ids`: whose matter it is; none: of all sites. "
    "`master_pass`: its tags end any session where they are allowed, and begin none.",
    TagGroup,
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
)


plain = Plain(noun, TAG_GROUPS, GROUP, called="tag group")
plain.list("The groups, in the order in which they were made.", schemas.TagGroups)
plain.show("One group; its tags are at /tags?group_id=…")
plain.create("Make a group.", schemas.NewTagGroup, 404, 409)
plain.edit("Change what is given and leave the rest.", schemas.TagGroupChanges)


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
