"""How a tariff is told and tried on the command line: prices as options, or a JSON definition."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from app.cli.ground import _shared as cli
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import read
from app.domain.money import tariff_book, validity
from app.domain.money import tariffs as prices
from app.models import Tariff, TariffVersion
from app.queries.ground import period
from app.queries.money import bench


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


@click.command("bench")
@click.argument("file", type=cli.FROM)
@click.option("--month", help="Such as 2026-10, on the sites' clocks; if left out, the last one.")
@click.option("--of", "name", help="Only the sessions that this tariff priced.")
@click.option(
    "--most",
    type=click.IntRange(1, bench.MOST),
    default=5000,
    show_default=True,
    help="Of more sessions, every second, third … one is priced.",
)
@click.option(
    "--csv",
    "path",
    type=cli.TO,
    help="Write a row per session there (- for stdout).",
)
@cli.json_option
def bench_(
    file: Path, month: str | None, name: str | None, most: int, path: Path | None, as_json: bool
) -> None:
    """Price a month's billed sessions by the definition in FILE; nothing is changed.

    FILE is what `flask tariff show --version` or `flask tariff export` writes (- for stdin).
    """
    read = cli.document(file)
    if isinstance(read, list) and len(read) == 1:
        read = read[0]
    if isinstance(read, dict) and "definition" in read:
        read = read["definition"]
    if not isinstance(read, dict):
        raise Invalid("It has no definition.")
    db, now = cli.reading(), cli.now()
    tenant_id = cli.the_tenant(db).id
    found = bench.run(
        db,
        tenant_id,
        tariff_book.checked(read),
        period.month(month) if month else period.month_before(now.date()),
        tariff=tariff_book.named(db, tenant_id, name) if name else None,
        most=most,
        now=now,
    )
    if path:
        cli.write_csv(path, bench.columns(found.currency), found.rows)
        return
    columns: tuple[cli.Column, ...] = (
        ("hour", lambda row: row[0]),
        ("sessions", lambda row: row[1].sessions),
        ("kwh", lambda row: row[1].energy_wh / 1000),
        ("billed", lambda row: prices.from_minor(row[1].old_minor, found.currency)),
        ("draft", lambda row: prices.from_minor(row[1].new_minor, found.currency)),
        ("difference", lambda row: prices.from_minor(row[1].difference_minor, found.currency)),
    )
    cli.print_rows([*found.by_hour, ("all", found.all)], columns, json=as_json)
    if not as_json:
        click.echo(
            f"{found.period.first:%Y-%m}: {found.looked_at} of {found.found} sessions looked at, "
            f"{found.unbilled} of them without a bill; amounts in {found.currency}, tax included."
        )
