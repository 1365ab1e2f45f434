"""A report as a PDF on A4: its sums, its curve or its week, its table, and how it is counted."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from fpdf import Align

from app.domain.ground.texts import N_
from app.text import numbers
from app.text.paper import ACCENT, INK, MARGIN, MUTED, RULE, Sheet

#: Words of the desk in the reader's language.
Translate = Callable[[str], str]

#: Lines of a table; who needs more takes the file for a spreadsheet.
MOST = 500
_BARS, _CELL, _ROW = 32, 5.4, 5.6
_DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


def figure(column: Any, line: Any) -> str:
    """A figure of a line with its unit, as the page shows it."""
    value = column.read(line.sums)
    if value is None:
        return numbers.DASH
    match column.unit:
        case "energy":
            return numbers.kwh(value)
        case "money":
            return numbers.money(int(value), line.currency)
        case "duration":
            return numbers.duration(value)
        case "percent":
            return f"{numbers.number(value, 1)} %"
    return numbers.number(value)


def written(
    report: Any,
    title: str,
    facts: Sequence[tuple[str, str]],
    *,
    now: datetime,
    translate: Translate = str,
) -> bytes:
    """Write a report of `app.queries.office.reports`; `facts` say whose it is and what of."""
    title, author = translate(title), facts[0][1]
    sheet = Sheet(
        title,
        pages=translate(N_("page %(page)s of %(pages)s")),
        made_at=now,
        author=author,
        language=numbers.language(),
    )
    sheet.say(author, size=8.5, colour=ACCENT, bold=True)
    sheet.say(title, size=16, bold=True)
    sheet.gap(2)
    period, made = _days(report.wanted.period), numbers.local(now, "minute")
    for label, value in [(N_("Period"), period), *facts[1:], (N_("Made (UTC)"), made)]:
        # What it is by is a word of ours; the rest are names.
        sheet.pair(translate(label), translate(value) if label == "By" else value)
    if not report.whole:
        sheet.heading(translate(N_("Nothing in this period")))
    for line in report.whole:
        _sums(sheet, report.columns, line, translate)
    for unit, values in report.curves:
        sheet.keep(_BARS + 24)
        sheet.heading(translate(N_("%(unit)s per day")) % {"unit": unit})
        _bars(sheet, report.wanted.period.dates, values)
    if report.use:
        sheet.keep(8 * _CELL + 24)
        sheet.heading(translate(N_("In use, in per cent of the time of all plugs")))
        _week(sheet, report.use, translate)
    elif report.lines:
        sheet.heading(title)
        _table(sheet, report, translate)
    sheet.heading(translate(N_("How it is counted")))
    for sentence in (*report.words, N_("Days and hours are those of the site's clock.")):
        sheet.say(translate(sentence), size=8.5, colour=MUTED)
    return sheet.written()


def _days(period: Any) -> str:
    return f"{_day(period.first)} – {_day(period.last)}"


def _day(day: date) -> str:
    return numbers.local(datetime.combine(day, time(), UTC), "date")


def _sums(sheet: Sheet, columns: Sequence[Any], line: Any, translate: Translate) -> None:
    """What all lines come to, three figures beside each other."""
    sheet.gap(4)
    width = sheet.epw / 3
    for at in range(0, len(columns), 3):
        sheet.keep(14)
        top = sheet.get_y()
        for place, column in enumerate(columns[at : at + 3]):
            for size, text, colour in (
                (8.5, translate(column.heading), MUTED),
                (13, figure(column, line), INK),
            ):
                sheet.set_xy(MARGIN + place * width, top if size < 10 else top + 4.5)
                sheet.say(text, size=size, colour=colour, bold=size > 10, width=width)
        sheet.set_y(top + 13)


def _bars(sheet: Sheet, days: Sequence[date], values: Sequence[float]) -> None:
    """A bar for each day, with the highest one's figure and the days at both ends."""
    top, most, width = sheet.get_y() + 4, max(values), sheet.epw / len(values)
    sheet.set_fill_color(*ACCENT)
    for place, value in enumerate(values):
        height = _BARS * value / most if most > 0 else 0
        if height > 0:
            left = MARGIN + place * width + width * 0.1
            sheet.rect(left, top + _BARS - height, width * 0.8, height, "F")
    sheet.set_draw_color(*RULE)
    sheet.line(MARGIN, top + _BARS, MARGIN + sheet.epw, top + _BARS)
    sheet.write_in(7.5, MUTED)
    sheet.set_xy(MARGIN, top - 4)
    sheet.cell(sheet.epw, 4, numbers.number(Decimal(str(most)), 1), align=Align.R)
    for text, align in ((_day(days[0]), Align.L), (_day(days[-1]), Align.R)):
        sheet.set_xy(MARGIN, top + _BARS + 1)
        sheet.cell(sheet.epw, 4, text, align=align)
    sheet.set_y(top + _BARS + 6)


