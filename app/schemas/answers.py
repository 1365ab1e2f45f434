"""What answers look like: every member is always there, and there are no others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, partial
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

from app.domain.ground.vocabulary import Json

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class From:
    """How a member is read off a row, where not by its name."""

    read: Read


def read(of: object, how: Read, doc: str = "") -> Any:
    """Say what a member is and how it is read off a row."""
    return Annotated[of, From(how), Field(description=doc or None)]


class Answer(BaseModel):
    """An object that is answered: its members in their order."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def write(cls, row: Any) -> Json:
        """Write a row (or a mapping) as JSON."""
        named = row.__getitem__ if isinstance(row, Mapping) else partial(getattr, row)
        return {
            name: value if type(value) in _AS_THEY_ARE else put(value)
            for name, how, put in _members(cls)
            for value in (named(name) if how is None else how(row),)
        }


@cache
def _members(answer: type[Answer]) -> list[tuple[str, Read | None, Read]]:
    """Each member's name, how it is read off a row where not by it, and how it is written."""
    found = []
    for name, info in answer.model_fields.items():
        how = next((one.read for one in info.metadata if isinstance(one, From)), None)
        found.append((name, how, _writer(info.annotation)))
    return found


def _writer(of: object) -> Read:
    if isinstance(of, type) and issubclass(of, Answer):
        return of.write
    parts = [_writer(part) for part in get_args(of)]
    inner = next((part for part in parts if part is not plain), None)
    if inner is None:
        return plain
    if get_origin(of) is list:
        return lambda rows: [inner(row) for row in rows]
    return lambda row: None if row is None else inner(row)


#: Most of what is answered; to call anything for each takes half of a long list.
_AS_THEY_ARE = frozenset((str, int, float, bool, type(None)))


def plain(value: object) -> Any:
    """A value as JSON knows it: times in UTC with Z, exact numbers as numbers."""
    kind: Any = type(value)
    return _plain(kind)(value)


@cache
def _plain(kind: type) -> Read:
    """How values of a type are written: to ask each value what it is would take longer."""
    if kind not in _AS_THEY_ARE:
        for of, how in _WRITTEN:
            if issubclass(kind, of):
                return how
    return lambda value: value


def _mapping(value: Mapping[Any, Any]) -> Json:
    return {
        str(key): item if type(item) in _AS_THEY_ARE else plain(item) for key, item in value.items()
    }


def _list(value: Iterable[Any]) -> list[Any]:
    return [item if type(item) in _AS_THEY_ARE else plain(item) for item in value]


def _exact(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


_WRITTEN: tuple[tuple[type | tuple[type, ...], Read], ...] = (
    (Mapping, _mapping),
    ((list, tuple, set, frozenset), _list),
    (datetime, lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    (Enum, lambda value: value.value),
    (date, date.isoformat),
    (Decimal, _exact),
)
