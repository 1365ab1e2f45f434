"""Bills and months on A4, in the words of their mails: the same bills give the same bytes."""

from collections.abc import Iterable

from fpdf import Align

from app.domain.ground.texts import N_ as _
from app.domain.ground.vocabulary import BillKind
from app.domain.money.statements import Statement
from app.models import Bill
from app.text import statement_words
from app.text.bill_lines import LineWords
from app.text.bill_text import BillWords, in_words, who_sells
from app.text.paper import ACCENT, AMOUNT, INK, MARGIN, MUTED, Sheet
from app.text.writers import Writer


def receipt(bill: Bill, language: str, hidden: str = "") -> bytes:
    """Write a bill's receipt in a language as a PDF; `hidden` as of `in_words`."""
    writer = Writer(language, bill.facts["timezone"])
    words = in_words(bill, writer, hidden)
    sheet = _Sheet(writer, words)
    driver = bill.driver
    _head(sheet, words, driver.name if driver else "")
    _figures(sheet, words)
    if words.change:
        sheet.gap(4)
        for label, value in words.change:
            sheet.pair(label, value)
    sheet.heading(_("Cost, line by line"))
    for line in words.lines:
        _line(sheet, line)
    if not words.lines:
        sheet.say(writer.translate(_("There is nothing to pay.")), colour=MUTED)
    for label, value in words.taxes:
        sheet.amount(label, value, size=8.5, colour=MUTED)
    sheet.amount(writer.translate(_("Total")), words.total, bold=True, ruled=False)
    sheet.heading(words.about)
    for label, value in words.facts:
        sheet.pair(label, value)
    sheet.heading(_("Why this price"))
    for sentence in words.why:
        sheet.say(sentence)
    for sentence in words.notes:
        sheet.say(sentence, size=8.5, colour=MUTED)
    return sheet.written()


def file_name(bill: Bill) -> str:
    """What the file is called where it is kept."""
    kind = {BillKind.BILL: "receipt", BillKind.CREDIT: "credit-note"}.get(bill.kind, "corrected")
    return f"{kind}-{bill.number}.pdf"


class _Sheet(Sheet):
    """The page of a bill, with headings in its language."""

    def __init__(self, writer: Writer, words: BillWords) -> None:
        super().__init__(
            words.title,
            pages=writer.translate(_("page %(page)s of %(pages)s")),
            made_at=words.bill.issued_at,
            author=words.seller[0] if words.seller else "",
            language=writer.language,
        )
        self.writer = writer

    def heading(self, text: str) -> None:
        """Begin a part."""
        super().heading(self.writer.translate(text))


def _head(sheet: _Sheet, words: BillWords, driver: str) -> None:
    """Who sells at the right, what it is and for whom at the left."""
    top, half = sheet.get_y(), sheet.epw / 2
    if words.seller:
        sheet.set_x(MARGIN + half)
        seller = sheet.writer.translate(_("Seller"))
        sheet.say(seller, size=7.5, colour=MUTED, width=half, align=Align.R)
    for number, text in enumerate(words.seller):
        sheet.set_x(MARGIN + half)
        sheet.say(text, size=8.5, colour=MUTED if number else INK, width=half, align=Align.R)
    under = sheet.get_y()
    sheet.set_xy(MARGIN, top)
    sheet.say(words.bill.facts["site"], size=8.5, colour=ACCENT, bold=True, width=half - 4)
    if driver:
        sheet.say(driver, width=half - 4)
    sheet.set_y(max(under, sheet.get_y()) + 8)
    sheet.say(words.title, size=16, bold=True)
    if words.issued:
        issued = sheet.writer.translate(_("Issued on %(day)s")) % {"day": words.issued}
        sheet.say(issued, size=8.5, colour=MUTED)
    sheet.gap(4)


def _figures(sheet: _Sheet, words: BillWords) -> None:
    """The total and what is large beside it."""
    told = ((sheet.writer.translate(_("Total")), words.total), *words.figures)
    top, width = sheet.get_y(), sheet.epw / len(told)
    for number, (label, value) in enumerate(told):
        left = MARGIN + number * width
        sheet.set_xy(left, top)
        sheet.say(label, size=8.5, colour=MUTED, width=width)
        sheet.set_x(left)
        sheet.say(value, size=13, bold=True, width=width)


def _line(sheet: _Sheet, line: LineWords) -> None:
    """One line of the bill with its sum, and under it what it is made of."""
    sheet.amount(line.label, line.amount, ruled=False)
    for text in _under(sheet, line):
        sheet.say(text, size=8.5, colour=MUTED, width=sheet.epw - AMOUNT - 4)
    sheet.rule()


def _under(sheet: _Sheet, line: LineWords) -> Iterable[str]:
    if line.quantity:
        tax = sheet.writer.translate(_("tax"))
        yield f"{line.quantity} × {line.unit_price} · {tax} {line.tax}"
    yield from line.details


def statement(of: Statement, language: str) -> bytes:
    """Write a statement in a language; one of the same bills gives the same bytes."""
    words, writer = statement_words.in_words(of, language), Writer(language, "UTC")
    t = writer.translate
    seller = _seller_of(of, writer)
    sheet = Sheet(
        words.title,
        pages=t(_("page %(page)s of %(pages)s")),
        made_at=max(bill.issued_at for bill in of.bills),
        author=seller[0] if seller else "",
        language=language,
    )
    for number, text in enumerate(seller):
        sheet.say(text, size=8.5, colour=MUTED, bold=not number)
    sheet.gap(6)
    sheet.say(words.title, size=16, bold=True)
    sheet.say(words.name)
    for sums in words.sums:
        sheet.gap(4)
        for label, value in sums[:-1]:
            sheet.amount(label, value, size=9, colour=MUTED, ruled=False)
        sheet.amount(*sums[-1], bold=True)
    sheet.heading(t(_("Receipts and credit notes")))
    for line in words.lines:
        net, tax, gross = line.amounts
        sheet.amount(f"{line.kind} {line.number}", gross, ruled=False)
        sheet.say(f"{line.day}, {line.place}, {line.energy}", size=8.5, colour=MUTED)
        split = t(_("net %(net)s, tax %(tax)s")) % {"net": net, "tax": tax}
        sheet.say(split, size=8.5, colour=MUTED)
        sheet.rule()
    return sheet.written()


def _seller_of(of: Statement, writer: Writer) -> list[str]:
    """Who sells, in the words of the newest bill; not told where the month has several."""
    sellers = [bill.facts.get("seller", {}) for bill in of.bills]
    if any(one != sellers[-1] for one in sellers):
        return []
    return [*who_sells(of.bills[-1], writer)]
