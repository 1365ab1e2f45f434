"""Countries: their time zone and currency, to be offered where somebody adds a site."""

from functools import cache

from babel.core import get_global
from babel.numbers import get_territory_currencies

#: Tax numbers of Greece begin otherwise than its name in ISO 3166.
_OF_TAX_NUMBERS = {"EL": "GR", "XI": "GB"}


@cache
def currencies() -> dict[str, str]:
    """zone -> the currency that is paid with there."""
    paid = {}
    for zone, country in get_global("zone_territories").items():
        if found := get_territory_currencies(country):
            paid[zone] = found[0]
    return paid


@cache
def zone_of(country: str) -> str:
    """The time zone of a country (DE); empty where it has several."""
    found = [zone for zone, of in get_global("zone_territories").items() if of == country]
    # A second one is an exclave, as Büsingen in Germany; the first is the capital's.
    return found[0] if 0 < len(found) <= 2 else ""


def country_of_tax_number(number: str | None) -> str:
    """The country of a VAT number, which begins with it; empty when it does not."""
    start = (number or "").strip()[:2].upper()
    country = _OF_TAX_NUMBERS.get(start, start)
    return country if country in set(get_global("zone_territories").values()) else ""


def country_of_language(tag: str | None) -> str:
    """The country in a language tag: GB of en-GB; empty where it names none."""
    parts = (tag or "").replace("_", "-").split("-")
    found = [part for part in parts[1:] if len(part) == 2 and part.isalpha()]
    return found[0].upper() if found else ""
