"""The raw order: an action of the protocol with its payload, sent as it is given."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, document, text, yes
from app.domain.vocabulary import Order

#: `check` False sends it even where the version's schema forbids it (for test drivers).
ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.RAW: {
        "action": Argument(text(60)),
        "payload": Argument(document()),
        "check": Argument(yes, required=False),
    },
}

LABELS: dict[Order, str] = {Order.RAW: "Raw message"}


def _raw(given: Mapping[str, Any]) -> str:
    return f"Raw {given['action']}"


DESCRIBE: Describe = {Order.RAW: _raw}
