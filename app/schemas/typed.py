"""What people type: how a value is read from a form's text or from JSON, and what it looks like.

A reader returns a value in the domain's form, or raises `Invalid` with one sentence that names it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Literal

from app.domain.ground import texts
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Json

Kind = Literal[
    "text", "whole", "number", "choice", "switch", "instant", "list", "object", "objects", "json"
]
#: A reader takes the name of a value and what was given.
Reader = Callable[[str, Any], Any]

#: More decimals than this no number of ours has.
_PLACES = 12
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
#: Units and phases in the names of arguments.
_SPELT = {"s": "(s)", "kwh": "kWh", "l2": "L2", "l3": "L3"}
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Shape:
    """The look of a value, for forms, help texts and OpenAPI; what does not apply is None.

    `low` and `high` bound numbers, `limit` the characters of a text, `most` the
    items of a list, whose items look like `item`.
    """

    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    low: int | Decimal | None = None
    high: int | Decimal | None = None
    limit: int | None = None
    most: int | None = None
    item: "Shape | None" = None


TEXT = Shape()
SWITCH = Shape("switch")
INSTANT = Shape("instant")
OBJECTS = Shape("objects")


@dataclass(frozen=True, slots=True)
class Typed:
    """A reader that knows the shape of what it reads.

    `of` takes what was given; the ValueError that it raises is a sentence about `{called}`.
    """

    of: Callable[[Any], Any]
    shape: Shape

    def __call__(self, name: str, value: object, label: str = "") -> Any:
        """Read a value; raises `Invalid` naming it, by its label if it has one."""
        try:
            return self.of(value)
        except ValueError as reason:
            sentence = str(reason).replace("{called}", label or words(name))
            raise Invalid(sentence, field=name) from None


@dataclass(frozen=True, slots=True)
class Argument:
    """How one argument is read; without `required` it may be left out.

    `blank` says that an empty text is a value of its own and not "left out".
    `label` and `help` are for people; without a label it is the argument's name.
    `nothing` is what a choice calls "left out".
    `shape` is needed only for readers that are plain functions and read no text.
    """

    read: Reader
    required: bool = True
    blank: bool = False
    label: str = ""
    help: str = ""
    nothing: str = ""
    shape: Shape | None = None

    def called(self, name: str) -> str:
        """What stands beside its field."""
        return self.label or words(name)

    def taken(self, name: str, value: object) -> Any:
        """Read a value that was given; raises `Invalid`."""
        return self.read(name, value, *([self.label] if isinstance(self.read, Typed) else []))

    @property
    def looks(self) -> Shape:
        """What its values look like."""
        return self.shape or shape_of(self.read)


#: An argument that may be left out.
optional = partial(Argument, required=False)


def shape_of(read: Reader) -> Shape:
    """The shape of what a reader reads; a plain function reads text unless said otherwise."""
    return read.shape if isinstance(read, Typed) else TEXT


def whole(low: int, high: int) -> Typed:
    """A whole number between two bounds."""

    def read(value: object) -> int:
        text = str(value).strip()
        if isinstance(value, bool) or not _WHOLE.fullmatch(text):
            raise ValueError("{called} must be a whole number.")
        if not low <= int(text) <= high:
            raise ValueError(f"{{called}} must be between {low} and {high}.")
        return int(text)

    return Typed(read, Shape("whole", low=low, high=high))


#: The number of a plug; 0 stands for the whole station where that makes sense.
plug = whole(1, 1000)
plug_or_station = whole(0, 1000)
#: The id of one of our rows.
row = whole(1, 2**63 - 1)


def number(low: Decimal | int, high: Decimal | int) -> Typed:
    """A decimal number between two bounds; kept as text, so that JSON does not round it."""

    def read(value: object) -> str:
        try:
            found = Decimal(str(value).strip())
        except InvalidOperation:
            raise ValueError("{called} must be a number.") from None
        if isinstance(value, bool) or not found.is_finite():
            raise ValueError("{called} must be a number.")
        if not low <= found <= high:
            raise ValueError(f"{{called}} must be between {low} and {high}.")
        # Written out, 1e-999999999 would fill the memory.
        if int(found.as_tuple().exponent) < -_PLACES:
            raise ValueError(f"{{called}} has {_PLACES} decimals at most.")
        return format(found, "f")

    return Typed(read, Shape("number", low=low, high=high))


def text(limit: int) -> Typed:
    """Printable text of 1 to `limit` characters, trimmed; line ends and tabs are allowed."""

    def read(value: object) -> str:
        found = str(value).strip()
        if not found:
            raise ValueError("{called} is missing.")
        if len(found) > limit:
            raise ValueError(f"{{called}} may have {limit} characters at most.")
        if not all(char.isprintable() or char in "\r\n\t" for char in found):
            raise ValueError("{called} holds a control character.")
        return found

    return Typed(read, Shape("text", limit=limit))


def word(*words: str) -> Typed:
    """One of some words, given in any case."""
    known = {one.lower(): one for one in words}

    def read(value: object) -> str:
        found = known.get(str(value).strip().lower())
        if found is None:
            raise ValueError(f"{{called}} must be one of {', '.join(words)}.")
        return found

    return Typed(read, Shape("choice", choices=words))


def _switch(value: object) -> bool:
    found = str(value).strip().lower()
    if found not in _YES | _NO:
        raise ValueError("{called} is yes or no.")
    return found in _YES


yes = Typed(_switch, SWITCH)


def _instant(value: object) -> str:
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError("{called} must be a time like 2026-01-31T18:00:00Z.") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return found.astimezone(UTC).isoformat()


#: A moment with its offset (UTC where none is given), kept as ISO 8601 in UTC.
instant = Typed(_instant, INSTANT)


def several(one: Typed, most: int) -> Typed:
    """A list of up to `most` values, given as a list or as text with commas or line ends."""

    def read(value: object) -> list[Any]:
        if isinstance(value, str):
            value = [part for part in value.replace("\n", ",").split(",") if part.strip()]
        elif not isinstance(value, list | tuple):
            raise ValueError("{called} must be a list.")
        found = [one.of(part) for part in value]
        if len(found) > most:
            raise ValueError(f"{{called}} has {most} items at most.")
        return found

    return Typed(read, Shape("list", most=most, item=one.shape))


#: The session that an order is about: our number of it, or the station's.
SESSION = {"session_id": optional(row), "transaction_ref": optional(text(64))}


def document(limit: int = 100_000) -> Typed:
    """A JSON object, given as such or as its text of at most `limit` characters."""

    def read(value: object) -> Json:
        found = _parsed(value, limit)
        if not isinstance(found, dict):
            raise ValueError("{called} is a JSON object.")
        return found

    return Typed(read, Shape("object", limit=limit))


def documents(most: int, limit: int = 1_000_000) -> Typed:
    """A JSON list of objects, given as such or as its text."""

    def read(value: object) -> list[Json]:
        found = _parsed(value, limit)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise ValueError("{called} is a JSON list of objects.")
        if len(found) > most:
            raise ValueError(f"{{called}} has {most} items at most.")
        return found

    return Typed(read, Shape("objects", limit=limit, most=most))


def _parsed(value: object, limit: int) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > limit:
        raise ValueError("{called} is too long.")
    try:
        return texts.document(value)
    except texts.ToldTwice as error:
        raise ValueError(f"{{called}} {error}.") from None
    except ValueError:
        raise ValueError("{called} is no JSON.") from None


def words(name: str) -> str:
    """An argument's name for people."""
    first, *rest = name.removesuffix("_id").split("_")
    return " ".join([first.capitalize(), *(_SPELT.get(word, word) for word in rest)])
