"""How the arguments of orders are read: from a form's text or from JSON, checked, in our words.

A reader takes the argument's name and what was given, and returns the value in
the domain's form or raises `Invalid` with one sentence that names the argument.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from app.domain.commands.orders.shapes import INSTANT, SWITCH, TEXT, Shape, Shaped
from app.domain.ground.errors import Invalid

Reader = Callable[[str, Any], Any]

#: More decimals than this no number of ours has.
_PLACES = 12
_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}


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

    @property
    def looks(self) -> Shape:
        """What its values look like, for forms, the command line and OpenAPI."""
        return self.shape or shape_of(self.read)


#: An argument that may be left out.
optional = partial(Argument, required=False)


def shape_of(read: Reader) -> Shape:
    """The shape of what a reader reads; a plain function reads text unless said otherwise."""
    if read is yes:
        return SWITCH
    if read is instant:
        return INSTANT
    return read.shape if isinstance(read, Shaped) else TEXT


def whole(low: int, high: int) -> Reader:
    """A whole number between two bounds."""

    def read(name: str, value: Any) -> int:
        word = _words(name)
        text = str(value).strip()
        digits = text.removeprefix("-")
        if isinstance(value, bool) or not (
            digits.isascii() and digits.isdigit() and len(digits) < 19
        ):
            raise Invalid(f"The {word} is a whole number.", field=name)
        number = int(text)
        if not low <= number <= high:
            raise Invalid(f"The {word} lies between {low} and {high}.", field=name)
        return number

    return Shaped(read, Shape("whole", low=low, high=high))


#: The number of a plug; 0 stands for the whole station where that makes sense.
plug = whole(1, 1000)
plug_or_station = whole(0, 1000)
#: The id of one of our rows.
row = whole(1, 2**63 - 1)


def number(low: Decimal | int, high: Decimal | int) -> Reader:
    """A decimal number between two bounds; kept as text, so that JSON does not round it."""

    def read(name: str, value: Any) -> str:
        word = _words(name)
        try:
            found = Decimal(str(value).strip())
        except InvalidOperation:
            raise Invalid(f"The {word} is a number.", field=name) from None
        if isinstance(value, bool) or not found.is_finite():
            raise Invalid(f"The {word} is a number.", field=name)
        if not low <= found <= high:
            raise Invalid(f"The {word} lies between {low} and {high}.", field=name)
        # Written out, 1e-999999999 would fill the memory.
        if int(found.as_tuple().exponent) < -_PLACES:
            raise Invalid(f"The {word} has {_PLACES} decimals at most.", field=name)
        return format(found, "f")

    return Shaped(read, Shape("number", low=low, high=high))


def text(limit: int) -> Reader:
    """Printable text of 1 to `limit` characters, trimmed; line ends and tabs are allowed."""

    def read(name: str, value: Any) -> str:
        found = str(value).strip()
        word = _words(name)
        if not found:
            raise Invalid(f"The {word} is missing.", field=name)
        if len(found) > limit:
            raise Invalid(f"The {word} may have {limit} characters at most.", field=name)
        if not all(char.isprintable() or char in "\r\n\t" for char in found):
            raise Invalid(f"The {word} holds a control character.", field=name)
        return found

    return Shaped(read, Shape("text", limit=limit))


def word(*words: str) -> Reader:
    """One of some words, in any case."""

    def read(name: str, value: Any) -> str:
        found = str(value).strip().lower()
        if found not in words:
            raise Invalid(f"The {_words(name)} is one of {', '.join(words)}.", field=name)
        return found

    return Shaped(read, Shape("choice", choices=words))


def yes(name: str, value: Any) -> bool:
    """Yes or no."""
    found = str(value).strip().lower()
    if found not in _YES | _NO:
        raise Invalid(f"Say yes or no: {_words(name)}.", field=name)
    return found in _YES


def instant(name: str, value: Any) -> str:
    """A moment with its offset (UTC where none is given), kept as ISO 8601 in UTC."""
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise Invalid(
            f"The {_words(name)} is a time like 2026-01-31T18:00:00Z.", field=name
        ) from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    return found.astimezone(UTC).isoformat()


def several(read: Reader, most: int) -> Reader:
    """A list of up to `most` values, given as a list or as text with commas or line ends."""

    def read_all(name: str, value: Any) -> list[Any]:
        parts: Iterable[Any]
        if isinstance(value, str):
            parts = [part for part in value.replace("\n", ",").split(",") if part.strip()]
        elif isinstance(value, list | tuple):
            parts = value
        else:
            raise Invalid(f"The {_words(name)} is a list.", field=name)
        found = [read(name, part) for part in parts]
        if len(found) > most:
            raise Invalid(f"The {_words(name)} has {most} items at most.", field=name)
        return found

    return Shaped(read_all, Shape("list", most=most, item=shape_of(read)))


#: The session that an order is about: our number of it, or the station's.
SESSION = {"session_id": optional(row), "transaction_ref": optional(text(64))}


def document(limit: int = 100_000) -> Reader:
    """A JSON object, given as such or as its text of at most `limit` characters."""

    def read(name: str, value: Any) -> dict[str, Any]:
        found = _parsed(name, value, limit)
        if not isinstance(found, dict):
            raise Invalid(f"The {_words(name)} is a JSON object.", field=name)
        return found

    return Shaped(read, Shape("object", limit=limit))


def documents(most: int, limit: int = 1_000_000) -> Reader:
    """A JSON list of objects, given as such or as its text."""

    def read(name: str, value: Any) -> list[dict[str, Any]]:
        found = _parsed(name, value, limit)
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise Invalid(f"The {_words(name)} is a JSON list of objects.", field=name)
        if len(found) > most:
            raise Invalid(f"The {_words(name)} has {most} items at most.", field=name)
        return found

    return Shaped(read, Shape("objects", limit=limit, most=most))


def _parsed(name: str, value: Any, limit: int) -> Any:
    if not isinstance(value, str):
        return value
    if len(value) > limit:
        raise Invalid(f"The {_words(name)} is too long.", field=name)
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Invalid(f"The {_words(name)} is no JSON.", field=name) from None


def _words(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ")
