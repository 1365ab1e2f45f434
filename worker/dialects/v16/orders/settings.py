"""Configuration keys (OCPP 1.6 sections 5.3 and 5.8)."""

from app.domain.vocabulary import CommandState, Order, Outcome
from worker.dialects.encoding import Arguments, Encoding, Payload


def _read(arguments: Arguments) -> Payload:
    return {"key": list(arguments["keys"])} if arguments.get("keys") else {}


def _told(answer: Payload, arguments: Arguments) -> Outcome:
    count = len(answer.get("configurationKey") or ())
    unknown = len(answer.get("unknownKey") or ())
    sentence = f"{count} settings read" + (f", {unknown} unknown." if unknown else ".")
    return Outcome(CommandState.ACCEPTED, answer, sentence)


ORDERS: dict[Order, Encoding] = {
    Order.CHANGE_SETTING: Encoding(
        "ChangeConfiguration",
        lambda given: {"key": given["key"], "value": given["value"]},
        frozenset({"Accepted", "RebootRequired"}),
        {
            "RebootRequired": "The setting is stored and takes effect after a restart.",
            "NotSupported": "The charger does not know this setting.",
        },
    ),
    Order.READ_SETTINGS: Encoding("GetConfiguration", _read, decode=_told),
}
