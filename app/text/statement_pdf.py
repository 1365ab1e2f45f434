"""A driver's monthly statement on A4."""

from app.domain.money.statements import Statement
from app.text.paper import MUTED, Sheet
from app.text.statement_words import in_words
from app.text.writers import Writer


def _(text: str) -> str:
    """Mark a text for translation; the writer translates it."""
    return text


def statement(of: Statement, language: str) -> bytes:
    """Write a statement in a language; one of the same bills gives the same bytes."""
    words, t = in_words(of, language), Writer(language, "UTC").translate
    seller = _seller(of)
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
            sheet.pair(label, value)
        sheet.amount(*sums[-1], bold=True, ruled=False)
    sheet.heading(t(_("Receipts and credit notes")))
    for line in words.lines:
        net, tax, gross = line.amounts
        sheet.amount(f"{line.kind} {line.number}", gross, ruled=False)
        sheet.say(f"{line.day}, {line.place}, {line.energy}", size=8.5, colour=MUTED)
        split = t(_("net %(net)s, tax %(tax)s")) % {"net": net, "tax": tax}
        sheet.say(split, size=8.5, colour=MUTED)
        sheet.rule()
    return sheet.written()


def _seller(of: Statement) -> list[str]:
    """Who sells, in the words of the newest bill; not told where the month has several."""
    sellers = [bill.facts.get("seller", {}) for bill in of.bills]
    if any(one != sellers[-1] for one in sellers):
        return []
    return [text for field in ("name", "address", "tax_number") if (text := sellers[-1].get(field))]
