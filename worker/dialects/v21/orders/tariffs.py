"""Tariffs at the station, and web payments (OCPP 2.1 blocks I and C)."""

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Facts, Payload, accepted, without_blanks
from worker.dialects.v21 import tariff
from worker.ocpp.fields import Fields

_REFUSALS = {
    "TooManyElements": "The charger cannot hold a tariff with so many prices.",
    "ConditionNotSupported": "The charger knows no conditions on prices.",
    "DuplicateTariffId": "The charger holds this version of the tariff already.",
    "TxNotFound": "The charger knows no such transaction.",
    "NoCurrencyChange": "The currency of a running session cannot change.",
}
_KINDS = {"DefaultTariff": "default", "DriverTariff": "driver"}


def _tariff(arguments: Arguments) -> Payload:
    return tariff.written(
        arguments["number"],
        arguments["name"],
        arguments["document"],
        arguments.get("valid_from"),
    )


def _default(arguments: Arguments) -> Payload:
    return {"evseId": arguments.get("connector", 0), "tariff": _tariff(arguments)}


def _change(arguments: Arguments) -> Payload:
    return {"transactionId": arguments["transaction_ref"], "tariff": _tariff(arguments)}


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


def _web_payment(arguments: Arguments) -> Payload:
    return {"evseId": arguments["connector"], "timeout": arguments["timeout_s"]}


ORDERS: dict[Order, Encoding] = {
    Order.SET_DEFAULT_TARIFF: Encoding("SetDefaultTariff", _default, sentences=_REFUSALS),
    Order.CHANGE_TRANSACTION_TARIFF: Encoding(
        "ChangeTransactionTariff", _change, sentences=_REFUSALS
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
        _web_payment,
        decode=lambda answer, given: accepted(answer, "The charger knows of the payment."),
    ),
}
