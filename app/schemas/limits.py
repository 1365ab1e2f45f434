"""Charging profiles and setpoints as they are sent, and what their lists are asked for."""

from typing import Literal

from app.domain.ground.vocabulary import Json, ProfileState
from app.schemas.base import (
    Exact,
    RowId,
    Schema,
    Text,
    Whole,
    changes,
    left_out,
    needed,
)


class NewChargingProfile(Schema):
    """A profile; `document` is what the order set_profile takes as its own."""

    name: Text = needed(min_length=1, max_length=120)
    document: Json = needed(
        "`purpose` (station_max, default, session, external, priority or generation), `kind` "
        "(absolute, daily, weekly, relative or dynamic), `unit` (A or W) and `periods` of "
        "`start_s`, `limit` and `phases`; beside these `stack_level`, `duration_s`, `min_rate`, "
        "`starts_at`, `valid_from`, `valid_to`, `max_offline_s` and `update_every_s`."
    )
    note: Text | None = left_out(max_length=500)


ChargingProfileChanges = changes(NewChargingProfile)


class SetpointWish(Schema, example={"limit": 16, "unit": "A"}):
    """What the session at an EVSE shall get: `limit` in amperes per phase, or watts of all
    phases."""

    limit: Exact = needed()
    unit: Literal["A", "W"] = needed()
    phases: Whole = left_out(ge=1, le=3)
    expires_in_s: Whole = left_out(ge=1, le=600)


class StationProfiles(Schema):
    """Which charging profiles of a station are listed."""

    evse: RowId = left_out()
    state: ProfileState = left_out()


class CompositeSchedules(Schema):
    """Which composite schedules are listed."""

    evse: RowId = left_out()
