"""A tariff as a 2.1 station gets it (TariffType): ours, put in its words.

Prices go without tax and the taxes beside them; of several prices the first
that applies counts, there as here (I12.FR.34).  What could not be said was
refused before (`app.domain.money.station_tariffs.obstacle`).
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.domain.money.tariffs import Component, Kind, Restriction, Tariff, TaxMode, from_json
from worker.dialects.encoding import Payload, without_blanks
from worker.dialects.rates import moment

#: kind -> the member that holds its prices, and the one that holds a price
PARTS: dict[Kind, tuple[str, str]] = {
    Kind.ENERGY: ("energy", "priceKwh"),
    Kind.CHARGING_TIME: ("chargingTime", "priceMinute"),
    Kind.IDLE: ("idleTime", "priceMinute"),
    Kind.START: ("fixedFee", "priceFixed"),
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_MIN = 24 * 60
#: Prices with their tax taken out are cut here: far below what a bill shows.
_FINE = Decimal("0.00000001")


def written(
    number: str, name: str, document: Mapping[str, Any], valid_from: str | None = None
) -> Payload:
    """A tariff for the wire."""
    tariff = from_json(document)
    return without_blanks(
        {
            "tariffId": number,
            "description": [{"format": "UTF8", "content": name[:1024]}],
            "currency": tariff.currency,
            "validFrom": moment(valid_from),
            **{PARTS[kind][0]: _part(tariff, kind) for kind in PARTS},
            "minCost": _bound(tariff, tariff.minimum),
            "maxCost": _bound(tariff, tariff.maximum),
        }
    )


def _part(tariff: Tariff, kind: Kind) -> Payload:
    components = [each for each in tariff.components if each.kind is kind]
    if not components:
        return {}
    percent = tariff.tax_percent_of(components[0])
    taxes = [{"type": "VAT", "tax": float(percent)}] if percent else []
    prices = [_price(tariff, component) for component in components]
    return without_blanks({"prices": prices, "taxRates": taxes})


def _price(tariff: Tariff, component: Component) -> Payload:
    price = component.price
    if tariff.tax_mode is TaxMode.INCLUSIVE:
        price = (price / (1 + tariff.tax_percent_of(component) / 100)).quantize(_FINE)
    name = PARTS[component.kind][1]
    conditions = _conditions(component, tariff.free_minutes)
    return without_blanks({name: float(price), "conditions": conditions})


def _conditions(component: Component, free_minutes: int) -> Payload:
    when = component.when
    free = free_minutes if component.kind is Kind.CHARGING_TIME else 0
    begins = max(when.duration_from_min or 0, free)
    after = when.date_to + timedelta(days=1) if when.date_to else None
    return without_blanks(
        {
            "startTimeOfDay": _clock(when.from_minute),
            "endTimeOfDay": _clock(when.until_minute),
            "dayOfWeek": [_DAYS[day] for day in sorted(when.weekdays)],
            "validFromDate": when.date_from.isoformat() if when.date_from else None,
            "validToDate": after.isoformat() if after else None,
            **_amounts(when),
            "minTime": begins * 60 or None,
            "maxTime": when.duration_to_min * 60 if when.duration_to_min else None,
            "minIdleTime": component.grace_minutes * 60 or None,
        }
    )


def _amounts(when: Restriction) -> Payload:
    low, high = when.energy_from_kwh, when.energy_to_kwh
    return {
        "minEnergy": float(low * 1000) if low else None,
        "maxEnergy": float(high * 1000) if high else None,
    }


def _clock(minute: int | None) -> str | None:
    """The end of a day is its successor's first minute."""
    if minute is None:
        return None
    return f"{minute % _DAY_MIN // 60:02d}:{minute % 60:02d}"


def _bound(tariff: Tariff, amount: Decimal | None) -> Payload:
    if amount is None:
        return {}
    inclusive = tariff.tax_mode is TaxMode.INCLUSIVE
    return {"inclTax" if inclusive else "exclTax": float(amount)}
