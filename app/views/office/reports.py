"""Reports: a table with its curve or its picture of a week, or the table as a file."""

from datetime import UTC, date, datetime
from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from app.domain.ground.errors import Invalid
from app.domain.money.tariffs import exponent, is_currency
from app.extensions import db, the_settings
from app.models import Station
from app.process.clock import utc_now
from app.queries.ground import names, period
from app.queries.ground.period import Period
from app.queries.office import reports
from app.queries.office.reports import KINDS, Report, Wanted
from app.text import numbers
from app.web import listing
from app.web.security import Pages

blueprint = Pages("reports", __name__, url_prefix="/reports")


@blueprint.get("")
def index() -> ResponseReturnValue:
    """A report over a period, as the URL says; or its table as a file."""
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else next(iter(KINDS))
    now, trouble = utc_now(), ""
    today = now.astimezone(listing.zone()).date()
    days = period.lately(today)
    try:
        days = period.of_days(listing.text("from"), listing.text("to"), days)
        report = _made(kind, days, now)
    except Invalid as error:
        trouble, days = error.sentence, period.lately(today)
        report = _made(kind, days, now)
    if request.args.get("format") == "pdf":
        from app.text import report_pdf  # fonts take a while to load

        facts = reports.facts(db.session(), report.wanted)
        data = report_pdf.written(report, KINDS[kind].title, facts, now=now, translate=_)
        name = f"{kind}-{days.first}-{days.last}.pdf"
        return listing.sent([data], "application/pdf", name)
    if listing.wants_file():
        columns, rows = report.flat()
        since, until = days.bounds(g.get("zone", "UTC"))
        return listing.file_response("report", columns, rows, since=since, until=until)
    return render_template(
        "office/reports/index.html",
        kind=kind,
        kinds=KINDS,
        ways=reports.WAYS,
        report=report,
        days=days,
        ready=_ready(today),
        charts=bool(report.curves),
        drawn=_drawn(report),
        sites=names.all_sites(db.session()),
        trouble=trouble,
        station=db.session.get(Station, report.wanted.station_id),
    )


def _made(kind: str, days: Period, now: datetime) -> Report:
    kept_days = the_settings().connection_retention_days
    return reports.run(db.session(), kind, _wanted(kind, days), now=now, kept_days=kept_days)


def _wanted(kind: str, days: Period) -> Wanted:
    by = listing.text("by")
    return Wanted(
        tenant_id=current_user.tenant_id,
        period=days,
        by=by if by in KINDS[kind].by else KINDS[kind].by[0],
        site_id=listing.number("site") or 0,
        station_id=listing.number("station") or 0,
        most=reports.MOST if listing.wants_file() else reports.USUAL,
    )


def _ready(today: date) -> list[tuple[str, Period]]:
    """Periods that are a tap away."""
    return [
        (_("31 days"), period.lately(today)),
        (_("This month"), Period(today.replace(day=1), today)),
        (_("Last month"), period.month_before(today)),
        (_("This year"), Period(today.replace(month=1, day=1), today)),
    ]


def _drawn(report: Report) -> list[tuple[str, dict[str, Any], list[tuple[date, str]]]]:
    """Each curve as the chart takes it, and as a table; a day stands at its midnight in UTC."""
    dates = report.wanted.period.dates
    times = [int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in dates]
    found = []
    for unit, values in report.curves:
        places = exponent(unit) if is_currency(unit) else 2
        series = {"label": unit, "kind": "current", "unit": unit, "places": places}
        data = {
            "times": times,
            "series": [series | {"values": values}],
            "zone": "UTC",
            "days": True,
        }
        written = [numbers.number(value, places) for value in values]
        rows = list(zip(dates, written, strict=True))
        found.append((unit, data, rows))
    return found
