"""Orders about the tariffs that a 2.1 station knows itself, and about payments there."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import (
    Argument,
    Describe,
    instant,
    plug_or_station,
    row,
    several,
    text,
    whole,
)
from app.domain.vocabulary import Order

_CONNECTOR = Argument(plug_or_station, required=False, help="Nothing or 0: all of them.")
_TARIFF = Argument(row, label="Tariff", help="Its number in the tariff book.")

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.SET_DEFAULT_TARIFF: {
        "tariff_id": _TARIFF,
        "connector": _CONNECTOR,
        "valid_from": Argument(instant, required=False),
    },
    Order.READ_TARIFFS: {"connector": _CONNECTOR},
    Order.CLEAR_TARIFFS: {
        "numbers": Argument(
            several(text(60), 100), required=False, help="As the station names them; or all."
        ),
        "connector": _CONNECTOR,
    },
    Order.CHANGE_TRANSACTION_TARIFF: {
        "tariff_id": _TARIFF,
        "session_id": Argument(row, required=False),
        "transaction_ref": Argument(text(64), required=False),
    },
    Order.ANNOUNCE_WEB_PAYMENT: {
        "connector": Argument(plug_or_station),
        "timeout_s": Argument(whole(1, 86_400), help="How long the payment may take."),
    },
}

LABELS: dict[Order, str] = {
    Order.SET_DEFAULT_TARIFF: "Set the default tariff",
    Order.READ_TARIFFS: "Read tariffs",
    Order.CLEAR_TARIFFS: "Clear tariffs",
    Order.CHANGE_TRANSACTION_TARIFF: "Change the tariff of a session",
    Order.ANNOUNCE_WEB_PAYMENT: "Announce a web payment",
}


def _on(given: Mapping[str, Any]) -> str:
    return f" on connector {given['connector']}" if given.get("connector") else ""


DESCRIBE: Describe = {
    Order.SET_DEFAULT_TARIFF: lambda given: f"Set default tariff {given['tariff_id']}{_on(given)}",
    Order.CHANGE_TRANSACTION_TARIFF: lambda given: (
        f"Change the tariff of session {given.get('session_id') or given.get('transaction_ref')}"
    ),
    Order.ANNOUNCE_WEB_PAYMENT: lambda given: f"Announce a web payment{_on(given)}",
}
