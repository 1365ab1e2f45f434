"""Orders about swapping batteries (2.1 block S)."""

from app.domain.orders.reading import Argument, Describe, text, word
from app.domain.orders.reservations import TOKEN_KINDS
from app.domain.vocabulary import Order

ARGUMENTS: dict[Order, dict[str, Argument]] = {
    Order.REQUEST_BATTERY_SWAP: {
        "token": Argument(text(255), help="The tag of whoever gets the battery."),
        "token_kind": Argument(word(*TOKEN_KINDS), required=False),
    },
}

LABELS: dict[Order, str] = {Order.REQUEST_BATTERY_SWAP: "Request a battery swap"}

DESCRIBE: Describe = {
    Order.REQUEST_BATTERY_SWAP: lambda given: f"Request a battery swap for tag {given['token']}",
}
