"""Letters as a PDF can draw them: in a font that has them, joined and in order, else named."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf.bidi import BidiParagraph

_VENDOR = Path(__file__).parents[2] / "static" / "vendor"
#: Fonts by name, each in its weights ("B": bold); a letter is drawn in the first that has it.
FONTS = {
    "sans": {
        "": _VENDOR / "dejavu@2.37.3" / "sans.ttf",
        "B": _VENDOR / "dejavu@2.37.3" / "sans-bold.ttf",
    },
    "more": {
        "": _VENDOR / "dejavu-more@2.37.3" / "sans.ttf",
        "B": _VENDOR / "dejavu-more@2.37.3" / "sans-bold.ttf",
    },
    "thai": {"": _VENDOR / "noto-sans-thai@0.4.2" / "thai.ttf"},
    "eastasian": {"": _VENDOR / "droid-sans-fallback@6.0.1r16" / "east-asian.ttf"},
}
#: Spaces at which no line breaks, as amounts hold them.
FIXED = "\u00a0\u202f"
#: What the names of letters begin with; the rest is how they sound.
_SOUND = re.compile(r"(?:LETTER|SYLLABLE|CHARACTER|VOWEL SIGN)(?: VOWEL)? (?:SIGN )?(.+)")
#: In scripts of India a consonant has an "a" that these take away.
_MUTES = re.compile(r"VOWEL SIGN|VIRAMA")
_RIGHT_TO_LEFT = {"R", "AL"}
#: What opens to the right closes to the left.
_MIRRORED = str.maketrans("()[]{}<>\u00ab\u00bb", ")(][}{><\u00bb\u00ab")
_TATWEEL = "\u0640"


@cache
def _letters_of(name: str) -> frozenset[int]:
    """The letters that all weights of a font can draw."""
    found = []
    for path in FONTS[name].values():
        with TTFont(path, lazy=True) as font:
            found.append(frozenset(font.getBestCmap()))
    return frozenset.intersection(*found)


def font_for(letter: str) -> str:
    """The name of the font that can draw it; "": there is none."""
    if letter in FIXED:
        return "sans"
    return next((name for name in FONTS if ord(letter) in _letters_of(name)), "")


def one_line(text: str) -> str:
    """A text on one line; what steers the writing is no letter."""
    line = re.sub(rf"[^\S{FIXED}]+", " ", unicodedata.normalize("NFC", text))
    return "".join(letter for letter in line if letter.isprintable() or letter in FIXED)


def drawable(text: str) -> str:
    """A text of one line, as it is read, of letters that some font has."""
    found = ""
    for letter in joined(text):
        if plain := next(filter(_is_drawn, _ways_to_write(letter)), ""):
            found += plain
            continue
        if _MUTES.search(unicodedata.name(letter, "")):
            found = found.removesuffix("a")
        found += _named(letter)
    return found


def _is_drawn(text: str) -> bool:
    return all(font_for(letter) for letter in text)


def _ways_to_write(letter: str) -> Iterator[str]:
    """A letter as it is, in its plain look, and without its marks."""
    yield letter
    plain = unicodedata.normalize("NFKD", letter)
    yield unicodedata.normalize("NFC", plain)
    yield "".join(part for part in plain if not unicodedata.combining(part))


def _named(letter: str) -> str:
    """How a letter sounds, or what a sign is called: "ka", "(automobile)"."""
    kind, name = unicodedata.category(letter), unicodedata.name(letter, "")
    if (figure := unicodedata.digit(letter, None)) is not None:
        return str(figure)
    if sound := _SOUND.search(name):
        return sound[1].lower().replace(" ", "")
    if kind[0] == "M" or kind == "Sk":
        return ""
    return f"({name.lower() or f'U+{ord(letter):04X}'})"


# Arabic letters look different where they join their neighbours.


@cache
def _forms() -> dict[str, dict[str, str]]:
    """The letter, or pair of letters, with what each looks like alone, at an end or between."""
    found: dict[str, dict[str, str]] = {}
    for number in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *parts = unicodedata.decomposition(chr(number)).split() or [""]
        letters = "".join(chr(int(part, 16)) for part in parts)
        if kind and len(letters) < 3 and number in _letters_of("more"):
            found.setdefault(letters, {})[kind.strip("<>")] = chr(number)
    return found


def joined(text: str) -> str:
    """A text whose Arabic letters look as their neighbours ask."""
    forms, drawn, before = _forms(), "", False
    at = 0
    while at < len(text):
        piece = text[at : at + 2] if text[at : at + 2] in forms else text[at]
        at += len(piece)
        looks = forms.get(piece, {})
        marks = unicodedata.category(piece[0]) == "Mn"
        onward = "initial" in looks or piece == _TATWEEL
        after = onward and _joins_back(text[at:])
        if looks:
            look = {(0, 0): "isolated", (0, 1): "initial", (1, 0): "final", (1, 1): "medial"}
            wanted = look[before and "final" in looks, after]
            piece = looks.get(wanted, piece)
        drawn += piece
        before = before if marks else after
    return drawn


def _joins_back(rest: str) -> bool:
    """Whether the next letter, whatever marks stand before it, joins the one before."""
    letter = next((each for each in rest if unicodedata.category(each) != "Mn"), "")
    return letter == _TATWEEL or "final" in _forms().get(letter, {})


def runs_left(text: str) -> bool:
    """Whether some of it is read from right to left."""
    return any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)


def in_order(line: str) -> str:
    """The letters of a line from left to right, as they stand on paper."""
    if not runs_left(line):
        return line
    return "".join(
        each.character.translate(_MIRRORED) if each.embedding_level % 2 else each.character
        for each in BidiParagraph(text=line).get_reordered_characters()
    )
