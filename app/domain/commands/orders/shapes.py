"""What the values of an argument look like: one description for forms, help texts and OpenAPI."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Kind = Literal[
    "text", "whole", "number", "choice", "switch", "instant", "list", "object", "objects", "json"
]


@dataclass(frozen=True, slots=True)
class Shape:
    """The look of a value; what does not apply is None.

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
OBJECT = Shape("object")
OBJECTS = Shape("objects")
JSON = Shape("json")


class Shaped:
    """A reader that knows the shape of what it reads."""

    __slots__ = ("_read", "shape")

    def __init__(self, read: Callable[[str, Any], Any], shape: Shape) -> None:
        self._read = read
        self.shape = shape

    def __call__(self, name: str, value: Any) -> Any:
        """Read a value; see `app.domain.commands.orders.reading`."""
        return self._read(name, value)
