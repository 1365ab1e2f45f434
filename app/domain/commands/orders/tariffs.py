"""Orders about the tariffs that a 2.1 station knows itself, and about payments there."""

from collections.abc import Mapping
from typing import Any

from app.domain.commands.orders.reading import (
    SESSION,
    Argument,
    instant,
    optional,
    plug_or_station,
    row,
    several,
    text,
    whole,
)
from app.domain.commands.orders.spec import Spec
from app.domain.ground.vocabulary import Order
from app.domain.money import station_tariffs

_CONNECTOR = optional(plug_or_station, help="Nothing or 0: all of them.")
_TARIFF = Argument(row, label="Tariff", help="Its number in the tariff book.")


def _on(given: Mapping[str, Any]) -> str:
    return f" on connector {given['connector']}" if given.get("connector") else ""


def _change(given: Mapping[str, Any]) -> str:
    session = given.get("session_id") or given.get("transaction_ref")
    return f"Change the tariff of session {session}"


SPECS = (
    Spec(
        Order.SET_DEFAULT_TARIFF,
        "Set the default tariff",
        arguments={"tariff_id": _TARIFF, "connector": _CONNECTOR, "valid_from": optional(instant)},
        words=lambda given: f"Set default tariff {given['tariff_id']}{_on(given)}",
        prepare=station_tariffs.prepare_default,
        after=station_tariffs.settle_set,
    ),
    Spec(
        Order.READ_TARIFFS,
        "Read tariffs",
        arguments={"connector": _CONNECTOR},
        after=station_tariffs.settle_read,
    ),
    Spec(
        Order.CLEAR_TARIFFS,
        "Clear tariffs",
        arguments={
            "numbers": optional(several(text(60), 100), help="As the station names them; or all."),
            "connector": _CONNECTOR,
        },
        question="Remove these tariffs from {identity}?",
        after=station_tariffs.settle_clear,
    ),
    Spec(
        Order.CHANGE_TRANSACTION_TARIFF,
        "Change the tariff of a session",
        arguments={"tariff_id": _TARIFF, **SESSION},
        words=_change,
        question="Change the price of a session that is running?",
        single=True,
        prepare=station_tariffs.prepare_change,
        after=station_tariffs.settle_set,
    ),
    Spec(
        Order.ANNOUNCE_WEB_PAYMENT,
        "Announce a web payment",
        arguments={
            "connector": Argument(plug_or_station),
            "timeout_s": Argument(whole(1, 86_400), help="How long the payment may take."),
        },
        words=lambda given: f"Announce a web payment{_on(given)}",
        single=True,
    ),
)
