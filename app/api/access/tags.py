"""Tags in any state: cards, fobs and app tokens, blocked and expired ones too."""

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun
from app.api.ground._plain import Plain
from app.api.ground._shapes import Body
from app.domain.ground.vocabulary import TagStatus, Token
from app.models import Tag
from app.resource import TAGS

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


def _judged(ask: Ask, rows: list[Tag]) -> None:
    for tag in rows:
        tag.expired_now = tag.expires_at is not None and tag.expires_at <= ask.now  # type: ignore[attr-defined]


plain = Plain(noun, TAGS, TAG, seen=_judged)
plain.list(
    "The tags on the list, in the order in which they were added.",
    {
        "value": (
            s.text("Compared as a charger’s is: case does not count.", most=255),
            lambda _, value: Tag.key == Token(value).key,
        ),
        "status": s.word(TagStatus),
        "driver_id": s.row_id(),
        "group_id": s.row_id(),
    },
)
plain.show("One tag.")
plain.create("Put a tag on the list, in any state.", NEW, 404, 409)
plain.edit("Change what is given and leave the rest; `status` blocks and unblocks.", CHANGES)
plain.archive("Take a tag off the list; its history stays.")
plain.restore("Put an archived tag back on the list.", 409)
