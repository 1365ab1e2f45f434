"""Orders about charging: start, stop, the state of a transaction, its cost so far."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, plug, row, text
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.START_CHARGING: {
        "connector": Argument(plug, required=False),
        "token": Argument(text(255)),
    },
    Order.STOP_CHARGING: {
        "transaction_ref": Argument(text(64), required=False),
        "session_id": Argument(row, required=False),
    },
}

LABELS: dict[Order, str] = {
    Order.START_CHARGING: "Start charging",
    Order.STOP_CHARGING: "Stop charging",
}


def _start(given: Mapping[str, Any]) -> str:
    on = f" on connector {given['connector']}" if given.get("connector") else ""
    return f"Start charging{on} with tag {given['token']}"


DESCRIBE: Describe = {
    Order.START_CHARGING: _start,
    Order.STOP_CHARGING: lambda given: (
        f"Stop session {given.get('session_id') or given.get('transaction_ref')}"
    ),
}
