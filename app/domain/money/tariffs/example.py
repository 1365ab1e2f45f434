"""An imagined session, for the price calculator of a tariff."""

from datetime import datetime, timedelta
from decimal import Decimal

from app.domain.money.tariffs.quote import Usage


def example_usage(
    started_at: datetime,
    *,
    energy_kwh: Decimal,
    charging_min: int,
    idle_min: int = 0,
    timezone: str = "UTC",
) -> Usage:
    """A session that takes its energy evenly over `charging_min` minutes and then stands idle."""
    full_at = started_at + timedelta(minutes=charging_min)
    ended_at = full_at + timedelta(minutes=idle_min)
    return Usage(
        started_at=started_at,
        ended_at=ended_at,
        timezone=timezone,
        curve=((started_at, Decimal(0)), (full_at, energy_kwh * 1000)),
        charging=((started_at, full_at),) if charging_min else (),
        idle=((full_at, ended_at),) if idle_min else (),
    )
