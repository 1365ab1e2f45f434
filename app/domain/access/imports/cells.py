"""What people and spreadsheets write into a cell: times, yes and no, whole numbers, power.

Pure; each raises `Invalid` with a sentence that says how to write it instead.
"""

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from app.domain.ground.errors import Invalid

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
_FOR_EVER = re.compile(r"9999-12-31.*|31\.12\.9999.*|(12/31|31/12)/9999.*")
_THOUSANDS = re.compile(r"\d{1,3}[.,]\d{3}")
_SERIAL = re.compile(r"\d{5}([.,]\d+)?")
_SHORTENED = re.compile(r"\d([.,]\d+)?E\+\d+|\d[.,]\d+E\d+", re.IGNORECASE)
_NUMBER = re.compile(r"\d{4,}[.,]0+")
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
        if whole_day:
            moment = datetime.combine(moment.date() + timedelta(days=1), time.min)
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
    iso = re.sub(r"\s*(UTC|GMT|Z)$", "+00:00", wanted.replace("/", "-"), flags=re.IGNORECASE)
    if "w" in iso.casefold():
        raise ValueError  # a week is no day
    return datetime.fromisoformat(iso), len(iso) <= len("2026-12-31")


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


def told(moment: datetime | None, zone: ZoneInfo) -> str:
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
        raise Invalid(f"“{text.strip()}” is no power like 22 kW.", field="max_power_w")
    if not named:
        raise Invalid(
            f"“{text.strip()}” has no unit: write 22 kW, or name the column Power kW.",
            field="max_power_w",
        )
    if named.casefold() == "w" and _THOUSANDS.fullmatch(found["number"]):
        raise Invalid(
            f"“{text.strip()}” can be read as thousands or as decimals: write it without parting "
            "thousands.",
            field="max_power_w",
        )
    return float(number(found["number"], "power") * (1000 if named.casefold() == "kw" else 1))


def number(text: str, word: str) -> Decimal:
    """A number with a point or a comma before its decimals; both at once are refused."""
    wanted = text.strip()
    if wanted.count(",") + wanted.count(".") > 1:
        raise Invalid(f"“{wanted}” is no {word}: write it without parting thousands.")
    try:
        found = Decimal(wanted.replace(",", "."))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Invalid(f"“{wanted}” is no {word}.")
    return found
