"""Tags in any state: cards, fobs and app tokens, blocked and expired ones too."""

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.domain.ground.vocabulary import Token
from app.models import Tag
from app.resource import TAGS
from app.schemas import access as schemas
from app.schemas.answers import read

noun = Noun("tags", "What drivers show: cards, fobs, app tokens.")
blueprint = noun.blueprint

TAG = _rows.answer(
    "Tag",
    "A tag. `expired`: its time is over. No sites and no stations: it charges everywhere.",
    Tag,
    without=("key", "bare_key"),
    expired=read(bool, lambda row: row.expired_now),
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
    station_ids=read(list[int], lambda row: [there.id for there in row.stations]),
)


def _judged(ask: Ask, rows: list[Tag]) -> None:
    for tag in rows:
        tag.expired_now = tag.expires_at is not None and tag.expires_at <= ask.now  # type: ignore[attr-defined]


plain = Plain(noun, TAGS, TAG, seen=_judged)
plain.list(
    "The tags on the list, in the order in which they were added.",
    schemas.Tags,
    {"value": lambda _, value: Tag.key == Token(value).key},
)
plain.show("One tag.")
plain.create("Put a tag on the list, in any state.", schemas.NewTag, 404, 409)
plain.edit(
    "Change what is given and leave the rest; `status` blocks and unblocks.", schemas.TagChanges
)
plain.archive("Take a tag off the list; its history stays.")
plain.restore("Put an archived tag back on the list.", 409)
