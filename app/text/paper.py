"""A4 as PDF: text, sums, pairs, headings and tables; the same text always gives the same bytes."""

import logging
import re
import unicodedata
from datetime import datetime
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF, Align, YPos

#: Latin, Greek and Cyrillic letters; what it lacks is drawn as a box.
_FONTS = Path(__file__).parents[2] / "static" / "vendor" / "dejavu@2.37.3"
_BOX = "\u25a1"
#: Spaces at which no line breaks, as amounts hold them.
_FIXED = "\u00a0\u202f"
#: Stands for the number of pages until it is known; no text can hold it.
_PAGES = "\ue000"

INK, MUTED, ACCENT, RULE = (31, 36, 35), (93, 102, 101), (15, 118, 110), (206, 210, 211)
#: Millimetres.
MARGIN, AMOUNT = 20, 38
_FOOT, _LABEL, _ROW = 22, 42, 5
#: No cell is longer: texts of chargers and people may be.
_LONGEST = 600

# It tells of every table of a font that it cuts.
logging.getLogger("fontTools").setLevel(logging.WARNING)


@cache
def _known() -> frozenset[int]:
    """The letters that both weights of the font can draw."""
    found = []
    for path in _FONTS.glob("*.ttf"):
        with TTFont(path, lazy=True) as font:
            found.append(frozenset(font.getBestCmap()))
    return frozenset.intersection(*found)


def drawn(text: str, most: int = _LONGEST) -> str:
    """A text as the font can draw it, on one line; what steers the writing is no letter."""
    line = re.sub(rf"[^\S{_FIXED}]+", " ", unicodedata.normalize("NFC", text[:most]))
    return "".join(
        letter
        if letter in f" {_FIXED}" or (letter.isprintable() and ord(letter) in _known())
        else _BOX
        for letter in line
    )


class Sheet(FPDF):
    """A page of A4 that knows rows with an amount at the right edge, pairs and headings."""

    def __init__(
        self, title: str, *, pages: str, made_at: datetime, author: str = "", language: str = "en"
    ) -> None:
        """`pages` says what stands at the foot of each: page %(page)s of %(pages)s."""
        super().__init__("P", "mm", "A4")
        self._title, self._said = drawn(title), pages
        self.alias_nb_pages(_PAGES)
        self.set_creation_date(made_at)
        self.set_title(self._title)
        self.set_author(drawn(author))
        self.set_creator("Ampdesk")
        self.set_producer("Ampdesk")
        self.set_lang(language)
        self.add_font("sans", "", _FONTS / "sans.ttf")
        self.add_font("sans", "B", _FONTS / "sans-bold.ttf")
        self.set_margins(MARGIN, MARGIN)
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
        said = self._said % {"page": self.page_no(), "pages": _PAGES}
        self.write_in(7.5, MUTED)
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
        colour: tuple[int, int, int] = INK,
        bold: bool = False,
        width: float = 0,
        align: Align = Align.L,
    ) -> None:
        """Write a paragraph from where the pen is, and go on at the left edge under it."""
        self.write_in(size, colour, bold=bold)
        self.multi_cell(
            *(width, size * 0.5, drawn(text)), align=align, new_x="LMARGIN", new_y=YPos.NEXT
        )

    def fitting(self, text: str, width: float) -> str:
        """A text, cut where it is wider than a cell."""
        text, most = drawn(text), width - 2 * self.c_margin
        if self.get_string_width(text) <= most:
            return text
        while text and self.get_string_width(text + "…") > most:
            text = text[:-1]
        return text + "…"

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
        self.say(text, size=11, bold=True)
        self.gap(1)

    def amount(
        self,
        label: str,
        value: str,
        *,
        size: float = 9.5,
        colour: tuple[int, int, int] = INK,
        bold: bool = False,
        ruled: bool = True,
    ) -> None:
        """Write a row that ends with its sum at the right edge."""
        self.keep(12)
        top = self.get_y() + 1
        self.set_y(top)
        self.write_in(size, colour, bold=bold)
        self.set_x(self.w - MARGIN - AMOUNT)
        self.cell(AMOUNT, size * 0.5, drawn(value), align=Align.R)
        self.set_xy(MARGIN, top)
        self.say(label, size=size, colour=colour, bold=bold, width=self.epw - AMOUNT - 4)
        if ruled:
            self.rule()

    def rule(self) -> None:
        """Draw a line across and go on under it."""
        self.gap(1)
        self.set_draw_color(*RULE)
        self.line(MARGIN + 1, self.get_y(), self.w - MARGIN - 1, self.get_y())

    def pair(self, label: str, value: str) -> None:
        """Write a fact beside what it is called."""
        self.keep(_ROW * 2)
        top = self.get_y()
        self.say(label, size=8.5, colour=MUTED, width=_LABEL - 2)
        under = self.get_y()
        self.set_xy(MARGIN + _LABEL, top)
        self.say(value, size=9, width=self.epw - _LABEL)
        self.set_y(max(under, self.get_y()) + 0.8)
