"""What people and spreadsheets write into a cell: times, yes and no, numbers, power, cards.

Pure; what cannot be read raises `Invalid` with a sentence that says how to write it instead.

A charger reports the card 04A2B3C4; a list may hold 04:A2:B3:C4, 0x04a2b3c4, the bytes in
reverse, the digits without their leading zero, or the decimal number.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Token

_YES = {"true", "yes", "ja", "y", "j", "1", "x", "wahr", "on", "an", "✓", "t"}
_NO = {"false", "no", "nein", "n", "0", "falsch", "off", "aus", "-", "–", "f"}
_NEVER = {"never", "nie", "unlimited", "unbegrenzt", "unbefristet", "none", "null", "-", "–"}
_CLOCK = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[AP]M))?)?"
)
_DOTS = re.compile(r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})" + _CLOCK)
_SLASHES = re.compile(
    r"(?P<one>\d{1,2})([/-])(?P<two>\d{1,2})\2(?P<year>\d{4})" + _CLOCK, re.IGNORECASE
)
_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d|\d{8})"
    r"(?P<time>[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?)? ?"
    r"(?P<offset>UTC|GMT|Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE | re.ASCII,
)
_FOR_EVER = re.compile(r"9999-12-31.*|31\.12\.9999.*|(12/31|31/12)/9999.*")
THOUSANDS = re.compile(r"\d{1,3}[.,]\d{3}")
_FIRST_YEAR = 2000
_SERIAL = re.compile(r"\d{5}([.,]\d+)?")
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+|\d[.,]\d+E\d+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{4,}[.,]0+|\d{1,3}(?:([.,'’])\d{3})(?:\1\d{3})+(?:[.,]\d+)?")
#: Digits that a spreadsheet keeps of a number.
_FIFTEEN = re.compile(r"[1-9]\d{14}0+")
_POWER = re.compile(r"(?P<number>[\d.,]+)\s*(?P<unit>k?w)?", re.IGNORECASE)


def instant(text: str, zone: ZoneInfo) -> datetime | None:
    """Read an expiry: a date (valid to its end) or a time, in `zone` without an offset of its own.

    None for an empty text, for words like never, and for the last day there is.
    """
    wanted = text.strip()
    if not wanted or wanted.casefold() in _NEVER or _FOR_EVER.fullmatch(wanted):
        return None
    try:
        moment, whole_day = _moment(wanted)
        if moment.year < _FIRST_YEAR:
            raise Invalid(
                f"“{wanted}” lies before {_FIRST_YEAR}: leave out what has no end.",
                field="expires_at",
            )
        if whole_day:
            moment += timedelta(days=1)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"“{wanted}” is not a time like 2026-12-31 or 2026-12-31T18:00.", field="expires_at"
        ) from None


def _moment(wanted: str) -> tuple[datetime, bool]:
    """The time that is written, and whether it is a date alone; raises ValueError."""
    if _SERIAL.fullmatch(wanted):
        raise Invalid(
            f"“{wanted}” is how a spreadsheet counts days; give the column a date format like "
            "2026-12-31 and save it again.",
            field="expires_at",
        )
    if dots := _DOTS.fullmatch(wanted):
        return _put(dots, int(dots["day"]), int(dots["month"]))
    if slashes := _SLASHES.fullmatch(wanted):
        return _put(slashes, *_day_and_month(wanted, int(slashes["one"]), int(slashes["two"])))
    # A stricter form than Python's own: to that, the offset of a day is a time of it.
    iso = _ISO.fullmatch(wanted.replace("/", "-"))
    if iso is None:
        raise ValueError
    offset = "+00:00" if (iso["offset"] or "").isalpha() else iso["offset"] or ""
    return datetime.fromisoformat(iso["day"] + (iso["time"] or "T00:00") + offset), not iso["time"]


def _day_and_month(wanted: str, one: int, two: int) -> tuple[int, int]:
    if one <= 12 and two <= 12 and one != two:
        raise Invalid(
            f"“{wanted}” can be read in two ways, day or month first; write it like 2026-12-31.",
            field="expires_at",
        )
    return (two, one) if two > 12 else (one, two)


def _put(found: re.Match[str], day: int, month: int) -> tuple[datetime, bool]:
    hour = int(found["hour"] or 0)
    if half := (found["half"] or "").upper():
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if half == "PM" else 0)
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
    moment = datetime(int(found["year"]), month, day, hour, minute, second)
    return moment, found["hour"] is None


def expiry_words(moment: datetime | None, zone: ZoneInfo) -> str:
    """An expiry in words, on the clock of `zone`."""
    if moment is None:
        return "never"
    here = moment.astimezone(zone)
    if here.time() == time.min:
        return f"end of {here.date() - timedelta(days=1)}"
    return f"{here:%Y-%m-%d %H:%M}"


def yes(text: str, word: str) -> bool | None:
    """Yes or no in the ways that people say them; None for an empty cell."""
    wanted = text.strip().casefold()
    if not wanted:
        return None
    if wanted in _YES:
        return True
    if wanted in _NO:
        return False
    raise Invalid(f"“{text.strip()}” under {word} is neither yes nor no.")


def kept(text: str) -> str:
    """A number that is a name, as it is written; refuses what a spreadsheet has shortened."""
    if _SHORTENED.fullmatch(text.strip()):
        raise Invalid(
            f"“{text.strip()}” was shortened by a spreadsheet and its digits are lost: give the "
            "column the format Text, and take it from its source again."
        )
    if _NUMBER.fullmatch(text.strip()):
        raise Invalid(
            f"“{text.strip()}” was turned into a number, and zeros before it may be lost: give the "
            "column the format Text, and take it from its source again."
        )
    return text


def whole(text: str, word: str) -> int:
    """A whole number, also as `2.0`, which spreadsheets make of 2."""
    found = re.fullmatch(r"(-?\d{1,9})(?:[.,]0+)?", text.strip())
    if found is None or not text.isascii():
        raise Invalid(f"“{text.strip()}” is no {word}.")
    return int(found[1])


def power_w(text: str, unit: str) -> float:
    """A power in watts from a number with its unit, or in `unit` (W, kW) where it has none."""
    found = _POWER.fullmatch(text.strip())
    named = (found["unit"] or unit) if found else ""
    if found is None:
        raise Invalid(f"“{text.strip()}” is not a power like 22 kW.", field="max_power_w")
    if not named:
        raise Invalid(
            f"“{text.strip()}” has no unit: write 22 kW, or name the column Power kW.",
            field="max_power_w",
        )
    if named.casefold() == "w" and THOUSANDS.fullmatch(found["number"]):
        raise Invalid(
            f"“{text.strip()}” can be read as thousands or as decimals: write it without a "
            "separator for thousands.",
            field="max_power_w",
        )
    return float(number(found["number"], "power") * (1000 if named.casefold() == "kw" else 1))


def number(text: str, word: str) -> Decimal:
    """A number with a point or a comma before its decimals; both at once are refused."""
    wanted = text.strip()
    if wanted.count(",") + wanted.count(".") > 1:
        raise Invalid(f"“{wanted}” is no {word}: write it without a separator for thousands.")
    try:
        found = Decimal(wanted.replace(",", "."))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Invalid(f"“{wanted}” is no {word}.")
    return found


# Numbers of cards as readers and printers write them: one form, and what looks like another card.
#
# Pure.  A charger reports 04A2B3C4; a list may hold 04:A2:B3:C4, 0x04a2b3c4, the
# bytes in reverse, the digits without their leading zero, or the decimal number.

_HEX = re.compile(r"[0-9a-f]+")
_GROUPS = re.compile(r"[0-9A-Fa-f]{2,}([:\-. ][0-9A-Fa-f]{2,}){1,}")
_TOKEN = re.compile(r"[0-9A-Za-z*\-_=:+|@./ ]+")
_LOOK_ALIKE = str.maketrans("oil", "011")


def written(text: str) -> str:
    """A hexadecimal number without 0x and separators; anything else as it is."""
    wanted = text.strip()
    if wanted[:1] == "'" and _HEX.fullmatch(wanted[1:].casefold()):
        wanted = wanted[1:]  # a spreadsheet's mark of a text
    bare = wanted[2:] if wanted[:2].casefold() == "0x" else wanted
    parts = re.split(r"[:\-. ]", bare)
    if _GROUPS.fullmatch(bare):
        lengths = {len(part) for part in parts}
        if len(lengths) == 1 and lengths <= {2, 4, 8} and len("".join(parts)) >= 6:
            return "".join(parts).upper()
    is_hex = _HEX.fullmatch(bare.casefold()) and len(bare) >= 6
    return bare.upper() if bare != wanted and is_hex else wanted


def bare(text: str) -> str:
    """The form in which two ways to write a card are the same."""
    return Token(written(text)).bare_key


def shapes(text: str) -> set[str]:
    """All that a card's number may have been made into; cards that share one may be the same."""
    number = bare(text)
    if len(number) < 6:
        return set()
    found = {_even(number.translate(_LOOK_ALIKE))}
    if _HEX.fullmatch(number) and len(number) % 2 == 0:
        found.add(_even(_reversed(number)))
    if number.isascii() and number.isdigit() and 8 <= len(number) <= 20:
        as_hex = f"{int(number):x}"
        as_hex = as_hex.zfill(len(as_hex) + len(as_hex) % 2)
        if len(as_hex) >= 7:
            found |= {_even(as_hex), _even(_reversed(as_hex))}
    return found


