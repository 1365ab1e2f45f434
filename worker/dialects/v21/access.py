"""Tokens and what they pay (OCPP 2.1): longer ones of more kinds, tariffs at the station (I, C).

Prices go without tax and the taxes beside them; of several prices the first that applies counts,
there as here (I12.FR.34).  What could not be said was refused before
(`app.domain.money.station_tariffs.obstacle`).
"""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from app.domain.ground.vocabulary import Arguments, CommandState, Facts, Json, Order, Outcome
from app.domain.money import station_tariffs
from app.domain.money.station_tariffs import PricedTap
from app.domain.money.tariffs import Component, Kind, Restriction, Tariff, TaxMode, from_json
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Fact, Outside, Route, accepted, without_blanks
from worker.dialects.shared import moment
from worker.dialects.v201 import access as v201
from worker.ocpp.fields import Fields

KINDS: dict[str, str] = {
    **v201.KINDS,
    "direct_payment": "DirectPayment",
    "evccid": "EVCCID",
    "vin": "VIN",
}
LONGEST = 255


# Taps (OCPP 2.1 block C): as in 2.0.1, and an accepted one is told the driver's own tariff.


def _answer(priced: PricedTap, ctx: Context) -> Payload:
    """Spell a decision; a price of the driver's own goes with it (I08.FR.01)."""
    answer = v201.answer(priced.decision, ctx)
    if priced.own is not None and answer["idTokenInfo"]["status"] == "Accepted":
        # Without a validFrom: it holds for this driver from now on (I08.FR.09).
        own = priced.own
        answer["tariff"] = written(own["number"], own["name"], own["document"])
    return answer


authorize = Outside(v201.ask, Fact(v201.tap, station_tariffs.decide_all, _answer))


# Reservations (OCPP 2.1): as in 2.0.1 with more kinds of tokens and plugs.

PLUG_TYPES: dict[str, str] = {
    **v201.PLUG_TYPES,
    "nacs": "cNACS",
    "gbt_dc": "cGBT-DC",
    "mcs": "cMCS",
}


# Tariffs, put in the station's words (OCPP 2.1 block I).

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


def written(number: str, name: str, document: Json, valid_from: str | None = None) -> Payload:
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


# Tariffs at the station, and web payments (OCPP 2.1 blocks I and C).

_REFUSALS = {
    "TooManyElements": "The charger cannot hold a tariff with so many prices.",
    "ConditionNotSupported": "The charger knows no conditions on prices.",
    "DuplicateTariffId": "The charger holds this version of the tariff already.",
    "TxNotFound": "The charger knows no such transaction.",
    "NoCurrencyChange": "The currency of a running session cannot change.",
}
_KINDS = {"DefaultTariff": "default", "DriverTariff": "driver"}


def _tariff(arguments: Arguments) -> Payload:
    return written(
        arguments["number"], arguments["name"], arguments["document"], arguments.get("valid_from")
    )


def _clear(arguments: Arguments) -> Payload:
    payload = {"tariffIds": arguments.get("numbers"), "evseId": arguments.get("connector") or None}
    return without_blanks(payload)


def _read_facts(answer: Payload, arguments: Arguments) -> Facts:
    if answer.get("status") == "Rejected":
        return {}
    found = [
        {
            "number": item.text("tariffId", ""),
            "kind": _KINDS.get(item.text("tariffKind", ""), "default"),
            "evses": [place for place in item.raw("evseIds") or () if isinstance(place, int)],
        }
        for item in Fields(answer).list("tariffAssignments")
    ]
    return {"tariffs": found}


def _cleared(answer: Payload, arguments: Arguments) -> Outcome:
    """Each tariff has an answer of its own; one refusal makes the whole a refusal."""
    results = list(Fields(answer).list("clearTariffsResult"))
    words = [item.text("status", "") for item in results]
    told = [
        {"number": item.text("tariffId"), "gone": word in ("Accepted", "NoTariff")}
        for item, word in zip(results, words, strict=True)
    ]
    gone = sum(word == "Accepted" for word in words)
    if "Rejected" in words:
        sentence = f"The charger refused {words.count('Rejected')} of {len(words)} tariffs."
        return Outcome(CommandState.REJECTED, answer, sentence, {"cleared": told}, "Rejected")
    sentence = f"The charger cleared {gone} tariffs." if gone else "The charger held no tariff."
    return accepted(answer, sentence, {"cleared": told})


ROUTES: dict[str, Route] = {"Authorize": replace(v201.ROUTES["Authorize"], handler=authorize)}


ORDERS: dict[Order, Encoding] = {
    Order.SEND_LOCAL_LIST: v201.send_as(KINDS, LONGEST),
    Order.RESERVE: v201.reserve_as(KINDS, LONGEST, PLUG_TYPES),
    Order.SET_DEFAULT_TARIFF: Encoding(
        "SetDefaultTariff",
        lambda given: {"evseId": given.get("connector", 0), "tariff": _tariff(given)},
        sentences=_REFUSALS,
    ),
    Order.CHANGE_TRANSACTION_TARIFF: Encoding(
        "ChangeTransactionTariff",
        lambda given: {"transactionId": given["transaction_ref"], "tariff": _tariff(given)},
        sentences=_REFUSALS,
    ),
    Order.READ_TARIFFS: Encoding(
        "GetTariffs",
        lambda given: {"evseId": given.get("connector", 0)},
        frozenset({"Accepted", "NoTariff"}),
        {"NoTariff": "The charger holds no tariff."},
        facts=_read_facts,
    ),
    Order.CLEAR_TARIFFS: Encoding("ClearTariffs", _clear, decode=_cleared),
    Order.ANNOUNCE_WEB_PAYMENT: Encoding(
        "NotifyWebPaymentStarted",
        lambda given: {"evseId": given["connector"], "timeout": given["timeout_s"]},
        decode=lambda answer, given: accepted(answer, "The charger knows of the payment."),
    ),
}
