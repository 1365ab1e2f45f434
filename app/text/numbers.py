"""How numbers, money and times are written: one writer for desk, receipts, API and command line.

Energy comes in as Decimal watt-hours, power as watts, money as integer minor units, times as
aware UTC; what goes out is text with its unit.  Babel writes as the named locale does; the desk
has a way of its own: thousands parted by a space, a real minus, the currency behind the amount,
and nothing that may break across two lines.  Its decimal mark and its words for days are those
of the reader's language.
"""

from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_skeleton, get_timezone_name
from babel.numbers import (
    NumberPattern,
    format_currency,
    format_percent,
    get_currency_symbol,
    get_decimal_symbol,
    parse_pattern,
)
from flask_babel import get_locale, gettext

from app.domain.money.tariffs import exponent, from_minor

#: The desk's way of writing, where others name a locale of Babel.
DESK = "desk"
#: A space that does not break, also between thousands: Inter draws the narrow one too narrow.
FIXED = "\u00a0"
MINUS = "\u2212"
DASH = "\u2013"

#: Numbers with more digits before the point are not written out.
_LARGEST_DIGITS = 18
#: A price or a quantity with more places than this is not told.
_MOST_PLACES = 20

STYLES = {
    "time": "%H:%M",
    "second": "%-d %b %Y, %H:%M:%S %Z",
    "exact": "%Y-%m-%d %H:%M:%S %Z, UTC%z",
    "clock": "%H:%M:%S",
    "date": "%-d %b %Y",
    "day": "%a %-d %b",
    "minute": "%-d %b %Y, %H:%M",
    "short": "%-d %b, %H:%M",
    "shortest": "%-d %b",
    "input": "%Y-%m-%dT%H:%M",
    "today": "%A %-d %B · %H:%M",
    "weekday": "%A",
}
#: The styles with words in them, in other languages: Babel's skeleton of the day, and what follows.
_WORDED = {
    "date": ("yMMMd", ""),
    "day": ("MMMEd", ""),
    "minute": ("yMMMd", ", %H:%M"),
    "second": ("yMMMd", ", %H:%M:%S %Z"),
    "short": ("MMMd", ", %H:%M"),
    "shortest": ("MMMd", ""),
    "today": ("MMMMEd", " · %H:%M"),
    "weekday": ("EEEE", ""),
}
#: The styles of days as ISO 8601 writes them.
_ISO = {
    "date": "%Y-%m-%d",
    "day": "%Y-%m-%d",
    "minute": "%Y-%m-%d %H:%M",
    "second": "%Y-%m-%d %H:%M:%S %Z",
    "short": "%m-%d %H:%M",
    "today": "%Y-%m-%d · %H:%M",
}
#: Whether who reads this page wants numbers and days as ISO writes them, whatever the language.
iso_formats: ContextVar[bool] = ContextVar("iso_formats", default=False)

#: The same words, prices and days are written over and over.  What is written of a number hangs on
#: its places and its sign too, so its text is what is known.
remembered = lru_cache(4096)


def language() -> str:
    """The language of who reads this page; English where nobody does."""
    found = get_locale()
    return "en" if found is None else str(found.language)


def written_as() -> str:
    """The language as which numbers are written for who reads this page."""
    return "en" if iso_formats.get() else language()


def decimal_mark(language: str) -> str:
    """What a language puts before decimals."""
    return str(get_decimal_symbol(locale_of(language)))


@cache
def locale_of(name: str) -> Locale:
    """A locale of Babel by its name."""
    return Locale.parse(name)


@cache
def _marks(language: str) -> dict[int, str]:
    """How the desk writes what Babel's English puts between digits."""
    return str.maketrans({",": FIXED, ".": decimal_mark(language), "-": MINUS})


@cache
def _pattern(places: int | None) -> NumberPattern:
    if places is None:
        return parse_pattern("#,##0." + "#" * _MOST_PLACES)
    return parse_pattern("#,##0." + "0" * places if places else "#,##0")


