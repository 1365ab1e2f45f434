"""Reading the members of a payload the way real chargers write them, numbers and times included.

A dialect's handler asks for what it needs; a member that is missing, null or unusable gives the
default, so that the handler never has to doubt types.  Nothing here raises for what a charger
wrote.

Chargers leave the offset of a timestamp out, write `+02`, put a space for the T or up to nine
decimals (FIELD T1); we send whole seconds with a Z, which all of them can read (FIELD T3).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple, overload

_FORM = re.compile(
    r"""(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)
        (?:[T\ t_]\s*
           (?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,12}))?)?
        )?
        \s*(?P<zone>Z|z|UTC|GMT|(?P<sign>[+\-\u2212])(?P<zh>\d\d?)(?::?(?P<zm>\d\d))?)?""",
    re.VERBOSE | re.ASCII,
)
#: So many digits are seconds from 2001 to 2286, or thousandths or millionths of them.
_COUNTED = re.compile(r"([1-9]\d{9}(?:\d{3}){0,2})(?:\.\d{0,9})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 64
#: Stands between two values of one member; no-break spaces are in no charger's own words.
APART = "\u00a0|\u00a0"
#: Lengths of `YYYY-MM-DDTHH:MM:SSZ` without and with three or six decimals.
_COMMON_LENGTHS = (20, 24, 27)


class Instant(NamedTuple):
    """A point in time that was read.

    `at` is aware and in UTC; `assumed_zone` says that the text named no offset and UTC was taken.
    """

    at: datetime
    assumed_zone: bool = False


def read_instant(value: object) -> Instant | None:
    """Read a timestamp, or None when it is none or lies outside of the years 1 to 9999.

    Seconds, milliseconds or microseconds since 1970 are known by how many digits they have.
    """
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    if value[-1:] == "Z" and value[10:11] == "T" and len(value) in _COMMON_LENGTHS:
        try:
            return Instant(datetime.fromisoformat(value))
        except ValueError:
            pass  # a leap second, or no timestamp at all: the slow way tells
    match = _FORM.fullmatch(value.strip())
    if match is None:
        return _since_1970(value.strip())
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


def _since_1970(text: str) -> Instant | None:
    match = _COUNTED.fullmatch(text)
    if match is None:
        return None
    seconds = Decimal(text).scaleb(10 - len(match[1]))
    return Instant(_EPOCH + timedelta(microseconds=int(seconds * 1_000_000)))


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


_DECIMAL = re.compile(r"[+-]?(\d{1,30}([.,]\d{0,30})?|[.,]\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST_NUMBER = 64
_INT64 = 1 << 63
_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})


def read_decimal(value: object) -> Decimal | None:
    """A number as chargers write them in text (FIELD M2), exactly; None when it is none.

    Understands a leading plus, exponents, spaces around and a comma for the decimal point.
    `NaN`, `None`, infinities and the empty text are no numbers.
    """
    if isinstance(value, float):
        value = repr(value)  # the shortest text that means this float: what the charger wrote
    if type(value) is str and len(value) <= 30 and value.isascii():
        if value.replace(".", "", 1).isdigit():  # most are written so
            return Decimal(value)
    elif isinstance(value, bool) or value is None:
        return None
    elif isinstance(value, int):
        return Decimal(value)
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return None
    text = value.strip()
    if _DECIMAL.fullmatch(text) is None:
        return None
    return Decimal(text.replace(",", "."))


_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


def may_be_grouped(value: object) -> bool:
    """Whether the comma of a number may part its thousands (`2,100`) as well as its decimals."""
    return isinstance(value, str) and _GROUPED.fullmatch(value.strip()) is not None


def read_integer(value: object) -> int | None:
    """A whole number of at most 64 bits, also from text or a float without a fraction."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else None
    number = None if may_be_grouped(value) else read_decimal(value)
    if number is None or abs(number) >= _INT64 or number != number.to_integral_value():
        return None
    return int(number)


def read_boolean(value: object) -> bool | None:
    """A truth value, also from 0, 1 and words such as `true`."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


class Fields:
    """A payload, or an object within it, that is read leniently."""

    __slots__ = ("payload",)

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload

    def __contains__(self, name: str) -> bool:
        """Whether the member is there with a value; null counts as absent."""
        return self.payload.get(name) is not None

    def raw(self, name: str) -> Any:
        """The member as it came, None when absent."""
        return self.payload.get(name)

    @overload
    def text(self, name: str) -> str | None: ...
    @overload
    def text(self, name: str, default: str) -> str: ...
    def text(self, name: str, default: str | None = None) -> str | None:
        """A text, stripped of white space around it; numbers are taken as their digits.

        A blank text counts as absent.
        """
        value = self.payload.get(name)
        if isinstance(value, str):
            return value.strip() or default
        return str(value) if type(value) in (int, float) else default

    @overload
    def integer(self, name: str) -> int | None: ...
    @overload
    def integer(self, name: str, default: int) -> int: ...
    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number within 64 bits."""
        value = self.payload.get(name)
        if type(value) is int and -_INT64 <= value < _INT64:
            return value
        found = None if value is None else read_integer(value)
        return default if found is None else found

    @overload
    def decimal(self, name: str) -> Decimal | None: ...
    @overload
    def decimal(self, name: str, default: Decimal) -> Decimal: ...
    def decimal(self, name: str, default: Decimal | None = None) -> Decimal | None:
        """An exact number, as `read_decimal` understands it."""
        found = read_decimal(self.payload.get(name))
        return default if found is None else found

    @overload
    def boolean(self, name: str) -> bool | None: ...
    @overload
    def boolean(self, name: str, default: bool) -> bool: ...
    def boolean(self, name: str, default: bool | None = None) -> bool | None:
        """A truth value, as `read_boolean` understands it."""
        value = self.payload.get(name)
        found = None if value is None else read_boolean(value)
        return default if found is None else found

    def instant(self, name: str, default: datetime | None = None) -> datetime | None:
        """A point in time, aware and in UTC; a text without an offset is taken for UTC."""
        found = self.moment(name)
        return default if found is None else found.at

    def moment(self, name: str) -> Instant | None:
        """A point in time together with whether its time zone had to be assumed."""
        return read_instant(self.payload.get(name))

    def child(self, name: str) -> "Fields":
        """The object under `name`; an empty one when there is none."""
        value = self.payload.get(name)
        return Fields(value if isinstance(value, dict) else {})

    def list(self, name: str) -> Iterator["Fields"]:
        """The objects of the list under `name`; one object alone counts as a list of one."""
        value = self.payload.get(name)
        items = [value] if isinstance(value, dict) else value if isinstance(value, list) else ()
        return (Fields(item) for item in items if isinstance(item, dict))

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of the list under `name`; a text with commas is split at them (FIELD R10)."""
        value = self.payload.get(name)
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list):
            return ()
        return tuple(item.strip() for item in value if isinstance(item, str) and item.strip())
