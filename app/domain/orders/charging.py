"""Orders about charging: start, stop, the state of a transaction, its cost so far."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.domain.orders.reading import Argument, Describe, number, plug, row, text, whole, word
from app.domain.orders.reservations import TOKEN_KINDS
from app.domain.vocabulary import Order

_TRANSACTION: dict[str, Argument] = {
    "session_id": Argument(row, required=False),
    "transaction_ref": Argument(text(64), required=False),
}

_KEPT = "Kept by the station, where it says that it can (OCPP 2.1)."

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.START_CHARGING: {
        "connector": Argument(plug, required=False),
        "token": Argument(text(255)),
        "token_kind": Argument(word(*TOKEN_KINDS), required=False),
        "profile_id": Argument(
            row, required=False, label="Charging profile", help="It limits that session alone."
        ),
        "most_cost": Argument(number(Decimal(0), Decimal(1_000_000)), required=False, help=_KEPT),
        "most_kwh": Argument(number(Decimal(0), Decimal(100_000)), required=False, help=_KEPT),
        "most_minutes": Argument(whole(1, 60 * 24 * 366), required=False, help=_KEPT),
        "most_percent": Argument(whole(1, 100), required=False, help=_KEPT),
    },
    Order.STOP_CHARGING: {
        "transaction_ref": Argument(text(64), required=False),
        "session_id": Argument(row, required=False),
    },
    Order.READ_TRANSACTION_STATUS: _TRANSACTION,
    Order.SEND_COST: {
        **_TRANSACTION,
        "total_cost": Argument(number(Decimal(0), Decimal(1_000_000)), required=False),
    },
}

LABELS: dict[Order, str] = {
    Order.START_CHARGING: "Start charging",
    Order.STOP_CHARGING: "Stop charging",
    Order.READ_TRANSACTION_STATUS: "Ask how a session stands",
    Order.SEND_COST: "Tell the cost so far",
}


def _start(given: Mapping[str, Any]) -> str:
    on = f" on connector {given['connector']}" if given.get("connector") else ""
    secret = given.get("token_kind") == "key_code"
    return f"Start charging{on} with {'a key code' if secret else 'tag ' + str(given['token'])}"


def _session(given: Mapping[str, Any]) -> str:
    name = given.get("session_id") or given.get("transaction_ref")
    return f"session {name}" if name else "its transactions"


DESCRIBE: Describe = {
    Order.START_CHARGING: _start,
    Order.STOP_CHARGING: lambda given: f"Stop {_session(given)}",
    Order.READ_TRANSACTION_STATUS: lambda given: f"Ask how {_session(given)} stands",
    Order.SEND_COST: lambda given: f"Tell the cost so far of {_session(given)}",
}
