"""Numbers of cards as readers and printers write them: one form, and what looks like another card.

Pure.  A charger reports 04A2B3C4; a list may hold 04:A2:B3:C4, 0x04a2b3c4, the
bytes in reverse, the digits without their leading zero, or the decimal number.
"""

import re
from collections.abc import Iterable

from app.domain.ground.vocabulary import Token

_HEX = re.compile(r"[0-9a-f]+")
_GROUPS = re.compile(r"[0-9A-Fa-f]{2,}([:\-. ][0-9A-Fa-f]{2,}){1,}")
_TOKEN = re.compile(r"[0-9A-Za-z*\-_=:+|@./ ]+")
_LOOK_ALIKE = str.maketrans("oil", "011")


def written(text: str) -> str:
    """A hexadecimal number without 0x and separators; anything else as it is."""
    wanted = text.strip()
    if wanted[:1] == "'" and _HEX.fullmatch(wanted[1:].casefold()):
        wanted = wanted[1:]  # a spreadsheet's mark of a text
    bare = wanted[2:] if wanted[:2].casefold() == "0x" else wanted
    parts = re.split(r"[:\-. ]", bare)
    if _GROUPS.fullmatch(bare):
        lengths = {len(part) for part in parts}
        if len(lengths) == 1 and lengths <= {2, 4, 8} and len("".join(parts)) >= 6:
            return "".join(parts).upper()
    is_hex = _HEX.fullmatch(bare.casefold()) and len(bare) >= 6
    return bare.upper() if bare != wanted and is_hex else wanted


def bare(text: str) -> str:
    """The form in which two ways to write a card are the same."""
    return Token(written(text)).bare_key


def shapes(text: str) -> set[str]:
    """All that a card's number may have been made into; cards that share one may be the same."""
    number = bare(text)
    if len(number) < 6:
        return set()
    found = {_even(number.translate(_LOOK_ALIKE))}
    if _HEX.fullmatch(number) and len(number) % 2 == 0:
        found.add(_even(_reversed(number)))
    if number.isascii() and number.isdigit() and 8 <= len(number) <= 20:
        as_hex = f"{int(number):x}"
        as_hex = as_hex.zfill(len(as_hex) + len(as_hex) % 2)
        if len(as_hex) >= 7:
            found |= {_even(as_hex), _even(_reversed(as_hex))}
    return found


def likeness(one: str, other: str) -> str:
    """How two cards that share a shape differ, as the end of a question."""
    first, second = bare(one), bare(other)
    if first.translate(_LOOK_ALIKE) == second.translate(_LOOK_ALIKE):
        return "with a letter and a digit that look alike mixed up"
    if first.strip("0") == second.strip("0"):
        return "with zeros lost at an end"
    if _reversed(first) == second:
        return "read the other way round"
    return "written as another kind of number"


def is_unlikely(text: str) -> bool:
    """Whether a text is no number of a card but words, a sum under the table or a formula."""
    words = written(text)
    return not _TOKEN.fullmatch(words) or " " in words or not any(map(str.isdigit, words))


def has_lost_a_digit(text: str) -> bool:
    """Whether a number is hexadecimal but has half a byte: 7 digits for 4 bytes, 13 for 7."""
    number = bare(text)
    return len(number) in {7, 13, 19} and bool(_HEX.fullmatch(number))


def _even(number: str) -> str:
    """A number without the zeros that are lost or added at its ends."""
    short = number.lstrip("0")
    trimmed = short.rstrip("0")
    return trimmed if len(trimmed) >= 6 else short


def _reversed(number: str) -> str:
    return "".join(number[place : place + 2] for place in range(len(number) - 2, -1, -2))


class Known:
    """Cards seen so far, by their shapes."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._by_shape: dict[str, tuple[str, str]] = {}
        for value in values:
            self.add(value, "is listed")

    def add(self, value: str, where: str) -> None:
        """Remember a card and where it stands."""
        for shape in shapes(value):
            self._by_shape.setdefault(shape, (value, where))

    def near(self, value: str) -> str | None:
        """A question about another card that may be this one, or None."""
        for shape in shapes(value):
            other, where = self._by_shape.get(shape, ("", ""))
            if other and bare(other) != bare(value):
                return f"{other} {where}; is it the same card {likeness(value, other)}?"
        return None
