"""The pieces that a message is said with: values in a few characters, fields found by their path.

What a charger sends may be anything at all, so every look into it expects nothing.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

from app.domain.ground.vocabulary import Json
from app.domain.office.messages import reading_of
from app.text.numbers import FIXED, kwh

DOT = " · "
_LONGEST = 80
_LONGEST_BODY = 40_000


def parsed(text: str | None) -> Any:
    """Read JSON text; None for what is none (or too deep to be read)."""
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def pretty(text: str | None) -> str:
    """Lay JSON text out in lines; anything else is given back as it came, and no more than fits."""
    laid_out = text or ""
    reading = reading_of(laid_out)
    value = parsed(reading)
    if value is not None:
        with suppress(RecursionError):
            laid_out = laid_out.removesuffix(reading) + json.dumps(
                value, indent=2, ensure_ascii=False
            )
    if len(laid_out) > _LONGEST_BODY:
        laid_out = laid_out[:_LONGEST_BODY] + "\n… the export has the rest"
    # JSON may escape half of a character; no page can be made of that.
    return laid_out.encode("utf-8", "backslashreplace").decode()


def short(value: object) -> str:
    """Write any value in a few characters of one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    kept = (c if c.isprintable() or c in FIXED else " " for c in text[: _LONGEST * 4])
    text = " ".join(filter(None, "".join(kept).split(" ")))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def record(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def records(value: object) -> Iterator[Json]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        exact = Decimal(str(value).strip()[:40])
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and abs(exact.adjusted()) < 18 else None


def said(*parts: object) -> str:
    return DOT.join(text for part in parts if (text := short(part)))


def named(word: str, value: object) -> str:
    """`word value`, or nothing when there is no value."""
    text = short(value)
    return f"{word} {text}" if text else ""


def at(value: object, path: str) -> Any:
    """What stands at a dotted path; `#` at its end counts a list (None where there is none)."""
    for name in path.split("."):
        if name == "#":
            return len(value) if isinstance(value, list) else None
        value = record(value).get(name)
    return value


def counted(number: object, one: str, many: str = "") -> str:
    """`3 samples`, `1 sample`; nothing for what is no number."""
    if not isinstance(number, int):
        return ""
    return f"{number} {one if number == 1 else many or one + 's'}"


def plug(request: Json) -> str:
    """`connector 2` (1.6), `EVSE 1 connector 2` (2.x), or the station itself (0)."""
    place = record(request.get("evse"))
    evse = place.get("id", request.get("evseId"))
    connector = place.get("connectorId", request.get("connectorId"))
    if evse == 0 or (evse is None and connector == 0):
        return "the station"
    if evse is not None and connector is not None:
        return f"EVSE {short(evse)} connector {short(connector)}"
    return named("EVSE", evse) or named("connector", connector)


def register(word: str, value: object) -> str:
    """A register in Wh, as kilowatt-hours."""
    exact = decimal(value)
    return f"{word} {kwh(exact, 3)}" if exact is not None else named(word, value)
