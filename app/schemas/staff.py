"""Staff, tokens, the audit and what needs attention: what is sent, and what is asked for."""

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.ground.vocabulary import Area, Right
from app.schemas.base import (
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
from app.schemas.network import Messages, Spanned


class NewPerson(
    Schema, example={"email": "grace@example.org", "name": "Grace Hopper", "role": "operator"}
):
    """A member of staff to be invited by mail."""

    email: Text = needed("Where the invitation goes; signs in with it.", max_length=254)
    name: Text = needed("As the audit names it.", min_length=1, max_length=120)
    role: Text = needed("admin, operator, viewer, or a role of one’s own.", max_length=60)
    site_ids: RowIds = left_out("Limits the reach to these sites; none: all sites.")
    timezone: Text | None = left_out("IANA name; null: that of the site.", max_length=64)
    language: Text = left_out("en or de.", max_length=8)


PersonChanges = changes(NewPerson, example={"role": "viewer", "site_ids": [1]})


class People(Schema):
    """Which members of staff are listed."""

    email: Text = left_out("In any case.", max_length=254)
    role: Text = left_out("With this role, and no other.", max_length=60)
    archived: Flag = left_out("True: those who are deactivated instead.")


def _rights(given: Any) -> dict[Area, Right]:
    try:
        found = {Area(area): Right(right) for area, right in given.items()}
    except (AttributeError, TypeError, ValueError):
        words = ", ".join(Area)
        raise PydanticCustomError(
            "kept", f"rights name areas, each read or write: {words}."
        ) from None
    if not found:
        raise PydanticCustomError("kept", "rights name one area at least.")
    return found


#: area -> what may be done there; an area that is left out is closed.
RightsGiven = Annotated[
    Any,
    PlainValidator(_rights),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"enum": [area.value for area in Area]},
            "additionalProperties": {"enum": [right.value for right in Right]},
            "minProperties": 1,
        }
    ),
]


class NewRole(Schema, example={"name": "Accounting", "rights": {"money": "read"}}):
    """A role to be made."""

    name: Text = needed("Unlike any other role.", min_length=1, max_length=60)
    rights: RightsGiven = needed("Area to read or write; what is left out is closed.")


RoleChanges = changes(NewRole, example={"rights": {"money": "write", "tariffs": "read"}})


class NewMachine(
    Schema, example={"name": "Accounting system", "role": "Accounting", "owner_id": 1}
):
    """A machine to be added: it has tokens, and nobody signs in as it."""

    name: Text = needed("Unlike any other machine.", min_length=1, max_length=120)
    role: Text = needed("admin, operator, viewer, or a role of one’s own.", max_length=60)
    owner_id: RowId = left_out("The person who answers for it; left out: whoever asks.")
    site_ids: RowIds = left_out("Limits the reach to these sites; none: all sites.")


MachineChanges = changes(NewMachine, example={"owner_id": 4})


class NewApiToken(
    Schema,
    example={"name": "Fleet portal", "user_id": 3, "days": 90, "rights": {"network": "read"}},
):
    """A token to be made; it may do what its member of staff may, or less."""

    name: Text = needed("What it is for.", min_length=1, max_length=120)
    user_id: RowId = left_out("Whose it is; left out: whoever asks.")
    days: Whole | None = left_out("How long it works; null: until it is revoked.", ge=1, le=3650)
    rights: RightsGiven = left_out("Narrows it to these; left out: all that its person may.")
    site_ids: RowIds = left_out("Narrows it to these sites; none: all that its person sees.")


class ApiTokens(Schema):
    """Which tokens are listed."""

    user_id: RowId = left_out("Of one member of staff.")
    revoked: Flag = left_out("True: those that were revoked; false: those that were not.")


class Audit(Spanned):
    """Which entries are listed."""

    action: Text = left_out("As station.register.", max_length=60)
    user_id: RowId = left_out("Done by this member of staff, or this machine.")
    token_id: RowId = left_out("Done through this API token.")
    subject_kind: Text = left_out("What it was done to, as Station.", max_length=40)
    subject_id: RowId = left_out("The number of that.")


class Search(Schema):
    """What is looked for."""

    q: Text = left_out("Part of a name or number, or a whole message id.", max_length=100)


class Seen(
    Schema,
    example={"kind": "unknown_tag", "subject": "04a2b3c4", "up_to": "2026-03-02T09:00:00Z"},
):
    """What was looked at and needs nothing more, until it happens again."""

    kind: Text = needed("As the finding tells it.", max_length=40)
    subject: Text = needed("As the finding tells it.", max_length=300)
    up_to: Instant = needed("When it was looked at; what comes later is news.")


class UnknownTags(Schema):
    """Which taps of tags that are on no list count."""

    days: Whole = left_out("So long ago at most; 7 if left out.", ge=1, le=90)


class AllMessages(Messages):
    """Which messages of the log are listed."""

    station_id: RowId = left_out("With this station.")
