"""What the business says, put into the reader's language where it is shown.

Operations refuse, explain and note in English, and so it stays in rows and logs, in the API and on
the command line.  A page looks such a text up in the catalogue `sentences`; where values stand in
it, it is known by its shape: the words around them.  What is not known stays as it is.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask_babel import Domain, force_locale
from markupsafe import Markup

from app.domain.ground.vocabulary.words import spoken
from app.text import numbers

_DOMAINS = ("sentences", "desk")
_MARKED = re.compile("[<&]")
#: Where a word of OCPP begins its next one: "EVDisconnected", "PowerLoss".
_WITHIN = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: So few characters are found in many a text.
_SLIGHT = 8
_PLACE = re.compile(r"%\((\w+)\)s")
#: What some values look like, by the names of their places: a figure has no blanks but for its
#: unit, and what a field is called begins its sentence.
_VALUES = {"figure": r"[^ ]+(?: (?:k?W|k?Wh|A|V|%))?", "called": r"(?!The )(?:(?![.?!] ).)+?"}
#: Places of values that stand beside a field, too, or would.
_LABELS = {"called", "word"}
#: What is longer is no sentence of ours, and looking for one in it would take long.
_LONGEST = 2_000
#: Where one piece of a text ends and the next begins, and what stands between them.
_BORDERS = (
    (re.compile(" · "), " · "),
    (re.compile(" → "), " → "),
    (re.compile(r"(?<=[.?!]) (?=[A-Z“])"), " "),
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A text with places for values: `core` is the longest piece of it that never changes.

    The more characters are `fixed`, the more it tells; one that is `slight` is a word or two
    between values, as in "%(place)s from %(time)s".
    """

    core: str
    fixed: int
    pattern: re.Pattern[str]
    template: str
    slight: bool


@dataclass(frozen=True, slots=True)
class _Book:
    """What is known in a language: texts as they are, and shapes, the most telling ones first.

    `words` are those of the texts that the business says.
    """

    words: dict[str, str]
    texts: dict[str, str]
    shapes: tuple[_Pattern, ...]


def translated(text: Any) -> Any:
    """The text in the reader's language; what has tags in it stays as it is."""
    language = numbers.language()
    if language == "en" or not text or (isinstance(text, Markup) and _MARKED.search(text)):
        return text
    told = _put(str(text), language)
    return Markup(told) if isinstance(text, Markup) else told


def word(text: Any) -> Any:
    """A word of the business in the reader's language; else what people gave, as they gave it."""
    language = numbers.language()
    return text if language == "en" else _book(language).words.get(str(text), text)


def apart(word: str) -> str:
    """The words of which OCPP makes one: "SOC limit reached" of `SoCLimitReached`."""
    return spoken(_WITHIN.sub("_", word.replace("SoC", "SOC")).lower()).replace("soc ", "SOC ")


@numbers.remembered
def _put(text: str, language: str, within: bool = False) -> str:
    if len(text) > _LONGEST:
        return text
    book = _book(language)
    own = book.words if within else book.texts
    if (known := own.get(text)) is not None:
        return known
    if " " not in text:
        # The words of enumerations are known in small letters.
        small = book.words.get(apart(text)) or book.words.get(text.lower())
        small = small if text[:1].isupper() and not text.isupper() else None
        return small[:1].upper() + small[1:] if small else text
    head, _colon, rest = text.partition(": ")
    if rest and (" " in head or rest in book.words) and (known := own.get(head)) is not None:
        return f"{known}: {_put(rest, language, True)}"
    order, _colon, state = text.rpartition(": ")
    if state in book.words and (told := _put(order, language, within)) != order:
        return f"{told}: {book.words[state]}"
    # A sentence that is known is no value of a shape that the next ones would be of.
    sentences = _BORDERS[-1][0].split(text)
    if len(sentences) > 1 and sentences[0] in own:
        return " ".join(_put(each, language, within) for each in sentences)
    for shape in book.shapes:
        if shape.core in text and (found := shape.pattern.fullmatch(text)):
            # A value may be a name that people gave: only words of the business are looked up.
            values = {
                name: (name in _LABELS and _label(value, book)) or _put(value, language, True)
                for name, value in found.groupdict().items()
            }
            if shape.slight and any(map(_is_unread, values.values(), found.groups())):
                continue
            return shape.template % values
    for border, between in _BORDERS:
        if len(pieces := border.split(text)) > 1:
            return between.join(_put(each, language, within) for each in pieces)
    pieces = text.split(", ")
    return ", ".join(_put(each, language, True) for each in pieces) if len(pieces) > 1 else text


def _label(text: str, book: _Book) -> str | None:
    """What stands beside a field of this name, which a sentence may have in small letters."""
    return book.texts.get(text) or book.texts.get(text[:1].upper() + text[1:])


def _is_unread(told: str, said: str) -> bool:
    """Whether a value is no name but several things, or words of which nothing is known."""
    return "·" in said or (told == said and said.count(" ") > 1)


@cache
def _book(language: str) -> _Book:
    books: dict[str, dict[str, str]] = {domain: {} for domain in _DOMAINS}
    shapes = []
    for domain, texts in books.items():
        for text, told in _catalogue(domain, language).items():
            if not isinstance(text, str) or not text or not told:
                continue
            if domain == "sentences" and _PLACE.search(text):
                shapes.append(_shape(text, told))
            else:
                texts[text.replace("%%", "%")] = told.replace("%%", "%")
    shapes.sort(key=lambda shape: -shape.fixed)
    words = books["sentences"]
    return _Book(words, books["desk"] | words, tuple(shapes))


def _catalogue(domain: str, language: str) -> dict[Any, str]:
    with force_locale(language):
        found = Domain(domain=domain).get_translations()
    return getattr(found, "_catalog", {})


def _shape(text: str, told: str) -> _Pattern:
    """What a text looks like whatever its values are."""
    pieces = _PLACE.split(text)
    fixed = [piece.replace("%%", "%") for piece in pieces[::2]]
    names = pieces[1::2]
    pattern = re.escape(fixed[0])
    for at, (name, piece) in enumerate(zip(names, fixed[1:], strict=True)):
        again = name in names[:at]
        value = _VALUES.get(name, ".*?")
        pattern += (f"(?P={name})" if again else f"(?P<{name}>{value})") + re.escape(piece)
    told_by, slight = sum(map(len, fixed)), not (fixed[0] or fixed[-1])
    core, found = max(fixed, key=len), re.compile(pattern, re.S)
    return _Pattern(core, told_by, found, told, slight and told_by < _SLIGHT)
