"""What belongs to the orders about energy: their preparations and consequences, in one table."""

from app.domain import (
    battery_swaps,
    composite_schedules,
    der,
    dynamic_profiles,
    profile_reports,
    station_profiles,
    station_tariffs,
)
from app.domain.prepared import Preparation
from app.domain.vocabulary import Order

PREPARATIONS: dict[Order, Preparation] = {
    **station_profiles.PREPARATIONS,
    **profile_reports.PREPARATIONS,
    **dynamic_profiles.PREPARATIONS,
    **composite_schedules.PREPARATIONS,
    **der.PREPARATIONS,
    **station_tariffs.PREPARATIONS,
    **battery_swaps.PREPARATIONS,
}

CONSEQUENCES = {
    **station_profiles.CONSEQUENCES,
    **profile_reports.CONSEQUENCES,
    **dynamic_profiles.CONSEQUENCES,
    **composite_schedules.CONSEQUENCES,
    **der.CONSEQUENCES,
    **station_tariffs.CONSEQUENCES,
}
