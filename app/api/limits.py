"""Endpoints: how much may be drawn: charging profiles, schedules, what cars need, and the grid."""

from app.api.ground import _rows
from app.api.ground._noun import Noun
from app.api.ground._plain import Plain
from app.models import ChargingProfile
from app.resource import PROFILES
from app.schemas import limits as schemas
from app.schemas.base import Archived

noun = Noun("charging-profiles", "Profiles that may be assigned by the order set_profile.")

PROFILE = _rows.answer("ChargingProfile", "A charging profile of the library.", ChargingProfile)


plain = Plain(noun, PROFILES, PROFILE, called="profile")
plain.list(
    "The profiles of the library, in the order in which they were made.",
    Archived,
    summary="List the library",
)
plain.show("One profile of the library.")
plain.create("Put a profile into the library.", schemas.NewChargingProfile, 409)
plain.edit(
    "Change a profile; stations that have it keep what they were sent.",
    schemas.ChargingProfileChanges,
)
plain.archive("Put a profile away; stations that have it keep it.")
plain.restore("Take a profile out of the archive.")
