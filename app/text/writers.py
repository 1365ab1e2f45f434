"""How numbers, money, times and phrases are written: for drivers, and for staff.

`Writer` writes with Babel in a driver's language (English or German) and on the
site's clock; `DeskWriter` writes as the rest of the desk does.
"""

from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, get_day_names, get_timezone_name
from babel.numbers import NumberPattern, format_currency, format_percent, parse_pattern
from flask_babel import force_locale, get_translations

from app.domain.money.tariffs import Phrase, from_minor, say
from app.domain.money.tariffs.words import day_names
from app.text import presentation

#: language -> the locale that writes its numbers and dates (24 hours, day before month)
LOCALES = {"en": "en_GB", "de": "de_DE"}

#: Receipts are written with the same words, prices and days over and over.
_remembered = lru_cache(4096)

#: A price or a quantity with more places than this is not told.
_MOST_PLACES = 20


@cache
def _locale(name: str) -> Locale:
    return Locale.parse(name)


@cache
def _pattern(places: int | None) -> NumberPattern:
    """How a number is written; `places` as in `Writer.number`."""
    if places is None:
        return parse_pattern("#,##0." + "#" * _MOST_PLACES)
    return parse_pattern("#,##0." + "0" * places if places else "#,##0")


@_remembered
def _translated(language: str, text: str) -> str:
    with force_locale(language):
        return str(get_translations().ugettext(text))


# What is written of a number hangs on its places and its sign too, so its text is what is known.


@_remembered
def _number(value: str, places: int | None, locale: str) -> str:
    return str(_pattern(places).apply(Decimal(value), _locale(locale)))


@_remembered
def _amount(value: str, currency: str, locale: str, to_the_cent: bool) -> str:
    return str(
        format_currency(
            Decimal(value), currency, locale=_locale(locale), decimal_quantization=to_the_cent
        )
    )


@_remembered
def _percent(value: str, locale: str) -> str:
    return str(format_percent(Decimal(value), locale=_locale(locale), decimal_quantization=False))


@_remembered
def _day(day: date, width: str, locale: str) -> str:
    return str(format_date(day, width, locale=_locale(locale)))


class Writer:
    """Writes for a driver: `language` is a key of LOCALES, `zone` an IANA name."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language if language in LOCALES else "en"
        self.locale = LOCALES[self.language]
        self.zone = ZoneInfo(zone)

    def translate(self, text: str) -> str:
        """The text in the writer's language."""
        return _translated(self.language, text)

    def money(self, minor: int, currency: str) -> str:
        """Minor units as an amount."""
        return _amount(str(from_minor(minor, currency)), currency, self.locale, True)

    def price(self, amount: Decimal, currency: str) -> str:
        """A price in major units with all its places, two at least where cents are known."""
        return _amount(str(amount), currency, self.locale, False)

    def number(self, value: Decimal, places: int | None = None) -> str:
        """A number; `places` None keeps the ones that say something."""
        if places is None:
            value = value.normalize()
        return _number(str(value), places, self.locale)

    def percent(self, value: Decimal) -> str:
        """A percentage: 19 is nineteen per cent."""
        return _percent(str(value / 100), self.locale)

    def day(self, at: datetime) -> str:
        """The day on the site's calendar."""
        return _day(at.astimezone(self.zone).date(), "long", self.locale)

    def clock(self, at: datetime) -> str:
        """The time on the site's clock, to the second where there are seconds."""
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M:%S" if local.second else "%H:%M")

    def zone_name(self, at: datetime) -> str:
        """What the site's zone is called at that time: CET, MEZ."""
        local = at.astimezone(self.zone)
        return str(get_timezone_name(local, width="short", locale=_locale(self.locale)))

    def weekdays(self) -> list[str]:
        """Short names of the weekdays, Monday first."""
        names = get_day_names("abbreviated", locale=_locale(self.locale))
        return [str(names[day]) for day in range(7)]

    def moment(self, at: datetime) -> str:
        """Day and time."""
        local = at.astimezone(self.zone)
        day = _day(local.date(), "medium", self.locale)
        return f"{day}, {local:%H:%M:%S}"

    def duration(self, seconds: int) -> str:
        """Hours and minutes."""
        minutes = round(seconds / 60)
        hours, minutes = divmod(minutes, 60)
        parts = [f"{hours} h"] if hours else []
        return " ".join([*parts, f"{minutes} min"]) if minutes or not hours else parts[0]

    def say(self, phrase: Phrase | list[Any]) -> str:
        """A phrase of the tariff as a sentence."""
        return say(phrase, translate=self.translate, show=self._show)

    def _show(self, name: str, value: object, values: dict[str, object]) -> str:
        text = str(value)
        if name == "at" or name.endswith("_at"):
            return self.clock(datetime.fromisoformat(text))
        if name in ("price", "amount"):
            return self.price(Decimal(text), str(values.get("currency", "EUR")))
        if name == "days":
            return day_names([int(day) for day in text.split(",")], self.weekdays())
        if name in ("kwh", "to_kwh", "minutes", "to_minutes", "free", "percent", "step"):
            return self.number(Decimal(text))
        return text


class DeskWriter(Writer):
    """Writes for staff: English, with the desk's way of writing numbers and money."""

    def __init__(self, zone: str) -> None:
        super().__init__("en", zone)

    def translate(self, text: str) -> str:
        """The desk speaks English."""
        return text

    def money(self, minor: int, currency: str) -> str:
        """As everywhere on the desk."""
        return presentation.money(minor, currency)

    def price(self, amount: Decimal, currency: str) -> str:
        """As everywhere on the desk, with all places."""
        symbol = presentation.money(0, currency).split(presentation.FIXED)[-1]
        places = max(2, -int(amount.normalize().as_tuple().exponent))
        return f"{presentation.number(amount, places)}{presentation.FIXED}{symbol}"

    def number(self, value: Decimal, places: int | None = None) -> str:
        """As everywhere on the desk."""
        if places is None:
            places = max(0, -int(value.normalize().as_tuple().exponent))
        return presentation.number(value, places)
