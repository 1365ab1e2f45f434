"""Where the site's wall clock passes a tariff's boundaries, as instants.

All comparisons are made with the wall clock as it shows at an instant.  In the
hour that a clock repeats in autumn a window may therefore hold twice, and in
the hour that it leaves out in spring a boundary is passed by the jump itself.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_DAY_MIN = 24 * 60


def boundaries(
    zone: ZoneInfo, start: datetime, end: datetime, minutes: Iterable[int]
) -> set[datetime]:
    """The instants between `start` and `end` at which the clock may pass one of `minutes`.

    `minutes` are minutes of the day.  Changes of the zone's offset belong to
    them; an instant too many does no harm.
    """
    wanted = {minute % _DAY_MIN for minute in minutes}
    if not wanted:
        return set()
    found = set()
    day = start.astimezone(zone).date() - _DAY
    last = end.astimezone(zone).date() + _DAY
    while day <= last:
        for minute in wanted:
            naive = datetime.combine(day, time(minute // 60, minute % 60))
            for fold in (0, 1):
                found.add(naive.replace(tzinfo=zone, fold=fold).astimezone(UTC))
        day += _DAY
    found.update(_offset_changes(zone, start, end))
    return {instant for instant in found if start < instant < end}


def _offset_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instants, to the second, at which the zone's offset from UTC changes."""
    low = start.replace(microsecond=0)
    while low < end:
        high = min(low + _DAY, end + timedelta(seconds=1))
        if _offset(zone, low) != _offset(zone, high):
            yield _change_between(zone, low, high)
        low = high


def _change_between(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    before = _offset(zone, low)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle <= low:
            break
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta | None:
    return instant.astimezone(zone).utcoffset()
