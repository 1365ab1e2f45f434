"""flask report …: energy, revenue, use, uptime, faults and first tries over a period."""

from pathlib import Path
from typing import BinaryIO

import click

from app.cli.ground import _shared as cli
from app.extensions import the_settings
from app.queries.ground import period
from app.queries.office import reports
from app.queries.office.reports import KINDS, Wanted

group = cli.Group("report", help="Tables over a period, on the sites' clocks.")


def _add(kind: str) -> None:
    ways = KINDS[kind].by

    @group.command(kind, help=f"{KINDS[kind].title}, by {', '.join(ways)}.")
    @click.option("--from", "first", default="", help="The first day; 30 days ago.")
    @click.option("--to", "last", default="", help="The last day, as 2026-10-31; today.")
    @click.option("--month", default="", help="A whole month instead, as 2026-10.")
    @click.option("--by", type=click.Choice(ways), default=ways[0], help="What a line is.")
    @click.option("--site", type=int, default=0, help="Only the site of this id.")
    @click.option("--station", type=int, default=0, help="Only the station of this id.")
    @click.option("--csv", "path", type=cli.TO, help="Write it there as CSV (- for stdout).")
    @click.option("--pdf", type=click.File("wb"), help="Write it there as PDF (- for stdout).")
    @cli.json_option
    def show(
        first: str, last: str, month: str, by: str, site: int, station: int, path: Path | None,
        pdf: BinaryIO | None, as_json: bool,
    ) -> None:  # fmt: skip
        db, now = cli.reading(), cli.now()
        lately = period.lately(period.today(db, now))
        days = period.month(month) if month else period.of_days(first, last, lately)
        wanted = Wanted(cli.the_tenant(db).id, days, by, site, station, reports.MOST)
        kept_days = the_settings().connection_retention_days
        report = reports.run(db, kind, wanted, now=now, kept_days=kept_days)
        columns, rows = report.flat()
        if pdf:
            from app.text import report_pdf  # fonts take a while to load

            title, facts = KINDS[kind].title, reports.facts(db, wanted)
            pdf.write(report_pdf.written(report, title, facts, now=now))
        elif path:
            cli.write_csv(path, columns, rows)
        else:
            cli.print_rows([*rows, *report.whole], columns, json=as_json)


for _kind in KINDS:
    _add(_kind)
