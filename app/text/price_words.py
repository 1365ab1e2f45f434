"""Prices and tariffs in the desk's words: phrases of `app.domain.money.tariffs` written in English.

Bills and receipts are written in a driver's language by `app.text.writers`.
"""

from collections.abc import Sequence
from decimal import Decimal

from babel.numbers import get_currency_symbol

from app.domain.money.tariffs import price_text, words
from app.text.presentation import FIXED


def desk(phrase: Sequence[object]) -> str:
    """A phrase with the desk's way of writing money."""
    return words.say(phrase, show=_value)


def price(amount: Decimal, currency: str) -> str:
    """A price per unit: at least the currency's places, more where it has them."""
    symbol = get_currency_symbol(currency, locale="en")
    return f"{price_text(amount, currency)}{FIXED}{symbol}"


def plain(value: Decimal) -> str:
    """An exact number without the zeros that say nothing: 19.00 is `19`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _value(name: str, value: object, values: dict[str, object]) -> str:
    if name in ("price", "amount"):
        return price(Decimal(str(value)), str(values.get("currency", "EUR")))
    return words.plain_value(name, value, values)
