"""A driver's monthly statement in words: line by line, its sums, and the mail that brings it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from babel.dates import format_skeleton

from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import BillKind
from app.domain.money.statements import Letter, Statement, Sum
from app.mails.mail import one_line
from app.models import Bill
from app.text import letters
from app.text.bill_text import is_no_show
from app.text.numbers import locale_of
from app.text.writers import Writer

_KINDS = {
    BillKind.BILL: _("Receipt"),
    BillKind.CREDIT: _("Credit note"),
    BillKind.CORRECTION: _("Corrected receipt"),
}


@dataclass(frozen=True, slots=True)
class LineWords:
    """One bill of the month; `amounts` are net, tax and gross.

    `energy` says of a reservation that it was one.
    """

    kind: str
    number: str
    day: str
    place: str
    energy: str
    amounts: tuple[str, str, str]
    link: str


@dataclass(frozen=True, slots=True)
class StatementWords:
    """A statement in words; `sums` are (label, value) pairs, currency by currency."""

    title: str
    name: str
    lines: tuple[LineWords, ...]
    sums: tuple[tuple[tuple[str, str], ...], ...]


def in_words(statement: Statement, language: str) -> StatementWords:
    writer = Writer(language, "UTC")
    month = format_skeleton("yMMMM", statement.first, locale=locale_of(writer.locale))
    return StatementWords(
        title=writer.translate(_("Statement of %(month)s")) % {"month": month},
        name=one_line(statement.driver.name, 120),
        lines=tuple(_line(bill, language) for bill in statement.bills),
        sums=tuple(tuple(_sums(each, writer)) for each in statement.sums),
    )


def _line(bill: Bill, language: str) -> LineWords:
    writer = Writer(language, bill.facts["timezone"])
    amounts = (bill.net_minor, bill.tax_minor, bill.gross_minor)
    net, tax, gross = (writer.money(minor, bill.currency) for minor in amounts)
    return LineWords(
        kind=writer.translate(_KINDS[bill.kind]),
        number=bill.number,
        day=writer.day(datetime.fromisoformat(bill.facts["started_at"])),
        place=one_line(bill.facts["site"], 120),
        energy=writer.translate(_("unused reservation"))
        if is_no_show(bill)
        else f"{writer.number(bill.energy_wh / 1000, 3)} kWh",
        amounts=(net, tax, gross),
        link=letters.link(bill),
    )


def _sums(each: Sum, writer: Writer) -> Iterable[tuple[str, str]]:
    t = writer.translate
    yield t(_("Receipts and credit notes")), writer.number(Decimal(each.bills))
    yield t(_("Energy")), f"{writer.number(each.energy_wh / 1000, 3)} kWh"
    yield t(_("Net")), writer.money(each.net_minor, each.currency)
    yield t(_("Tax")), writer.money(each.tax_minor, each.currency)
    yield t(_("Total")), writer.money(each.gross_minor, each.currency)


def letter(statement: Statement) -> Letter:
    """The mail of a statement, in its driver's language."""
    language = statement.driver.language
    words, t = in_words(statement, language), Writer(language, "UTC").translate
    lines = [t(_("Hello %(name)s,")) % {"name": words.name}, ""]
    lines += [t(_("here are the bills of your charging sessions: %(title)s.")) % {
        "title": words.title
    }, ""]  # fmt: skip
    for line in words.lines:
        net, tax, gross = line.amounts
        lines.append(f"{line.kind} {line.number}: {gross}")
        lines.append(f"  {line.day}, {line.place}, {line.energy}")
        lines.append("  " + t(_("net %(net)s, tax %(tax)s")) % {"net": net, "tax": tax})
        lines += [f"  {line.link}", ""]
    for sums in words.sums:
        lines += ["-" * 40, *(f"{label}: {value}" for label, value in sums), ""]
    lines.append(t(_("This is an automatic e-mail. The receipts themselves count.")))
    return Letter(one_line(words.title, 200), "\n".join(lines) + "\n")
