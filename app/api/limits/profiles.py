"""The library of charging profiles, from which stations are given theirs."""

from app.api.ground import _rows
from app.api.ground import _shapes as s
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.api.ground._shapes import Body
from app.models import ChargingProfile
from app.resource import PROFILES

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


plain = Plain(noun, PROFILES, PROFILE, called="profile")
plain.list(
    "The profiles of the library, in the order in which they were made.",
    summary="List the library",
)
plain.show("One profile of the library.")
plain.create("Put a profile into the library.", NEW, 409)
plain.edit("Change a profile; stations that have it keep what they were sent.", CHANGES)
plain.archive("Put a profile away; stations that have it keep it.")
plain.restore("Take a profile out of the archive.")
