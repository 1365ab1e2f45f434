"""What a charging session costs.  Pure: no clock, no database.

`price(tariff, usage)` is the one function behind the running cost and the
final bill; `from_json` and `to_json` are the stored form of a tariff, `words`
says a tariff and a price in sentences, `week` draws it and `unreachable` finds
the prices that no session can come to.
"""

from app.domain.money.tariffs.document import TariffError, from_json, to_json
from app.domain.money.tariffs.pricing import price
from app.domain.money.tariffs.quote import Interval, Line, Part, Phrase, Quote, Usage, example_usage
from app.domain.money.tariffs.reach import Unreachable, unreachable
from app.domain.money.tariffs.tariff import (
    NO_SHOW_KINDS,
    Component,
    Kind,
    Restriction,
    Tariff,
    TaxMode,
    exponent,
    from_minor,
    is_currency,
    price_text,
    to_minor,
    week_picture,
)
from app.domain.money.tariffs.words import TEMPLATES, formula_in_words, say
