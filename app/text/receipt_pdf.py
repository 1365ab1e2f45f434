"""A bill as a PDF on A4, in the words of its mail: the same bill gives the same bytes for ever."""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF, Align, YPos

from app.domain.ground.vocabulary import BillKind
from app.models import Bill
from app.text.bill_text import BillWords, LineWords, in_words
from app.text.writers import Writer

#: Latin, Greek and Cyrillic letters; what it lacks is drawn as a box.
_FONTS = Path(__file__).parents[2] / "static" / "vendor" / "dejavu@2.37.3"
_BOX = "\u25a1"
#: Spaces at which no line breaks, as amounts hold them.
_FIXED = "\u00a0\u202f"
#: Stands for the number of pages until it is known; no text can hold it.
_PAGES = "\ue000"

_INK, _MUTED, _ACCENT, _RULE = (31, 36, 35), (93, 102, 101), (15, 118, 110), (206, 210, 211)
#: Millimetres.
_MARGIN, _FOOT, _AMOUNT, _LABEL, _ROW = 20, 22, 38, 42, 5
#: No cell of a receipt is longer: texts of chargers and people may be.
_LONGEST = 600

# It tells of every table of a font that it cuts.
logging.getLogger("fontTools").setLevel(logging.WARNING)


def _(text: str) -> str:
    """Mark a text for translation; the writer translates it."""
    return text


def receipt(bill: Bill, language: str, hidden: str = "") -> bytes:
    """Write a bill's receipt in a language as a PDF; `hidden` as of `in_words`."""
    writer = Writer(language, bill.facts["timezone"])
    words = in_words(bill, writer, hidden)
    sheet = _Sheet(writer, words)
    driver = bill.session.driver
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
        sheet.say(writer.translate(_("There is nothing to pay.")), colour=_MUTED)
    for label, value in words.taxes:
        sheet.amount(label, value, size=8.5, colour=_MUTED)
    sheet.amount(writer.translate(_("Total")), words.total, bold=True, ruled=False)
    sheet.heading(_("The session"))
    for label, value in words.facts:
        sheet.pair(label, value)
    sheet.heading(_("Why this price"))
    for sentence in words.why:
        sheet.say(sentence)
    for sentence in words.notes:
        sheet.say(sentence, size=8.5, colour=_MUTED)
    return sheet.written()


def file_name(bill: Bill) -> str:
    """What the file is called where it is kept."""
    kind = {BillKind.BILL: "receipt", BillKind.CREDIT: "credit-note"}.get(bill.kind, "corrected")
    return f"{kind}-{bill.number}.pdf"


@cache
def _known() -> frozenset[int]:
    """The letters that both weights of the font can draw."""
    found = []
    for path in _FONTS.glob("*.ttf"):
        with TTFont(path, lazy=True) as font:
            found.append(frozenset(font.getBestCmap()))
    return frozenset.intersection(*found)


def _drawn(text: str, most: int = _LONGEST) -> str:
    """A text as the font can draw it, on one line; what steers the writing is no letter."""
    line = re.sub(rf"[^\S{_FIXED}]+", " ", unicodedata.normalize("NFC", text[:most]))
    return "".join(
        letter
        if letter in f" {_FIXED}" or (letter.isprintable() and ord(letter) in _known())
        else _BOX
        for letter in line
    )