def likeness(one: str, other: str) -> str:
    """How two cards that share a shape differ, as the end of a question."""
    first, second = bare(one), bare(other)
    if first.translate(_LOOK_ALIKE) == second.translate(_LOOK_ALIKE):
        return "with a letter and a digit that look alike mixed up"
    if first.strip("0") == second.strip("0"):
        return "with zeros lost at an end"
    if _reversed(first) == second:
        return "read the other way round"
    return "written as another kind of number"


def is_unlikely(text: str) -> bool:
    """Whether a text is no number of a card but words, a sum under the table or a formula."""
    words = written(text)
    return not _TOKEN.fullmatch(words) or " " in words or not any(map(str.isdigit, words))


def is_cut(text: str) -> bool:
    """Whether a number has nothing but zeros after the fifteen digits that spreadsheets keep."""
    return bool(_FIFTEEN.fullmatch(bare(text)))


def has_lost_a_digit(text: str) -> bool:
    """Whether a number is hexadecimal but has half a byte: 7 digits for 4 bytes, 13 for 7."""
    number = bare(text)
    return len(number) in {7, 13, 19} and bool(_HEX.fullmatch(number))


def _even(number: str) -> str:
    """A number without the zeros that are lost or added at its ends."""
    short = number.lstrip("0")
    trimmed = short.rstrip("0")
    return trimmed if len(trimmed) >= 6 else short


def _reversed(number: str) -> str:
    return "".join(number[place : place + 2] for place in range(len(number) - 2, -1, -2))


class Known:
    """Cards seen so far, by their shapes."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._by_shape: dict[str, tuple[str, str]] = {}
        for value in values:
            self.add(value, "is listed")

    def add(self, value: str, where: str) -> None:
        """Remember a card and where it stands."""
        for shape in shapes(value):
            self._by_shape.setdefault(shape, (value, where))

    def near(self, value: str) -> str | None:
        """A question about another card that may be this one, or None."""
        for shape in shapes(value):
            other, where = self._by_shape.get(shape, ("", ""))
            if other and bare(other) != bare(value):
                return f"{other} {where}; is it the same card {likeness(value, other)}?"
        return None
