"""How values go into a database and come out of it, a whole column at a time.

What is done for each value by itself costs more than the driver's own work on it, so as much as
can be is done by one call for the column, orjson's mostly: it writes times and numbers as both
databases read them.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Dialect, Enum, Float
from sqlalchemy.types import TypeEngine

from app.models.base import Instant, WattHours

#: What makes a column of another one.
Convert = Callable[[Sequence[Any]], Sequence[Any]]

_THOUSAND = Decimal(1000)
_fromisoformat = datetime.fromisoformat


def each(convert: Callable[[Any], Any]) -> Convert:
    """Each value by itself, and None where there is none."""
    return lambda column: [None if value is None else convert(value) for value in column]


def reading(kind: TypeEngine[Any], dialect: Any) -> Convert | None:
    """What makes a column of what the driver gives; None where that is taken as it is."""
    if isinstance(kind, Instant):
        return _instants if dialect.name == "sqlite" else each(_utc)
    if isinstance(kind, WattHours):
        return _watt_hours
    if isinstance(kind, Float):
        return None
    if isinstance(kind, JSON) and dialect.name == "sqlite":
        return each(dialect._json_deserializer)
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return each({word.value: word for word in kind.enum_class}.__getitem__)
    convert = kind.dialect_impl(dialect).result_processor(dialect, None)
    return None if convert is None else each(convert)


def _instants(column: Sequence[Any]) -> list[datetime | None]:
    # With its offset written: giving a time that was read its zone costs five times as much.
    return [None if text is None else _fromisoformat(f"{text}+00:00") for text in column]


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _watt_hours(column: Sequence[Any]) -> list[Decimal | None]:
    return [None if value is None else Decimal(value) / _THOUSAND for value in column]


def writing(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """What makes a column what the driver is given; None where it is taken as it is."""
    lite = dialect.name == "sqlite"
    if isinstance(kind, Instant):
        return _lite_texts if lite else _texts
    if isinstance(kind, WattHours):
        return each(_thousandths)
    if isinstance(kind, JSON):
        return each(_json)
    if isinstance(kind, Boolean):
        return each(int) if lite else None
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return each({word: word.value for word in kind.enum_class}.__getitem__)
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return None if convert is None else each(convert)


#: How orjson ends the time of an instant of UTC.
_ZERO = "+00:00"


def _texts(column: Sequence[datetime | None]) -> list[str | None]:
    """Instants of UTC as orjson writes them, all in one go: by far the quickest."""
    texts = orjson.dumps(column).decode()[1:-1].replace('"', "").split(",")
    return [
        text if text[-6:] == _ZERO else None if at is None else _text(at)
        for text, at in zip(texts, column, strict=True)
    ]


def _text(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a naive time has no place in the database")
    return at.astimezone(UTC).isoformat()


def _lite_texts(column: Sequence[datetime | None]) -> list[str | None]:
    """The same with a blank and microseconds and without the offset."""
    return [
        text and f"{text[:10]} {text[11:26] if text[19] == '.' else text[11:19] + '.000000'}"
        for text in _texts(column)
    ]


def _thousandths(register: Decimal | int) -> int:
    scaled = register * 1000
    whole = int(scaled)
    return whole if whole == scaled else WattHours().process_bind_param(register, None) or 0


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def as_array(values: Sequence[Any]) -> str:
    """Values as PostgreSQL reads an array of them; psycopg takes far longer over it."""
    written = _written(values)
    return f"{{{','.join(map(_element, values)) if written is None else written}}}"


def _written(values: Sequence[Any]) -> str | None:
    """Values of one kind as JSON with commas between, where PostgreSQL reads them just so.

    It knows an escaped quote and backslash as JSON has them, but no `\\n`.  What is no number
    (NaN) is no null.
    """
    try:
        text = orjson.dumps(values).decode()[1:-1]
    except TypeError:
        return None
    there = len(values) - values.count(None)
    if '"' not in text:
        return text if text.count("null") == len(values) - there else None
    escapes = text.count("\\") - text.count("\\\\") * 2
    return text if escapes == text.count('"') - there * 2 else None


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def copied(column: Sequence[Any]) -> Sequence[str]:
    """The values of a column as COPY reads them."""
    return [
        r"\N" if value is None else _escaped(value) if isinstance(value, str) else str(value)
        for value in column
    ]


_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def _escaped(text: str) -> str:
    # Line ends and tabs are no printable characters: most texts hold nothing to be escaped.
    return text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)
