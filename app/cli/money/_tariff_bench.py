"""flask tariff bench: a draft against a month's billed sessions."""

from pathlib import Path

import click

from app.cli.ground import _shared as cli
from app.domain.ground.errors import Invalid
from app.domain.money import tariff_book
from app.domain.money import tariffs as prices
from app.queries.ground import period
from app.queries.money import bench


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
