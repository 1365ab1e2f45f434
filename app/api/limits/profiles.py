"""The library of charging profiles, from which stations are given theirs."""

from typing import Any

from sqlalchemy import select

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body
from app.domain.limits import profiles
from app.models import ChargingProfile
from app.uow import unit_of_work

noun = Noun("charging-profiles", "Profiles that may be assigned by the order set_profile.")
blueprint = noun.blueprint

PROFILE = _rows.shape("ChargingProfile", "A charging profile of the library.", ChargingProfile)
_NOTE = {"note": s.text(most=500, null=True)}
NEW = Body(
    "NewChargingProfile",
    "A profile; `document` is what the order set_profile takes as its profile.",
    {"name": s.text(least=1, most=120), "document": s.free()},
    _NOTE,
)
CHANGES = Body("ChargingProfileChanges", "What is to be different.", {}, {**NEW.required, **_NOTE})


@noun.get(
    "/charging-profiles",
    "viewer",
    "List the library",
    answers={200: Pages(PROFILE)},
    query={"archived": s.boolean()},
)
def list_(ask: Ask) -> Any:
    """The profiles of the library, in the order in which they were made."""
    gone = ChargingProfile.archived_at.is_not(None)
    query = select(ChargingProfile).where(gone if ask.query.get("archived") else ~gone)
    return ask.page(query, ChargingProfile.id, newest=False)


@noun.get("/charging-profiles/{profile_id}", "viewer", "Read a profile", answers={200: PROFILE})
def show(ask: Ask, profile_id: int) -> Any:
    """One profile of the library."""
    return ask.get(ChargingProfile, profile_id, "charging profile")


@noun.post(
    "/charging-profiles",
    "operator",
    "Add a profile",
    body=NEW,
    answers={201: PROFILE},
    problems=(409,),
)
def create(ask: Ask) -> Any:
    """Put a profile into the library."""
    given = dict(ask.body)
    with unit_of_work() as db:
        profile = profiles.add(
            db,
            ask.actor,
            given["name"],
            given["document"],
            tenant_id=ask.tenant_id,
            now=ask.now,
            note=given.get("note"),
        )
    return Reply(201, profile, {"Location": f"/api/v1/charging-profiles/{profile.id}"})


@noun.patch(
    "/charging-profiles/{profile_id}",
    "operator",
    "Change a profile",
    body=CHANGES,
    answers={200: PROFILE},
    problems=(409,),
)
def edit(ask: Ask, profile_id: int) -> Any:
    """Change a profile; stations that have it keep what they were sent."""
    profile = ask.get(ChargingProfile, profile_id, "charging profile")
    with unit_of_work() as db:
        now = {"name": profile.name, "document": profile.document, "note": profile.note}
        given = {**now, **ask.body}
        profiles.edit(
            db,
            ask.actor,
            profile,
            given["name"],
            given["document"],
            now=ask.now,
            note=given["note"],
        )
    return profile


@noun.post(
    "/charging-profiles/{profile_id}/archive",
    "operator",
    "Archive a profile",
    answers={200: PROFILE},
)
def archive(ask: Ask, profile_id: int) -> Any:
    """Put a profile away; stations that have it keep it."""
    profile = ask.get(ChargingProfile, profile_id, "charging profile")
    with unit_of_work() as db:
        profiles.archive(db, ask.actor, profile, now=ask.now)
    return profile


@noun.post(
    "/charging-profiles/{profile_id}/restore",
    "operator",
    "Restore a profile",
    answers={200: PROFILE},
)
def restore(ask: Ask, profile_id: int) -> Any:
    """Take a profile out of the archive."""
    profile = ask.get(ChargingProfile, profile_id, "charging profile")
    with unit_of_work() as db:
        profiles.restore(db, ask.actor, profile, now=ask.now)
    return profile
