"""Orders about the list of tags that a station knows by heart."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import Argument, Describe, word
from app.domain.vocabulary import Order

#: How a list is sent: as it fits best, as a whole, as what changed, or emptied.
MODES = ("auto", "full", "differential", "empty")

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.SEND_LOCAL_LIST: {"mode": Argument(word(*MODES), required=False)},
    Order.READ_LOCAL_LIST_VERSION: {},
}

LABELS: dict[Order, str] = {
    Order.SEND_LOCAL_LIST: "Send the local list",
    Order.READ_LOCAL_LIST_VERSION: "Ask for the local list's version",
}


def _send(given: Mapping[str, Any]) -> str:
    if "version" not in given:
        return LABELS[Order.SEND_LOCAL_LIST]
    if given["mode"] == "empty":
        return f"Empty the local list (version {given['version']})"
    told, gone = len(given.get("entries") or ()), len(given.get("removed") or ())
    if given["update"] == "full":
        return f"Send the local list, version {given['version']}: {told} tags"
    return f"Update the local list to version {given['version']}: {told} tags, {gone} removed"


DESCRIBE: Describe = {Order.SEND_LOCAL_LIST: _send}
