"""Tariffs and sessions for tests, written as a person would write them down."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from app.domain.money.tariffs import Tariff, Usage, from_json

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, fold: int = 0) -> datetime:
    """A wall-clock time of the site as an instant."""
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return local.astimezone(UTC)


def tariff(*components: dict[str, object], **rest: object) -> Tariff:
    """A tariff of these components, in euros unless `currency` is given."""
    return from_json({"schema": 1, "currency": "EUR", "components": list(components), **rest})


def usage(
    start: str, end: str, readings: list[tuple[str, int]], charging_until: str | None = None
) -> Usage:
    """A session that charges from its start on; what is left is idle time."""
    started, ended = at(start), at(end)
    full = at(charging_until) if charging_until else ended
    return Usage(
        started_at=started,
        ended_at=ended,
        timezone=BERLIN,
        curve=((started, Decimal(0)), *((at(when), Decimal(wh)) for when, wh in readings)),
        charging=((started, full),),
        idle=((full, ended),) if full < ended else (),
    )
