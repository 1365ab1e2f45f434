"""Timestamps as chargers write them, and the one form in which we write them.

Chargers leave out the offset, write `+02`, put a space for the T or up to nine decimals (FIELD T1);
we send whole seconds with a Z, which all of them can read (FIELD T3).
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

_FORM = re.compile(
    r"""(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)
        (?:[T\ t_]\s*
           (?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,12}))?)?
        )?
        \s*(?P<zone>Z|z|UTC|GMT|(?P<sign>[+\-\u2212])(?P<zh>\d\d?)(?::?(?P<zm>\d\d))?)?""",
    re.VERBOSE | re.ASCII,
)
_LONGEST = 64
#: Lengths of `YYYY-MM-DDTHH:MM:SSZ` without and with three or six decimals.
_COMMON_LENGTHS = (20, 24, 27)


class Instant(NamedTuple):
    """A point in time that was read.

    `at` is aware and in UTC; `assumed_zone` says that the text named no offset and UTC was taken.
    """

    at: datetime
    assumed_zone: bool = False


def read_instant(value: object) -> Instant | None:
    """Read a timestamp, or None when it is none or lies outside of the years 1 to 9999."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    if value[-1:] == "Z" and value[10:11] == "T" and len(value) in _COMMON_LENGTHS:
        try:
            return Instant(datetime.fromisoformat(value))
        except ValueError:
            pass  # a leap second, or no timestamp at all: the slow way tells
    match = _FORM.fullmatch(value.strip())
    if match is None:
        return None
    part = match.groupdict()
    fraction = (part["fraction"] or "")[:6].ljust(6, "0")
    second = int(part["second"] or 0)
    try:
        offset = _offset(part)
        # A leap second has no place in datetime; it is counted as the next second.
        moment = datetime(
            int(part["year"]),
            int(part["month"]),
            int(part["day"]),
            int(part["hour"] or 0),
            int(part["minute"] or 0),
            min(second, 59),
            int(fraction),
            tzinfo=offset or UTC,
        )
        if second == 60:
            moment += timedelta(seconds=1)
        elif second > 60:
            return None
        return Instant(moment.astimezone(UTC), assumed_zone=offset is None)
    except (ValueError, OverflowError):
        return None


def format_instant(moment: datetime) -> str:
    """Write an aware datetime as `YYYY-MM-DDTHH:MM:SSZ`.

    Raises ValueError for a naive one: it would be guessed at by everyone who reads it.
    """
    if moment.tzinfo is None:
        raise ValueError("a timestamp for the wire needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def _offset(part: dict[str, str | None]) -> timezone | None:
    """The offset that was written; None when there was none."""
    if part["zone"] is None:
        return None
    if part["sign"] is None:
        return UTC
    span = timedelta(hours=int(part["zh"] or 0), minutes=int(part["zm"] or 0))
    return timezone(span if part["sign"] == "+" else -span)
