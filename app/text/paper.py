"""A4 as PDF: text, sums, pairs, headings and tables; the same text always gives the same bytes."""

import logging
from bisect import bisect_right
from datetime import datetime
from functools import partial
from typing import Any

from fpdf import FPDF, Align, YPos

from app.extensions import in_a_thread
from app.text import glyphs

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


class Sheet(FPDF):
    """A page of A4 that knows rows with an amount at the right edge, pairs and headings."""

    def __init__(
        self, title: str, *, pages: str, made_at: datetime, author: str = "", language: str = "en"
    ) -> None:
        """`pages` says what stands at the foot of each: page %(page)s of %(pages)s."""
        super().__init__("P", "mm", "A4")
        self._title, self._said = title, pages
        self.alias_nb_pages(_PAGES)
        self.set_creation_date(made_at)
        self.set_title(glyphs.one_line(title))
        self.set_author(glyphs.one_line(author))
        self.set_creator("Ampdesk")
        self.set_producer("Ampdesk")
        self.set_lang(language)
        self._take("sans")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(True, _FOOT)
        self.add_page()

    def written(self) -> bytes:
        """Finish, and let the fonts' files go."""
        data = bytes(in_a_thread(self.output))
        for font in self.fonts.values():
            font.ttfont.close()  # type: ignore[union-attr]
        return data

    def footer(self) -> None:
        """Say on every page whose it is: sheets get parted."""
        self.set_y(-15)
        said = self._said % {"page": self.page_no(), "pages": _PAGES}
        self.write_in(7.5, MUTED)
        self.cell(0, 4, f"{self.standing(self._title)} · {said}")

    def drawable(self, text: str) -> str:
        """A text as it is read, of letters that the fonts have; those it needs are at hand then."""
        text = glyphs.drawable(glyphs.one_line(text[:_LONGEST]))[:_LONGEST]
        for name in sorted({*map(glyphs.font_for, text)} - {"", *self.fonts}):
            # One of all Chinese letters takes half a second.
            in_a_thread(partial(self._take, name))
        return text

    def _take(self, name: str) -> None:
        """Bring a font; what is written in one that lacks a letter finds it in the others."""
        for weight, path in glyphs.FONTS[name].items():
            self.add_font(name, weight, path)
        others = [each for each in glyphs.FONTS if each in self.fonts and each != "sans"]
        self.set_fallback_fonts(others, exact_match=False)

    def standing(self, text: str) -> str:
        """A text that fits on one line, as it stands there."""
        return glyphs.in_order(self.drawable(text))

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
        text = self.drawable(text)
        if glyphs.runs_left(text):
            lines: Any = self.multi_cell(width, text=text, dry_run=True, output="LINES")
            text = "\n".join(glyphs.in_order(line.strip()) for line in lines)
        self.multi_cell(width, size * 0.5, text, align=align, new_x="LMARGIN", new_y=YPos.NEXT)

    def fitting(self, text: str, width: float) -> str:
        """A text, cut where it is wider than a cell."""
        text, most = self.drawable(text), width - 2 * self.c_margin
        if self.get_string_width(text) <= most:
            return glyphs.in_order(text)
        fits = bisect_right(
            range(len(text)), most, key=lambda end: self.get_string_width(f"{text[:end]}…")
        )
        return glyphs.in_order(f"{text[: max(fits - 1, 0)]}…")

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
        self.cell(AMOUNT, size * 0.5, self.standing(value), align=Align.R)
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
