"""The orders: what arguments each takes, what people call it, and what it does.

`arguments` checks what someone typed and returns it in the domain's own words;
no word of the wire is in here.  One file per noun; a table in each.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Invalid
from app.domain.orders import (
    battery_swap,
    certificates,
    charging,
    display,
    files,
    local_lists,
    monitoring,
    profiles,
    raw,
    reservations,
    settings,
    station,
    tariffs,
)
from app.domain.orders.reading import Argument, Describe
from app.domain.orders.settings import SECRET_SETTINGS
from app.domain.orders.station import RESETS, TRIGGERS
from app.domain.vocabulary import Order

__all__ = [
    "ARGUMENTS",
    "LABELS",
    "NOUNS",
    "RESETS",
    "SECRET_SETTINGS",
    "TRIGGERS",
    "arguments",
    "describe",
]

#: The nouns in the order in which the desk shows their orders.
NOUNS: dict[str, Any] = {
    "Charging": charging,
    "Station": station,
    "Settings": settings,
    "Monitoring": monitoring,
    "Local list": local_lists,
    "Reservations": reservations,
    "Charging profiles": profiles,
    "Firmware and logs": files,
    "Certificates": certificates,
    "Display": display,
    "Tariffs": tariffs,
    "Battery swap": battery_swap,
    "Raw": raw,
}

ARGUMENTS: dict[Order, dict[str, Argument]] = {}
LABELS: dict[Order, str] = {}
_DESCRIBE: Describe = {}
for _noun in NOUNS.values():
    ARGUMENTS |= _noun.ARGUMENTS
    LABELS |= _noun.LABELS
    _DESCRIBE |= _noun.DESCRIBE


def arguments(order: Order, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the arguments of an order; raises `Invalid` naming the first that cannot be used."""
    table = ARGUMENTS[order]
    for name in given:
        if name not in table:
            raise Invalid(f"{LABELS[order]} takes no {name}.", field=name)
    found: dict[str, Any] = {}
    for name, argument in table.items():
        value = given.get(name)
        blank = value is None or value in ("", [])
        # A setting may be made empty; everything else that is blank was left out.
        if value is None or (blank and not argument.blank):
            if argument.required:
                raise Invalid(f"The {name.replace('_', ' ')} is missing.", field=name)
            continue
        found[name] = argument.read(name, value)
    if order is Order.READ_SETTINGS:
        found.setdefault("keys", [])
    if order is Order.STOP_CHARGING and not found:
        raise Invalid("Say which session to stop.", field="session_id")
    return found


def describe(order: Order, given: Mapping[str, Any]) -> str:
    """An order with its arguments in a few words, safe to show and to keep in the audit."""
    words = _DESCRIBE.get(order)
    return words(given) if words else LABELS.get(order, order.value.replace("_", " "))
