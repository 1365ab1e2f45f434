"""A time as people type it, on the clock of a place, and the instant that it means.  Pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.domain.ground.errors import Invalid


def instant(typed: datetime, zone: str, *, field: str | None = None) -> datetime:
    """The instant of a time on a zone's clock; one with an offset of its own means what it says.

    Raises `Invalid` for a time that the clock leaves out in spring or shows twice
    in autumn: which of the two is meant nobody can tell.
    """
    if typed.tzinfo is not None:
        return typed.astimezone(UTC)
    place = ZoneInfo(zone)
    try:
        first, second = (typed.replace(tzinfo=place, fold=n).astimezone(UTC) for n in (0, 1))
    except OverflowError:
        raise Invalid("This time lies outside all calendars in use.", field=field) from None
    clock = typed.strftime("%H:%M")
    if first.astimezone(place).replace(tzinfo=None) != typed:
        sentence = f"There is no {clock} on that day in {zone}: the clocks go forward over it."
        raise Invalid(sentence, field=field)
    if first != second:
        sentence = (
            f"It is {clock} twice on that day in {zone}, because the clocks go back: "
            "choose a time before or after that hour."
        )
        raise Invalid(sentence, field=field)
    return first
