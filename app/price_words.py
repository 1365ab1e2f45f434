"""Prices, tariffs and bills in words: phrases written for the desk and for a driver's language.

`desk(phrase)` writes English as all of the desk does; `local(phrase, "de", gettext)` writes
for a receipt.  The phrases themselves are `app.domain.tariffs.phrases`.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_day_names
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from app.domain.tariffs import words
from app.presentation import FIXED

_MONEY = ("price", "amount")
_NUMBERS = ("kwh", "to_kwh", "minutes", "to_minutes", "free", "percent", "step")


def desk(phrase: Sequence[object]) -> str:
    """A phrase in English with the desk's way of writing money and times."""
    return words.say(phrase, show=_desk_value)


def local(phrase: Sequence[object], locale: str, translate: Callable[[str], str] = str) -> str:
    """A phrase in another language: the template by `translate`, the values as `locale` has it."""

    def show(name: str, value: object, values: dict[str, object]) -> str:
        return _local_value(name, value, values, locale)

    return words.say(phrase, translate=translate, show=show)


def price(amount: Decimal, currency: str) -> str:
    """A price per unit: at least the currency's places, more where it has them."""
    symbol = get_currency_symbol(currency, locale="en")
    return f"{words.price_text(amount, currency)}{FIXED}{symbol}"


def _desk_value(name: str, value: object, values: dict[str, object]) -> str:
    if name in _MONEY:
        return price(Decimal(str(value)), str(values.get("currency", "EUR")))
    return words.plain_value(name, value, values)


def _local_value(name: str, value: object, values: dict[str, object], locale: str) -> str:
    text = str(value)
    if name in _MONEY:
        currency = str(values.get("currency", "EUR"))
        return format_currency(Decimal(text), currency, locale=locale, decimal_quantization=False)
    if name in _NUMBERS:
        return format_decimal(Decimal(text), locale=locale)
    if name in ("on", "to_on"):
        return format_date(date.fromisoformat(text), locale=locale)
    if name == "at" or name.endswith("_at"):
        zone = ZoneInfo(str(values.get("zone", "UTC")))
        instant = datetime.fromisoformat(text).astimezone(zone)
        return format_time(instant, "medium" if instant.second else "short", zone, locale)
    if name == "days":
        names = get_day_names("abbreviated", locale=locale)
        return words.day_names([int(day) for day in text.split(",")], [names[i] for i in range(7)])
    return text
