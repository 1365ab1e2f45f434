"""Currencies of ISO 4217 and their minor units.

Money is an integer number of minor units (cents, yen, fils).  The exponent
says how many decimal places a currency's minor unit has; nearly all have two,
so only the exceptions are listed beside the codes.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

_TWO = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
    "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

# Wide enough for any product of a price, a quantity and a tax rate: nothing is
# lost before the one rounding of a line.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

_CODE = re.compile(r"[A-Z]{3}")


def is_currency(code: str) -> bool:
    """Whether `code` is an active ISO 4217 currency (upper case)."""
    return bool(_CODE.fullmatch(code)) and code in EXPONENTS


def exponent(code: str) -> int:
    """Decimal places of the currency's minor unit; KeyError for an unknown code."""
    return EXPONENTS[code]


def round_minor(amount: Decimal) -> int:
    """`amount`, already in minor units, as a whole number, half away from zero."""
    return int(amount.quantize(Decimal(1), context=EXACT))


def to_minor(amount: Decimal, code: str) -> int:
    """An amount in the currency's major unit, in minor units, rounded half up."""
    return round_minor(amount.scaleb(exponent(code), context=EXACT))


def from_minor(minor: int, code: str) -> Decimal:
    """Minor units as an exact Decimal with the currency's own number of places."""
    return Decimal(minor).scaleb(-exponent(code), context=EXACT)


def price_text(price: Decimal, currency: str) -> str:
    """A price with at least the places of its currency, and no more than it has."""
    places = exponent(currency)
    digits = price.normalize().as_tuple().exponent
    own = -digits if isinstance(digits, int) and digits < 0 else 0
    return format(price.quantize(Decimal(1).scaleb(-max(places, own))), "f")
