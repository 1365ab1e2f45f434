"""Orders that keep a plug for someone."""

from collections.abc import Mapping
from typing import Any

from app.domain.orders.reading import (
    Argument,
    Describe,
    instant,
    plug_or_station,
    row,
    text,
    whole,
    word,
)
from app.domain.vocabulary import Order
from app.domain.vocabulary.values import TOKEN_KINDS

#: Kinds of plugs that a reservation may ask for, where any plug of the kind will do.
PLUG_TYPES = (
    *("type_1", "type_2", "type_2_socket", "type_3_socket", "ccs_1", "ccs_2", "chademo"),
    *("nacs", "schuko", "gbt_dc", "mcs", "inductive", "pantograph"),
)

#: Nobody keeps a plug longer than a year.
MOST_MINUTES = 366 * 24 * 60

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.RESERVE: {
        "connector": Argument(plug_or_station, required=False),
        "plug_type": Argument(word(*PLUG_TYPES), required=False),
        "token": Argument(text(255)),
        "token_kind": Argument(word(*TOKEN_KINDS), required=False),
        "minutes": Argument(whole(1, MOST_MINUTES), required=False),
        "expires_at": Argument(instant, required=False),
    },
    Order.CANCEL_RESERVATION: {"reservation_id": Argument(row)},
}

LABELS: dict[Order, str] = {
    Order.RESERVE: "Reserve",
    Order.CANCEL_RESERVATION: "Cancel a reservation",
}


def _reserve(given: Mapping[str, Any]) -> str:
    plug = f"connector {given['connector']}" if given.get("connector") else "a connector"
    return f"Reserve {plug} for tag {given['token']}"


DESCRIBE: Describe = {
    Order.RESERVE: _reserve,
    Order.CANCEL_RESERVATION: lambda given: f"Cancel reservation {given['reservation_id']}",
}