def _week(sheet: Sheet, use: Sequence[Sequence[Decimal | None]], translate: Translate) -> None:
    """Weekdays by hours, darker where more plugs were in use."""
    left, width, top = MARGIN + 12, (sheet.epw - 12) / 24, sheet.get_y()
    for hour in range(24):
        _cell(sheet, left + hour * width, top, width, f"{hour:02d}", MUTED)
    for day, shares in enumerate(use):
        at = top + (day + 1) * _CELL
        _cell(sheet, MARGIN, at, 12, translate(_DAYS[day]), MUTED, Align.L)
        for hour, share in enumerate(shares):
            if share is None:
                continue
            part = min(float(share) / 100, 1) * 0.75 + 0.05
            shade = (round(255 - (255 - channel) * part) for channel in ACCENT)
            sheet.set_fill_color(*shade)
            sheet.rect(left + hour * width, at, width - 0.4, _CELL - 0.4, "F")
            colour = (255, 255, 255) if part > 0.5 else INK
            _cell(sheet, left + hour * width, at, width - 0.4, numbers.number(share), colour)
    sheet.set_y(top + 8 * _CELL)


def _cell(
    sheet: Sheet,
    left: float,
    top: float,
    width: float,
    text: str,
    colour: tuple[int, int, int],
    align: Align = Align.C,
) -> None:
    sheet.write_in(6.5, colour)
    sheet.set_xy(left, top)
    sheet.cell(width, _CELL - 0.4, text, align=align)


def _table(sheet: Sheet, report: Any, translate: Translate) -> None:
    """The lines with their sums under them; the heads are said again on every page."""
    headings = [translate(column.heading) for column in report.columns]
    first = sheet.epw - (width := min(30, sheet.epw * 0.75 / len(headings))) * len(headings)

    def row(cells: Sequence[str], *, bold: bool = False, muted: bool = False) -> None:
        sheet.write_in(7.5, MUTED if muted else INK, bold=bold)
        for place, text in enumerate(cells):
            wide = width if place else first
            sheet.cell(wide, _ROW, sheet.fitting(text, wide), align=Align.R if place else Align.L)
        sheet.set_y(sheet.get_y() + _ROW)
        sheet.set_draw_color(*RULE)
        sheet.line(MARGIN, sheet.get_y(), MARGIN + sheet.epw, sheet.get_y())

    row(["", *headings], muted=True)
    for line in report.lines[:MOST]:
        if sheet.will_page_break(_ROW * 2):
            sheet.add_page()
            row(["", *headings], muted=True)
        row([line.label, *(figure(column, line) for column in report.columns)])
    if len(report.lines) > MOST:
        left_out = numbers.number(len(report.lines) - MOST)
        row([translate(N_("%(count)s lines more")) % {"count": left_out}], muted=True)
    for line in report.whole:
        label = f"{translate(N_('All'))} {line.currency}".strip()
        row([label, *(figure(column, line) for column in report.columns)], bold=True)
