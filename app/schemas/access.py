"""Tags, tag groups and drivers as they are sent, and what their lists are asked for."""

from typing import Literal

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import TagStatus, Verdict
from app.schemas.base import (
    Asked,
    Flag,
    Instant,
    RowId,
    RowIds,
    Schema,
    Text,
    Whole,
    changes,
    left_out,
    needed,
)

#: OCPP 1.6 gives a parentIdTag this many characters (CiString20).
LONGEST_PARENT = 20
#: Languages of the receipts.
Language = Literal["en", "de"]


_DRIVER_NAME = Asked(N_("Name"), missing=N_("Type a name."), look={"autocomplete": "off"})
_EMAIL = Asked(
    N_("E-mail"),
    N_("Receipts go here. Empty: bills are made, but no receipt is sent."),
    look={"type": "email", "autocomplete": "off"},
)
_PARENT = Asked(
    N_("Parent token"),
    N_("What chargers know the group by (parentIdTag). Empty: made from the name."),
    look={"autocomplete": "off", "spellcheck": "false"},
)
_MASTER_PASS = Asked(
    N_("Master pass"),
    N_(
        "Its tags end any session at stations where they are allowed, and begin none. "
        "Stations of OCPP 2.x know it by MasterPassGroupId, which is the parent token."
    ),
)
_STATEMENTS = Asked(
    N_("Monthly statement by mail"),
    N_("On the first of each month: all bills of the month before, with their sums."),
)
_GROUP_STATEMENTS = Asked(
    N_("Monthly statements by mail"),
    N_("Each driver with a tag of this group gets one on the first of each month."),
)
_LABEL = Asked(N_("Label"), N_("What it looks like or where it hangs: “red card”, “key box”."))


class NewDriver(Schema, example={"name": "Ada Lovelace", "email": "ada@example.org"}):
    """A driver to be added."""

    name: Text = needed("", _DRIVER_NAME, min_length=1, max_length=120)
    email: Text | None = left_out("Where receipts go; empty for none.", _EMAIL, max_length=254)
    language: Language = left_out("Of the receipts.")
    tariff_id: RowId | None = left_out()
    note: Text | None = left_out("", Asked(N_("Note"), look={"rows": 3}), max_length=500)
    statements: Flag = left_out("Whether a statement is mailed each month.", _STATEMENTS)
    site_ids: RowIds = left_out()


DriverChanges = changes(NewDriver, example={"email": "ada@example.org"})


class Drivers(Schema):
    """Which drivers are listed."""

    email: Text = left_out("In any case.", max_length=254)
    archived: Flag = left_out()


class Forgetting(Schema, example={"name": "Ada Lovelace"}):
    """Which driver is forgotten: said twice, as nobody can undo it."""

    name: Text = needed("The driver’s name, as it is now.", min_length=1, max_length=120)


class NewTagGroup(Schema, example={"name": "Fleet"}):
    """A group; without `parent` one is made."""

    name: Text = needed("", Asked(N_("Name"), missing=N_("Type a name.")), max_length=120)
    parent: Text | None = left_out(
        "parentIdTag that chargers know it by; made from the name without.",
        _PARENT,
        max_length=LONGEST_PARENT,
    )
    tariff_id: RowId | None = left_out()
    site_ids: RowIds = left_out()
    master_pass: Flag = left_out(
        "Its tags end any session where they are allowed, and begin none.", _MASTER_PASS
    )
    statements: Flag = left_out(
        "Whether drivers with a tag of it are mailed a statement each month.", _GROUP_STATEMENTS
    )


TagGroupChanges = changes(NewTagGroup, example={"tariff_id": 2})


class TagGroups(Schema):
    """Which groups are listed."""

    name: Text = left_out(max_length=120)


class NewTag(Schema, example={"value": "04A2F6C1", "expires_at": "2020-01-01T00:00:00Z"}):
    """A tag to be put on the list."""

    value: Text = needed(min_length=1, max_length=255)
    kind: Text = left_out("id_tag, or a type of OCPP 2.x.", max_length=40)
    status: TagStatus = left_out()
    label: Text | None = left_out("", _LABEL, max_length=120)
    driver_id: RowId | None = left_out()
    group_id: RowId | None = left_out()
    expires_at: Instant | None = left_out("May lie in the past: an expired tag.")
    concurrent_limit: Whole | None = left_out("Sessions at once; null: no limit.")
    site_ids: RowIds = left_out()
    station_ids: RowIds = left_out()


TagChanges = changes(NewTag, without=("value", "kind"), example={"status": "blocked"})


class Tags(Schema):
    """Which tags are listed."""

    value: Text = left_out("Compared as a charger’s is: case does not count.", max_length=255)
    status: TagStatus = left_out()
    driver_id: RowId = left_out()
    group_id: RowId = left_out()
    archived: Flag = left_out()


class Taps(Schema):
    """Which decisions about taps are listed."""

    station_id: RowId = left_out()
    tag_id: RowId = left_out()
    session_id: RowId = left_out()
    id_tag: Text = left_out("In any case.", max_length=255)
    verdict: Verdict = left_out()
    occasion: Literal["authorize", "start", "stop"] = left_out()
    since: Instant = left_out("At this moment or later.")
