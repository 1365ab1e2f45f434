"""Endpoints: who may charge: drivers, tag groups, tags, and what taps were answered with."""

from datetime import timedelta
from typing import Annotated, Any

from flask import Response
from pydantic import Field

from app.api.charging.sessions import BILL
from app.api.ground import _bulk, _lists, _rows
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun, finds
from app.api.ground._plain import Plain
from app.domain.access import drivers, forgetting, tag_groups
from app.domain.ground import texts
from app.domain.ground.vocabulary import Json, Token
from app.domain.money import statements
from app.models import Authorisation, Driver, Tag, TagGroup
from app.queries.access import person
from app.queries.access import tags as queries
from app.resource import DRIVERS, TAG_GROUPS, TAGS
from app.schemas import access as schemas
from app.schemas.answers import Answer, From, read
from app.schemas.base import Instant
from app.schemas.bulk import DriversBulk, TagsBulk
from app.schemas.staff import UnknownTags as UnknownTagsAsked
from app.text import statement_words
from app.uow import unit_of_work
from app.web import listing, person_file

driver_noun = Noun("drivers", "People who charge.")

DRIVER = _rows.answer(
    "Driver",
    "A person; receipts go to `email`. `site_ids`: whose matter they are; none: of all sites.",
    Driver,
    without=("email_key",),
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
)

_driver = finds(Driver, "driver")
plain_drivers = Plain(driver_noun, DRIVERS, DRIVER)
drivers_list = plain_drivers.list(
    "The drivers, in the order in which they were added.",
    schemas.Drivers,
    {"email": lambda email: Driver.email_key == texts.key(email)},
)
plain_drivers.show("One driver; the tags are at /tags?driver_id=…")
plain_drivers.create("Add a driver.", schemas.NewDriver, 409)
plain_drivers.edit("Change what is given and leave the rest.", schemas.DriverChanges)
plain_drivers.archive("Put a driver and their tags away; sessions, bills and receipts stay.")
plain_drivers.restore("Take a driver back; their tags are restored one by one.")
_bulk.hang(
    *(driver_noun, drivers.MANY, drivers_list, DriversBulk),
    "Put many drivers and their tags away, or take drivers back.",
)


# A driver's month.


class StatementSum(Answer):
    """What the bills of a month come to in one currency, credits taken off."""

    currency: str
    bills: Annotated[int, Field(description="Bills, credits and corrections.")]
    energy_wh: Annotated[float, From(lambda row: row.energy_wh)]
    net_minor: int
    tax_minor: int
    gross_minor: int


class DriverStatement(Answer):
    """A driver's bills that were issued in a month, on the clocks of their sites."""

    month: Annotated[str, Field(description="Like 2026-10.")]
    sums: Annotated[list[StatementSum], Field(description="One for each currency.")]
    bills: Annotated[list[BILL], Field(description="In the order they were issued.")]  # type: ignore[valid-type]


@driver_noun.get(
    "/drivers/{driver_id}/statements/{month}",
    "Read a driver’s statement of a month",
    answers={200: DriverStatement},
    problems=(422,),
)
def statement(ask: Ask, driver_id: int, month: str) -> Any:
    """The bills of a month, and what they come to, to the cent."""
    return statements.of(ask.db, _driver(ask, driver_id), statements.read_month(month))


@driver_noun.post(
    "/drivers/{driver_id}/statements/{month}/mail",
    "Mail a driver’s statement of a month",
    answers={202: DriverStatement},
    problems=(409, 422),
)
def statement_mail(ask: Ask, driver_id: int, month: str) -> Any:
    """Mail it to the driver, in their language; refused without an address or any bill."""
    driver, first = _driver(ask, driver_id), statements.read_month(month)
    with unit_of_work() as db:
        return statements.mail(db, ask.actor, driver, first, statement_words.letter, now=ask.now)


# The rights of a driver: what is kept, handed out and forgotten.


class PersonalRows(Answer):
    """Rows of one kind; the file holds them as JSON under its name."""

    name: Annotated[str, From(lambda row: row.kind.name)]
    title: Annotated[str, From(lambda row: row.kind.title)]
    count: int
    more: Annotated[bool, From(lambda row: row.more), Field(description="Beyond that count.")]


class Kept(Answer):
    """What stays of a driver who is forgotten."""

    what: str
    why: Annotated[str, Field(description="And until when.")]


class PersonalData(Answer):
    """What is kept of a driver, and what would stay."""

    items: list[PersonalRows]
    kept: list[Kept]


@driver_noun.get(
    "/drivers/{driver_id}/personal-data",
    "Count what is kept of a driver",
    answers={200: PersonalData},
    everywhere=True,
)
def personal_data(ask: Ask, driver_id: int) -> Json:
    """How many rows of each kind are about a driver, and what of it would outlast forgetting."""
    driver = _driver(ask, driver_id)
    kept = [{"what": what, "why": why} for what, why in forgetting.KEPT]
    return {"items": person.counts(ask.db, driver), "kept": kept}