@remembered
def _number(value: str, places: int | None, locale: str) -> str:
    return str(_pattern(places).apply(Decimal(value), locale_of(locale)))


@remembered
def _desk_number(value: str, places: int | None, language: str) -> str:
    return _number(value, places, "en").translate(_marks(language))


@remembered
def _amount(value: str, currency: str, locale: str, to_the_cent: bool) -> str:
    return str(
        format_currency(
            Decimal(value), currency, locale=locale_of(locale), decimal_quantization=to_the_cent
        )
    )


@remembered
def _percent(value: str, locale: str) -> str:
    return str(format_percent(Decimal(value), locale=locale_of(locale), decimal_quantization=False))


def exact(value: Decimal, places: int | None = None, locale: str = DESK) -> str:
    """A number with so many decimals; `places` None keeps the ones that say something."""
    if places is None:
        value = value.normalize()
    elif locale == DESK:
        value = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) + 0
    if locale == DESK:
        return _desk_number(str(value), places, written_as())
    return _number(str(value), places, locale)


def number(value: Decimal | int | float | None, digits: int = 0) -> str:
    """A number of the desk with `digits` decimals; a dash for None.

    What a charger sends may be beyond all reason: then its size is told, `1.0e+50`.
    """
    if value is None:
        return DASH
    told = value if isinstance(value, Decimal) else Decimal(str(value))
    if not told.is_finite():
        return DASH
    if told.adjusted() > _LARGEST_DIGITS:
        return f"{told:.1e}"
    return exact(told, digits)


def kwh(wh: Decimal | int | None, digits: int = 2) -> str:
    """Watt-hours as kilowatt-hours: 22410 is `22.41 kWh`."""
    if wh is None:
        return DASH
    return f"{number(Decimal(wh) / 1000, digits)}{FIXED}kWh"


def watt_hours(wh: Decimal | int | None) -> str:
    """A register reading in whole watt-hours; thousandths only where there are any."""
    if wh is None:
        return DASH
    exact = Decimal(wh)
    whole = exact == exact.to_integral_value()
    return f"{number(exact, 0 if whole else 3)}{FIXED}Wh"


def kw(watts: float | Decimal | None, digits: int = 1) -> str:
    """Watts as kilowatts: 21800 is `21.8 kW`."""
    if watts is None:
        return DASH
    return f"{number(Decimal(str(watts)) / 1000, digits)}{FIXED}kW"


@remembered
def _symbol(currency: str) -> str:
    return str(get_currency_symbol(currency, locale="en"))


def money(minor: int | None, currency: str, locale: str = DESK) -> str:
    """Minor units as an amount: `9.41 €` on the desk; a dash for None."""
    if minor is None:
        return DASH
    amount = from_minor(minor, currency)
    if locale != DESK:
        return _amount(str(amount), currency, locale, True)
    return f"{number(amount, exponent(currency))}{FIXED}{_symbol(currency)}"


def price(amount: Decimal, currency: str, locale: str = DESK) -> str:
    """A price in major units: at least the currency's places, more where it has them."""
    if locale != DESK:
        return _amount(str(amount), currency, locale, False)
    own = amount.normalize().as_tuple().exponent
    places = max(exponent(currency), -own if isinstance(own, int) else 0)
    return f"{number(amount, places)}{FIXED}{_symbol(currency)}"


def percent(value: Decimal, locale: str) -> str:
    """A percentage: 19 is nineteen per cent."""
    return f"{exact(value)}{FIXED}%" if locale == DESK else _percent(str(value / 100), locale)


