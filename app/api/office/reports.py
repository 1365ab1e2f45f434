"""Endpoints: reports over a period; each is a table with its sums."""

from typing import Any

from flask import Response

from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun
from app.domain.ground.vocabulary import Json
from app.extensions import the_settings
from app.queries.ground import period
from app.queries.office import reports
from app.queries.office.reports import KINDS, Report, Wanted
from app.schemas.answers import Answer
from app.schemas.office import ReportAsked
from app.web.problems import Problem

noun = Noun("reports", "Tables over a period: energy, revenue, use, uptime, faults, first tries.")


class ReportLine(Answer):
    """A line; `figures` are in Wh, seconds, per cent, minor units of `currency`, or counted."""

    label: str
    currency: str
    figures: Json


class ReportAnswer(Answer):
    """A report; `lines` come to `whole`, one for each currency where it is of money."""

    kind: str
    by: str
    from_day: str
    to_day: str
    lines: list[ReportLine]
    whole: list[ReportLine]
    words: list[str]


def _lines(report: Report, lines: list[Any]) -> list[Json]:
    return [
        {
            "label": line.label,
            "currency": line.currency,
            "figures": {each.name: each.read(line.sums) for each in report.columns},
        }
        for line in lines
    ]


def _made(ask: Ask, kind: str) -> Report:
    if kind not in KINDS:
        raise Problem(404, "There is no such report.")
    asked = ask.query
    lately = period.lately(period.today(ask.db, ask.now))
    wanted = Wanted(
        tenant_id=ask.tenant_id,
        period=period.of_days(asked.get("from_day", ""), asked.get("to_day", ""), lately),
        by=asked.get("by") or KINDS[kind].by[0],
        site_id=asked.get("site_id", 0),
        station_id=asked.get("station_id", 0),
        most=reports.MOST,
    )
    kept_days = the_settings().connection_retention_days
    return reports.run(ask.db, kind, wanted, now=ask.now, kept_days=kept_days)


@noun.get(
    "/reports/{kind}",
    "Read a report",
    answers={200: ReportAnswer},
    query=ReportAsked,
    problems=(404, 422),
)
def show(ask: Ask, kind: str) -> object:
    """`kind` is energy, revenue, use, uptime, faults or tries; days are on the sites' clocks."""
    report = _made(ask, kind)
    return {
        "kind": kind,
        "by": report.wanted.by,
        "from_day": report.wanted.period.first.isoformat(),
        "to_day": report.wanted.period.last.isoformat(),
        "lines": _lines(report, report.lines),
        "whole": _lines(report, report.whole),
        "words": list(report.words),
    }


@noun.get(
    "/reports/{kind}/pdf",
    "Read a report as PDF",
    answers={200: File("application/pdf", "The same table with its sums and its picture, on A4.")},
    query=ReportAsked,
    problems=(404, 422),
)
def pdf(ask: Ask, kind: str) -> Response:
    """A report to be printed or sent on."""
    from app.text import report_pdf  # fonts take a while to load

    report = _made(ask, kind)
    facts = reports.facts(ask.db, report.wanted)
    data = report_pdf.written(report, KINDS[kind].title, facts, now=ask.now)
    return Response(data, mimetype="application/pdf")