@driver_noun.get(
    "/drivers/{driver_id}/personal-data/file",
    "Export all that is kept of a driver",
    answers={200: File("application/zip", "index.html, and a JSON array for each kind of rows.")},
    everywhere=True,
)
def personal_file(ask: Ask, driver_id: int) -> Response:
    """All that is kept of a driver, as they may ask for it; the audit notes it."""
    driver = _driver(ask, driver_id)
    parts = person_file.pack(ask.db, ask.actor, driver, now=ask.now)
    return listing.sent(parts, "application/zip", person_file.name_of(driver, ask.now))


driver_noun.decide(
    "/drivers/{driver_id}/forget",
    "Forget a driver",
    "Replace name, addresses and tags by a pseudonym, for good; bills keep numbers and amounts. "
    "The message log follows within minutes. Not while a session, bill or receipt is under way.",
    *(DRIVER, _driver, forgetting.forget),
    body=schemas.Forgetting,
    problems=(409,),
    everywhere=True,
)


# Tag groups: tags that may stop each other's sessions.

group_noun = Noun("tag-groups", "Tags that belong together.")

GROUP = _rows.answer(
    "TagGroup",
    "A group; `parent` is OCPP’s parentIdTag. `site_ids`: whose matter it is; none: of all sites. "
    "`master_pass`: its tags end any session where they are allowed, and begin none.",
    TagGroup,
    site_ids=read(list[int], lambda row: [site.id for site in row.sites]),
)


plain_groups = Plain(group_noun, TAG_GROUPS, GROUP, called="tag group")
plain_groups.list("The groups, in the order in which they were made.", schemas.TagGroups)
plain_groups.show("One group; its tags are at /tags?group_id=…")
plain_groups.create("Make a group.", schemas.NewTagGroup, 409)
plain_groups.edit("Change what is given and leave the rest.", schemas.TagGroupChanges)


group_noun.decide(
    "/tag-groups/{group_id}",
    "Delete a tag group",
    "Delete a group that holds no tags.",
    *(None, plain_groups.row, tag_groups.remove),
    name="remove",
    method="DELETE",
    status=204,
    result=True,
    problems=(409,),
)


# Tags in any state: cards, fobs and app tokens, blocked and expired ones too.

tag_noun = Noun("tags", "What drivers show: cards, fobs, app tokens.")

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


plain_tags = Plain(tag_noun, TAGS, TAG, seen=_judged)
tags_list = plain_tags.list(
    "The tags on the list, in the order in which they were added.",
    schemas.Tags,
    {"value": lambda value: Tag.key == Token(value).key},
)
plain_tags.show("One tag.")
plain_tags.create("Put a tag on the list, in any state.", schemas.NewTag, 409)
plain_tags.edit(
    "Change what is given and leave the rest; `status` blocks and unblocks.", schemas.TagChanges
)
plain_tags.archive("Take a tag off the list; its history stays.")
plain_tags.restore("Put an archived tag back on the list.", 409)


_bulk.hang(
    *(tag_noun, tag_groups.MANY, tags_list, TagsBulk),
    "Block, unblock, archive or restore many tags, or put them into a group.",
)


# Taps: every decision about a tag that was shown, with its reason.

tap_noun = Noun("authorisations", "Decisions about taps, the newest first.")

TAP = _rows.answer(
    "Authorisation",
    "One decision about a tap: `reason` is a stable code, `sentence` says it in words.",
    Authorisation,
    renamed={"token": "id_tag"},
)


_lists.hang(
    *(tap_noun, "/authorisations", "List authorisations"),
    "What taps were answered with, and why.",
    *(Authorisation, TAP),
    asked=schemas.Taps,
    ways={"id_tag": lambda tag: queries.of_token(Authorisation, tag)},
    at="at",
)


class UnknownTag(Answer):
    """A tag that was tapped and is on no list: how often, and its newest tap."""

    id_tag: Annotated[str, From(lambda row: row.token)]
    taps: int
    first_at: Instant
    last_at: Annotated[Instant, From(lambda row: row.last.at)]
    station_id: Annotated[int, From(lambda row: row.last.station_id)]


class UnknownTags(Answer):
    """Tags that were tapped and are on no list, the newest first."""

    items: list[UnknownTag]


@tap_noun.get(
    "/unknown-tags",
    "List unknown tags",
    answers={200: UnknownTags},
    query=UnknownTagsAsked,
)
def unknown(ask: Ask) -> Json:
    """What was tapped and is on no list yet; add one with POST /tags."""
    since = ask.now - timedelta(days=ask.query.get("days", 7))
    return {"items": queries.unknown(ask.db, since)}