def plain(value: Decimal) -> str:
    """An exact number without the zeros that say nothing: 19.00 is `19`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float | None) -> str:
    """Seconds in the two units that matter: `45 s`, `26 min`, `1 h 12 min`, `3 d 4 h`."""
    if seconds is None:
        return DASH
    left = max(0, int(seconds))
    if left < 60:
        return f"{left}{FIXED}s"
    if left < 3600:
        return f"{left // 60}{FIXED}min"
    big, small, large_word, small_word = (left // 3600, left % 3600 // 60, "h", "min")
    if left >= 48 * 3600:
        big, small, large_word, small_word = (left // 86400, left % 86400 // 3600, "d", "h")
    tail = f"{FIXED}{small}{FIXED}{small_word}" if small else ""
    return f"{big}{FIXED}{large_word}{tail}"


def clock(seconds: float | None) -> str:
    """Seconds as hours and minutes for a column: `03:12`."""
    if seconds is None:
        return DASH
    minutes = max(0, int(seconds)) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, roughly: `now`, `2 min ago`, `3 h ago`; `in 4 min` for what is to come."""
    if moment is None:
        return str(gettext("never"))
    seconds = (now - moment).total_seconds()
    size = abs(seconds)
    if size < 60:
        return str(gettext("now"))
    if size < 3600:
        text = f"{int(size // 60)}{FIXED}min"
    elif size < 48 * 3600:
        text = f"{int(size // 3600)}{FIXED}h"
    else:
        text = f"{int(size // 86400)}{FIXED}d"
    if seconds > 0:
        return str(gettext("%(age)s ago", age=text))
    return str(gettext("in %(age)s", age=text))


def local(moment: datetime | None, style: str = "minute", zone: str = "UTC") -> str:
    """The moment on a wall clock of `zone`; `style` is a key of STYLES."""
    if moment is None:
        return DASH
    there, reader = moment.astimezone(ZoneInfo(zone)), language()
    if iso_formats.get() and style in _ISO:
        return there.strftime(_ISO[style])
    day, rest = "", STYLES[style]
    if reader != "en":
        if style in _WORDED:
            skeleton, rest = _WORDED[style]
            day = _worded_day(there.date(), skeleton, reader)
        if "%Z" in rest:
            rest = rest.replace("%Z", zone_name(there, locale_of(reader)))
    return day + there.strftime(rest)


def zone_name(there: datetime, locale: Locale) -> str:
    """What a zone's time is called for short, as CET or MEZ; else as the zone itself says."""
    # Not by dst(): Ireland's law calls its summer the standard time.
    year = (there, there.replace(month=1, day=1), there.replace(month=7, day=1))
    now, *others = (moment.utcoffset() or timedelta(0) for moment in year)
    told = _zone_name(str(there.tzinfo), now > min(others), locale)
    return told if told.isalpha() else there.tzname() or ""


@lru_cache(2000)
def _zone_name(zone: str, summer: bool, locale: Locale) -> str:
    variant: Any = "daylight" if summer else "standard"
    return str(get_timezone_name(ZoneInfo(zone), "short", zone_variant=variant, locale=locale))


@remembered
def _worded_day(day: date, skeleton: str, language: str) -> str:
    locale = locale_of(language)
    if skeleton in locale.datetime_skeletons:
        return str(format_skeleton(skeleton, day, locale=locale))
    return str(format_date(day, skeleton, locale=locale))


def near(moment: datetime | None, now: datetime, zone: str = "UTC") -> str:
    """The moment on a wall clock, with its day only when that is not today."""
    if moment is None:
        return DASH
    same_day = local(moment, "date", zone) == local(now, "date", zone)
    return local(moment, "time" if same_day else "short", zone)


def iso(moment: datetime) -> str:
    """The moment for a machine: UTC, whole seconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def change(now_value: Decimal | int, then_value: Decimal | int) -> str:
    """The change in per cent with its sign: `+18 %`; empty without anything to compare with."""
    if not then_value:
        return ""
    share = (Decimal(now_value) - Decimal(then_value)) / Decimal(then_value) * 100
    text = number(share)
    return f"{text if share < 0 else '+' + text}{FIXED}%"
