"""How a tariff is told on the command line: prices as options, or a JSON definition."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from app.cli.ground import _shared as cli
from app.domain.ground.rows import read
from app.domain.money import tariff_book, validity
from app.domain.money import tariffs as prices
from app.models import Tariff, TariffVersion


def held(tariff: Tariff) -> TariffVersion:
    """The version that holds now."""
    return validity.in_force(tariff.versions, cli.now(), "UTC")


def formula(tariff: Tariff) -> list[str]:
    """The version that holds now in sentences."""
    parsed = prices.from_json(held(tariff).definition)
    return [prices.say(phrase) for phrase in prices.formula_in_words(parsed)]


LIST: list[cli.Column] = [
    *read("id name currency"),
    ("version", lambda tariff: held(tariff).number),
    *read("default=is_default"),
    ("formula", lambda tariff: "; ".join(formula(tariff))),
]
ONE: list[cli.Column] = [
    *LIST[:5],
    *read("archived_at"),
    ("changed_at", lambda tariff: held(tariff).created_at),
    ("changed_by", lambda tariff: held(tariff).created_by),
    ("note", lambda tariff: held(tariff).note),
    ("formula", formula),
    ("definition", lambda tariff: tariff_book.said(held(tariff))),
]
VERSIONS: list[cli.Column] = read(
    "version=number created_at created_by valid_from valid_until withdrawn_at note"
)


def number(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A number on the command line, kept as text so that it stays exact."""
    if value is None:
        return None
    try:
        if Decimal(value).is_finite():
            return value
    except InvalidOperation:
        pass
    raise click.BadParameter(f"{value} is not a number.")


def price_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes a number."""
    return click.option(name, callback=number, metavar="PRICE", help=text)


def definition_of(**simple: Any) -> dict[str, object]:
    """The definition that the price options of `add` describe."""
    kinds = {
        "start_fee": "start",
        "energy": "energy",
        "charging": "charging_time",
        "connected": "connected_time",
        "idle": "idle",
        "no_show": "no_show",
        "no_show_minute": "no_show_time",
    }
    components: list[dict[str, object]] = [
        {"kind": kind, "price": simple[option]}
        for option, kind in kinds.items()
        if simple[option] is not None
    ]
    for component in components:
        if component["kind"] == "idle" and simple["grace"]:
            component["grace_minutes"] = simple["grace"]
    return {
        "schema": 1,
        "currency": (simple["currency"] or "").upper() or None,
        "tax": {
            "mode": "exclusive" if simple["tax_on_top"] else "inclusive",
            "percent": simple["tax"] or "0",
        },
        "free_minutes": simple["free_minutes"],
        "minimum": simple["minimum"],
        "maximum": simple["maximum"],
        "components": components,
    }