class _Sheet(FPDF):
    """A page of A4 that knows rows with an amount at the right edge, pairs and headings."""

    def __init__(self, writer: Writer, words: BillWords) -> None:
        super().__init__("P", "mm", "A4")
        self._writer, self._title = writer, _drawn(words.title)
        self.alias_nb_pages(_PAGES)
        self.set_creation_date(words.bill.issued_at)
        self.set_title(self._title)
        self.set_author(_drawn(words.seller[0]) if words.seller else "")
        self.set_creator("Ampdesk")
        self.set_producer("Ampdesk")
        self.set_lang(writer.language)
        self.add_font("sans", "", _FONTS / "sans.ttf")
        self.add_font("sans", "B", _FONTS / "sans-bold.ttf")
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(True, _FOOT)
        self.add_page()

    def written(self) -> bytes:
        """Finish, and let the fonts' files go."""
        data = bytes(self.output())
        for font in self.fonts.values():
            font.ttfont.close()  # type: ignore[union-attr]
        return data

    def footer(self) -> None:
        """Say on every page whose it is: sheets get parted."""
        self.set_y(-15)
        pages = {"page": self.page_no(), "pages": _PAGES}
        said = self._writer.translate(_("page %(page)s of %(pages)s")) % pages
        self.write_in(7.5, _MUTED)
        self.cell(0, 4, f"{self._title} · {said}")

    def write_in(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        """Choose how the next text looks; `size` in points."""
        self.set_font("sans", "B" if bold else "", size)
        self.set_text_color(*colour)

    def say(
        self,
        text: str,
        *,
        size: float = 9.5,
        colour: tuple[int, int, int] = _INK,
        bold: bool = False,
        width: float = 0,
        align: Align = Align.L,
    ) -> None:
        """Write a paragraph from where the pen is, and go on at the left edge under it."""
        self.write_in(size, colour, bold=bold)
        self.multi_cell(
            *(width, size * 0.5, _drawn(text)), align=align, new_x="LMARGIN", new_y=YPos.NEXT
        )

    def gap(self, height: float) -> None:
        """Leave some room."""
        self.set_y(self.get_y() + height)

    def keep(self, height: float) -> None:
        """Begin a new page where so much would not fit on this one."""
        if self.will_page_break(height):
            self.add_page()

    def heading(self, text: str) -> None:
        """Begin a part; it never stands alone at the foot of a page."""
        self.keep(22)
        self.gap(6)
        self.say(self._writer.translate(text), size=11, bold=True)
        self.gap(1)

    def amount(
        self,
        label: str,
        value: str,
        *,
        size: float = 9.5,
        colour: tuple[int, int, int] = _INK,
        bold: bool = False,
        ruled: bool = True,
    ) -> None:
        """Write a row that ends with its sum at the right edge."""
        self.keep(12)
        top = self.get_y() + 1
        self.set_y(top)
        self.write_in(size, colour, bold=bold)
        self.set_x(self.w - _MARGIN - _AMOUNT)
        self.cell(_AMOUNT, size * 0.5, _drawn(value), align=Align.R)
        self.set_xy(_MARGIN, top)
        self.say(label, size=size, colour=colour, bold=bold, width=self.epw - _AMOUNT - 4)
        if ruled:
            self.rule()

    def rule(self) -> None:
        """Draw a line across and go on under it."""
        self.gap(1)
        self.set_draw_color(*_RULE)
        self.line(_MARGIN + 1, self.get_y(), self.w - _MARGIN - 1, self.get_y())

    def pair(self, label: str, value: str) -> None:
        """Write a fact beside what it is called."""
        self.keep(_ROW * 2)
        top = self.get_y()
        self.say(label, size=8.5, colour=_MUTED, width=_LABEL - 2)
        under = self.get_y()
        self.set_xy(_MARGIN + _LABEL, top)
        self.say(value, size=9, width=self.epw - _LABEL)
        self.set_y(max(under, self.get_y()) + 0.8)


def _head(sheet: _Sheet, words: BillWords, driver: str) -> None:
    """Who sells at the right, what it is and for whom at the left."""
    top, half = sheet.get_y(), sheet.epw / 2
    if words.seller:
        sheet.set_x(_MARGIN + half)
        seller = sheet._writer.translate(_("Seller"))
        sheet.say(seller, size=7.5, colour=_MUTED, width=half, align=Align.R)
    for number, text in enumerate(words.seller):
        sheet.set_x(_MARGIN + half)
        sheet.say(text, size=8.5, colour=_MUTED if number else _INK, width=half, align=Align.R)
    under = sheet.get_y()
    sheet.set_xy(_MARGIN, top)
    sheet.say(words.bill.facts["site"], size=8.5, colour=_ACCENT, bold=True, width=half - 4)
    if driver:
        sheet.say(driver, width=half - 4)
    sheet.set_y(max(under, sheet.get_y()) + 8)
    sheet.say(words.title, size=16, bold=True)
    if words.issued:
        issued = sheet._writer.translate(_("Issued on %(day)s")) % {"day": words.issued}
        sheet.say(issued, size=8.5, colour=_MUTED)
    sheet.gap(4)


def _figures(sheet: _Sheet, words: BillWords) -> None:
    """Total, energy and duration beside each other."""
    told = ((_("Total"), words.total), (_("Energy"), words.energy), (_("Duration"), words.duration))
    top, width = sheet.get_y(), sheet.epw / len(told)
    for number, (label, value) in enumerate(told):
        left = _MARGIN + number * width
        sheet.set_xy(left, top)
        sheet.say(sheet._writer.translate(label), size=8.5, colour=_MUTED, width=width)
        sheet.set_x(left)
        sheet.say(value, size=13, bold=True, width=width)


def _line(sheet: _Sheet, line: LineWords) -> None:
    """One line of the bill with its sum, and under it what it is made of."""
    sheet.amount(line.label, line.amount, ruled=False)
    for text in _under(sheet, line):
        sheet.say(text, size=8.5, colour=_MUTED, width=sheet.epw - _AMOUNT - 4)
    sheet.rule()


def _under(sheet: _Sheet, line: LineWords) -> Iterable[str]:
    if line.quantity:
        tax = sheet._writer.translate(_("tax"))
        yield f"{line.quantity} × {line.unit_price} · {tax} {line.tax}"
    yield from line.details
