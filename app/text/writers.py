"""How bills and tariffs are written: in a driver's language, on the site's clock; or for staff."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton, get_day_names
from flask_babel import Domain, force_locale

from app.domain.money.tariffs import Phrase, words
from app.text import numbers
from app.text.numbers import locale_of

#: language -> the locale that writes its numbers and dates (24 hours, day before month)
LOCALES = {"en": "en_GB", "de": "de_DE"}

#: What drivers read; the desk's own texts are another catalogue.
_RECEIPTS = Domain(domain="messages")


@numbers.remembered
def _translated(language: str, text: str) -> str:
    with force_locale(language):
        return str(_RECEIPTS.get_translations().ugettext(text))


@numbers.remembered
def _day(day: date, width: str, locale: str) -> str:
    return str(format_date(day, width, locale=locale_of(locale)))


def desk(phrase: Sequence[object]) -> str:
    """A phrase of a tariff in the reader's language, with the desk's way of writing money."""
    writer = DeskWriter("UTC")
    return words.say(phrase, translate=writer.translate, show=writer.desk_value)


class Writer:
    """Writes for a driver: `language` is a key of LOCALES, `zone` an IANA name."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language if language in LOCALES else "en"
        self.locale = self.numbers = LOCALES[self.language]
        self.zone = ZoneInfo(zone)

    def translate(self, text: str) -> str:
        """The text in the writer's language."""
        return _translated(self.language, text)

    def money(self, minor: int, currency: str) -> str:
        """Minor units as an amount."""
        return numbers.money(minor, currency, self.numbers)

    def price(self, amount: Decimal, currency: str) -> str:
        """A price in major units with all its places."""
        return numbers.price(amount, currency, self.numbers)

    def number(self, value: Decimal, places: int | None = None) -> str:
        """A number; `places` None keeps the ones that say something."""
        return numbers.exact(value, places, self.numbers)

    def percent(self, value: Decimal) -> str:
        """A percentage: 19 is nineteen per cent."""
        return numbers.percent(value, self.locale)

    def day(self, at: datetime) -> str:
        """The day on the site's calendar."""
        return _day(at.astimezone(self.zone).date(), "long", self.locale)

    def clock(self, at: datetime) -> str:
        """The time on the site's clock, to the second where there are seconds."""
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M:%S" if local.second else "%H:%M")

    def zone_name(self, at: datetime) -> str:
        """What the site's zone is called at that time: CET, MEZ."""
        return numbers.zone_name(at.astimezone(self.zone), locale_of(self.locale))

    def weekdays(self) -> list[str]:
        """Short names of the weekdays, Monday first."""
        names = get_day_names("abbreviated", locale=locale_of(self.locale))
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
        return words.say(phrase, translate=self.translate, show=self._show)

    def _show(self, name: str, value: object, values: dict[str, object]) -> str:
        text = str(value)
        if name == "at" or name.endswith("_at"):
            return self.clock(datetime.fromisoformat(text))
        if name in ("price", "amount"):
            return self.price(Decimal(text), str(values.get("currency", "EUR")))
        if name == "days":
            return words.day_names([int(day) for day in text.split(",")], self.weekdays())
        if name in ("kwh", "to_kwh", "minutes", "to_minutes", "free", "percent", "step"):
            return self.number(Decimal(text))
        return text


class DeskWriter(Writer):
    """Writes for staff: in the reader's language, with the desk's way of writing numbers."""

    def __init__(self, zone: str) -> None:
        super().__init__(numbers.language(), zone)
        self.numbers = numbers.DESK

    def desk_value(self, name: str, value: object, values: dict[str, object]) -> str:
        """A value of a phrase: as it is, but for money and days."""
        if name in ("price", "amount"):
            return numbers.price(Decimal(str(value)), str(values.get("currency", "EUR")))
        if name == "days":
            return words.day_names([int(day) for day in str(value).split(",")], self.weekdays())
        return words.plain_value(name, value, values)


def month(first: date) -> str:
    """The month of a day, as the desk writes it: `November 2026`."""
    if numbers.iso_formats.get():
        return f"{first:%Y-%m}"
    return str(format_skeleton("yMMMM", first, locale=locale_of(numbers.language())))
