"""flask tariff …: what charging costs."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from app.cli.ground import _shared as cli
from app.cli.money._tariff_parts import (
    LIST,
    ONE,
    VERSIONS,
    bench_,
    definition_of,
    held,
    number,
    price_option,
)
from app.domain.access import drivers, tag_groups
from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.rows import read
from app.domain.money import tariff_book, tariff_choice
from app.domain.money import tariffs as prices
from app.domain.network import sites, stations
from app.queries.ground.paging import CSV_LIMIT, Wish
from app.queries.money import tariffs as queries
from app.resource import TARIFFS
from app.text import numbers
from app.uow import unit_of_work

group = cli.Group("tariff", help="What charging costs: tariffs and their versions.")


_named = cli.by_name(tariff_book.named)


@group.command("add")
@click.argument("name")
@click.option("--currency", help="ISO 4217 code, such as EUR; if left out, that of all sites.")
@price_option("--energy", "Price per kWh.")
@price_option("--start-fee", "Price per session.")
@price_option("--charging", "Price per minute of charging.")
@price_option("--connected", "Price per minute connected.")
@price_option("--idle", "Price per idle minute.")
@click.option("--grace", type=click.IntRange(min=0), default=0, help="Free idle minutes.")
@price_option("--no-show", "Price of an unused reservation.")
@price_option("--no-show-minute", "Price per minute of such a reservation.")
@click.option("--free-minutes", type=click.IntRange(min=0), default=0, help="Free of time charges.")
@price_option("--minimum", "The least that a session with energy costs.")
@price_option("--maximum", "The most that a session costs.")
@click.option("--tax", callback=number, metavar="PERCENT", help="Tax rate in percent.")
@click.option("--tax-on-top", is_flag=True, help="Prices are without tax.")
@click.option("--file", type=cli.FROM, help="A JSON definition instead (- for stdin).")
@click.option("--default", "default", is_flag=True, help="Price what has no nearer tariff.")
@click.option("--note", help="Why, for the list of versions.")
@cli.json_option
def add(
    name: str, file: Path | None, default: bool, note: str, as_json: bool, **simple: Any
) -> None:
    """Add a tariff, from prices or from a JSON definition."""
    told: Any = cli.document(file) if file else None
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        simple["currency"] = simple["currency"] or tariff_choice.only_currency(db, tenant_id)
        tariff = tariff_book.create(
            db,
            cli.ACTOR,
            tenant_id,
            name=name,
            definition=told if file else definition_of(**simple),
            note=note,
            default=default,
            now=cli.now(),
        )
        cli.print_row(tariff, ONE if as_json else LIST, json=as_json)


@group.command("list")
@click.option("--archived", is_flag=True, help="Those in the archive.")
@click.option("--search", "q", default="", help="Part of the name.")
@click.option("--currency", default="", help="Only this currency.")
@cli.json_option
def list_(archived: bool, q: str, currency: str, as_json: bool) -> None:
    """List tariffs."""
    wanted = queries.Filter(q, "archived" if archived else "", currency.upper())
    page = queries.page(cli.reading(), wanted, Wish(size=CSV_LIMIT))
    cli.print_rows(page.rows, LIST, json=as_json)


@group.command("show")
@click.argument("name")
@click.option("--version", type=int, help="An older version.")
@cli.json_option
def show(name: str, version: int | None, as_json: bool) -> None:
    """Show one tariff: its prices in words and its definition."""
    tariff = _named(cli.reading(), name)
    if version is None:
        cli.print_row(tariff, ONE, json=as_json)
        return
    found = next((each for each in tariff.versions if each.number == version), None)
    if found is None:
        cli.fail(f"{tariff.name} has no version {version}.")
    cli.print_json(found.definition)


@group.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="A new name.")
@click.option("--file", type=cli.FROM, help="A new JSON definition (- for stdin).")
@click.option("--default/--no-default", default=None, help="Whether it is the default.")
@click.option("--note", help="Why, for the list of versions.")
@click.option("--from", "valid_from", help="Hold from then on, by each site's clock.")
@click.option("--until", "valid_until", help="Hold until then; like 2027-01-01T00:00.")
@cli.json_option
def edit(
    name: str, new_name: str | None, file: Path | None, default: bool | None, as_json: bool,
    **more: str | None,
) -> None:  # fmt: skip
    """Rename a tariff or give it a new version; running sessions keep the old one."""
    definition = cli.document(file) if file else None
    with unit_of_work() as db:
        tariff = _named(db, name)
        given = {"name": new_name, "definition": definition, "default": default, **more}
        TARIFFS.edit(db, cli.ACTOR, tariff, now=cli.now(), **given)
        cli.print_row(tariff, ONE if as_json else LIST, json=as_json)


@group.command("versions")
@click.argument("name")
@cli.json_option
def versions(name: str, as_json: bool) -> None:
    """List what a tariff said and will say, and when."""
    cli.print_rows(_named(cli.reading(), name).versions, VERSIONS, json=as_json)


group.does(
    *("withdraw", _named, tariff_book.withdraw, "Version {made.number} is withdrawn."),
    "Take a planned version back before it begins.",
    click.argument("number", metavar="VERSION", type=int),
)


@group.command("copy")
@click.argument("name")
@click.argument("new_name")
@cli.json_option
def copy(name: str, new_name: str, as_json: bool) -> None:
    """Make another tariff of the prices that hold now."""
    with unit_of_work() as db:
        made = tariff_book.copy(db, cli.ACTOR, _named(db, name), name=new_name, now=cli.now())
        cli.print_row(made, ONE if as_json else LIST, json=as_json)


@group.command("assign")
@click.argument("name", required=False)
@click.option("--site", help="To a site.")
@click.option("--station", help="To a station.")
@click.option("--group", "tag_group", help="To a tag group.")
@click.option("--driver", help="To a driver (name or e-mail).")
@click.option("--none", "nothing", is_flag=True, help="Take the price away instead.")
def assign(
    name: str | None,
    site: str | None,
    station: str | None,
    tag_group: str | None,
    driver: str | None,
    nothing: bool,
) -> None:
    """Make a tariff the price of a site, station, tag group or driver."""
    if (name is None) != nothing:
        raise Invalid("Name a tariff, or say --none.")
    ways: list[tuple[Any, str | None]] = [
        (sites.named, site),
        (stations.called, station),
        (tag_groups.named, tag_group),
        (drivers.named, driver),
    ]
    if sum(typed is not None for _, typed in ways) != 1:
        raise Invalid("Say one of --site, --station, --group and --driver.")
    with unit_of_work() as db:
        tenant_id = cli.the_tenant(db).id
        tariff = _named(db, name) if name is not None else None
        find, typed = next(one for one in ways if one[1] is not None)
        holder: tariff_choice.Holder = find(db, tenant_id, typed)
        tariff_book.assign(db, cli.ACTOR, tariff, holder, now=cli.now())
    click.echo(f"Priced by {tariff.name}." if tariff else "The price was taken away.")


group.does(
    *("archive", _named, tariff_book.archive, "{row.name} is archived."),
    "Put a tariff away that nobody has any more, or take it out again.",
    undo=(tariff_book.restore, "{row.name} is restored.", "Take it out of the archive again."),
)


@group.command("export")
@click.argument("names", nargs=-1)
def export(names: tuple[str, ...]) -> None:
    """Print tariffs (all, or those named) as JSON that `import` reads."""
    db = cli.reading()
    if names:
        rows = [_named(db, name) for name in names]
    else:
        rows = queries.page(db, queries.Filter(), Wish(size=CSV_LIMIT)).rows
    cli.print_json([{"name": row.name, "definition": tariff_book.said(held(row))} for row in rows])


@group.command("import")
@click.argument("file", type=cli.FROM)
def import_(file: Path) -> None:
    """Add tariffs from JSON; one that exists gets a new version where it differs.

    All are imported, or none.
    """
    entries = cli.document(file)
    if not isinstance(entries, list):
        entries = [entries]
    seen: set[str] = set()
    with unit_of_work() as db:
        for place, entry in enumerate(entries, start=1):
            if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
                raise Invalid(f"Entry {place} has no name.")
            try:
                if unknown := entry.keys() - {"name", "definition"}:
                    raise Invalid(f"An import takes no {', '.join(sorted(unknown))}.")
                if (key := texts.key(entry["name"])) in seen:
                    raise Invalid("An entry before it is of this tariff, too.")
                seen.add(key)
                click.echo(_import_one(db, entry["name"], entry.get("definition")))
            except Invalid as error:
                raise Invalid(f"Entry {place} ({entry['name']}): {error.sentence}") from None


def _import_one(db: Session, name: str, definition: Any) -> str:
    tenant_id = cli.the_tenant(db).id
    if not isinstance(definition, dict):
        raise Invalid("It has no definition.")
    existing = tariff_book.find(db, tenant_id, name)
    if existing is None:
        tariff_book.create(
            db, cli.ACTOR, tenant_id, name=name, definition=definition, now=cli.now()
        )
        return f"{name}: added."
    before = existing.versions[-1].number
    tariff_book.edit(db, cli.ACTOR, existing, definition=definition, now=cli.now())
    after = existing.versions[-1].number
    return f"{name}: version {after}." if after != before else f"{name}: unchanged."


@group.command("price")
@click.argument("name")
@click.option("--kwh", callback=number, required=True, help="Energy.")
@click.option("--minutes", type=click.IntRange(min=0), required=True, help="Time of charging.")
@click.option("--idle", type=click.IntRange(min=0), default=0, help="Idle minutes after it.")
@click.option("--at", type=click.DateTime(), help="Local time of the start; now if left out.")
@click.option("--timezone", default="UTC", help="IANA name of the site's zone.")
@cli.json_option
def price(name: str, as_json: bool, **imagined: Any) -> None:
    """Say what an imagined session would cost, line by line."""
    tariff = _named(cli.reading(), name)
    quote = tariff_book.example(
        held(tariff),
        energy_kwh=Decimal(imagined["kwh"]),
        charging_min=imagined["minutes"],
        idle_min=imagined["idle"],
        local_start=imagined["at"],
        timezone=imagined["timezone"],
        now=cli.now(),
    )

    def amount(name: str) -> Any:
        return lambda line: prices.from_minor(getattr(line, f"{name}_minor"), quote.currency)

    columns: list[cli.Column] = [
        ("item", lambda line: prices.say(line.label)),
        *read("quantity unit price=unit_price"),
        *((name, amount(name)) for name in ("net", "tax", "gross")),
    ]
    cli.print_rows(quote.lines, columns, json=as_json)
    if not as_json:
        total = prices.from_minor(quote.gross_minor, quote.currency)
        click.echo(f"Total {numbers.price(total, quote.currency)}")
        for phrase in quote.explanation:
            click.echo(prices.say(phrase))


group.add_command(bench_)
