"""JSON as chargers write it: read leniently, within bounds, and written compactly.

orjson does the reading: it refuses NaN and Infinity, numbers beyond a double and invalid UTF-8 and
never builds integers beyond 64 bits, so neither digits nor nesting can cost more than the text's
own length.  What breaks the rules in ways that real chargers are known for is repaired (FIELD M3),
and each repair is named.
"""

import json
import re
from datetime import datetime
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any

import orjson

from worker.ocpp import broken_json
from worker.ocpp.fields import APART, format_instant

#: Deepest nesting that is read.  No OCPP message comes near it.
DEPTH_LIMIT = 32
#: Longest text in characters on which repairs are tried.
REPAIR_LIMIT = 1 << 18
#: Among so many members of a text names are looked for twice: that takes as long as they are many.
DOUBLES_LIMIT = 40_000
#: Objects and lists, and values, that one text may hold: reading more would stall everybody else.
CONTAINER_LIMIT, VALUE_LIMIT = 300_000, 1_000_000
#: So many messages of one text are taken; what follows is one more, which is broken.
MOST_MESSAGES = 1_000
#: Members that one object may have.  No OCPP message comes near it.
MEMBER_LIMIT = 1_000

_BETWEEN = " \t\r\n,\0\ufeff"
#: The id of a message, so far as it can be told without reading all that follows.
MESSAGE_ID = r'(?:"(?:[^"\\\x00-\x1f]|\\.){0,255}"|-?\d{1,18}(?:\.\d{1,18})?|null|true|false)'
#: Where a message begins; a list within one mostly stands behind a colon.
_MESSAGE = re.compile(
    r"(?:\A[\s,\0\ufeff]*\[?|(?<=[\]}\s,\0]))"
    rf'(\[[\s,]*"?[2-6]"?\s*,\s*{MESSAGE_ID}\s*,\s*(?:"\w|\{{|null))'
)
#: So much is kept of each of two texts that stand for one.
_WORDS = 100
_APART = re.compile(r'"\s+:')


class BadJson(ValueError):
    """The text cannot be read; the message says why, for a person."""


class TooMuch(BadJson):
    """The text holds more than is read, however well it is formed."""


def load(text: str, strict: bool) -> tuple[Any, tuple[str, ...]]:
    """Read `text`; return the value and the names of what had to be overlooked.

    Raises BadJson.  With `strict` nothing is repaired.
    """
    notes: tuple[str, ...] = ()
    mended = text
    opened = text.count("{") + text.count("[")
    if opened > CONTAINER_LIMIT or (len(text) > VALUE_LIMIT and text.count(",") > VALUE_LIMIT):
        raise TooMuch("The message holds too many items.")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if strict or len(text) > REPAIR_LIMIT:
            raise BadJson("The text is not JSON.") from error
        mended, notes = broken_json.repaired(text)
        value = _load_repaired(mended)
    is_large = opened > DEPTH_LIMIT or len(text) > MEMBER_LIMIT
    if is_large:
        _check_shape(value)
    if _names_twice(mended, value):
        value, more = _with_doubles(mended, value)
        notes += more
        if is_large and more:
            _check_shape(value)  # objects that are one by now may have too many members
    return value, notes


def dump(value: object) -> str:
    """Write `value` as compact JSON, members in the order they have.

    Decimals become numbers and aware datetimes `YYYY-MM-DDTHH:MM:SSZ`.
    """
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def split_messages(text: str) -> list[str]:
    """The messages of a text that holds several, broken ones too; empty when it does not.

    What stands before the first and after the last that are taken is a piece as well.
    """
    if len(text) > REPAIR_LIMIT:
        return []
    starts = [match.start(1) for match in islice(_MESSAGE.finditer(text), MOST_MESSAGES)]
    if len(starts) < 2:
        return []
    if text[: starts[0]].strip(_BETWEEN + "["):
        starts.insert(0, 0)
    return [text[at:end].strip(_BETWEEN) for at, end in pairwise([*starts, len(text)])]


def object_in(value: object) -> dict[str, Any] | None:
    """The object that is written as a list of one, or as a text; None where there is none."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value, _ = load(value, strict=True)
        except BadJson:
            return None
    if isinstance(value, list) and len(value) == 1:
        [value] = value
    return value if isinstance(value, dict) else None


def without_nul(value: object) -> Any:
    """The value without the character NUL, which no charger means and PostgreSQL has not."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key.replace("\x00", ""): without_nul(item) for key, item in value.items()}
    return value


def _load_repaired(mended: str) -> Any:
    try:
        return orjson.loads(mended)
    except orjson.JSONDecodeError as error:
        raise BadJson("The text is not JSON.") from error


def _check_shape(value: Any) -> None:
    """Raise for what is nested too deeply or has an object of too many members."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_LIMIT + 1):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if any(isinstance(node, dict) and len(node) > MEMBER_LIMIT for node in level):
            raise TooMuch("An object of the message has too many members.")
        if not level:
            return
    raise BadJson("The message is nested too deeply.")


def _names_twice(text: str, value: object) -> bool:
    """Whether a member is named twice; mostly told by length: written again, a text is as long."""
    again = orjson.dumps(value)
    if len(text) == (len(again) if again.isascii() else len(again.decode())):
        return False
    names = text.count('":') + len(_APART.findall(text))
    # A quotation mark may be written otherwise again.
    return names <= DOUBLES_LIMIT and (again.count(b'":') != names or r"\u0022" in text)


def _with_doubles(text: str, value: Any) -> tuple[Any, tuple[str, ...]]:
    """What the text says, with all that it says of a member that it names twice."""
    doubled = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        whole: dict[str, Any] = {}
        for name, said in pairs:
            if name in whole:
                doubled = True
                said = both(whole[name], said)
            whole[name] = said
        return whole

    numbers = orjson.loads
    try:
        value = json.loads(text, object_pairs_hook=members, parse_int=numbers, parse_float=numbers)
    except (ValueError, RecursionError):
        return value, ()
    return value, ("duplicate_keys",) if doubled else ()


def both(one: Any, other: Any) -> Any:
    """What two values of one member say together; the first is changed.

    Lists are one list.  Of different words neither counts: a text of both is no number, no time,
    no tag and no transaction.
    """
    if one == other or other is None:
        return one
    if one is None:
        return other
    if isinstance(one, list) and isinstance(other, list):
        one.extend(other)
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        for name, said in other.items():
            one[name] = both(one[name], said) if name in one else said
        return one
    words, more = (said if isinstance(said, str) else dump(said) for said in (one, other))
    return one if words == more else f"{words[:_WORDS]}{APART}{more[:_WORDS]}"


def _plain(value: object) -> int | float | str:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return format_instant(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
