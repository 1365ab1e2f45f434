"""Writes the members of webhooks' events into docs/webhooks.md: `python docs/webhook_tables.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from app.domain.ground.vocabulary import WebhookEvent
from app.schemas.answers import Answer
from app.schemas.base import Json, json_schema
from app.schemas.told import TOLD

PAGE = Path(__file__).parent / "webhooks.md"
_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list of texts",
}
BEGINS, ENDS = "<!-- events -->", "<!-- /events -->"


def tables() -> str:
    """A table for each kind of thing that is told."""
    by_shape: dict[type[Answer], list[WebhookEvent]] = {}
    for event, shape in TOLD.items():
        by_shape.setdefault(shape, []).append(event)
    return "\n\n".join("\n".join(_table(events, shape)) for shape, events in by_shape.items())


def _table(events: list[WebhookEvent], shape: type[Answer]) -> Iterator[str]:
    names = ", ".join(f"`{event}`" for event in events)
    yield f"### {names}\n\n{shape.__doc__}\n\n| member | | |\n|---|---|---|"
    for name, member in json_schema(shape)["properties"].items():
        about = f" {member['description']}" if "description" in member else ""
        yield f"| `{name}` | {_kind(member)} |{about} |"


def _kind(member: Json) -> str:
    options = member.get("anyOf", [member])
    of = options[0]
    types = of["type"] if isinstance(of["type"], list) else [of["type"]]
    words = [word for word in of.get("enum", ()) if word is not None]
    if of.get("format") == "date-time":
        kind = "moment"
    elif words:
        kind = "one of " + ", ".join(f"`{word}`" for word in words)
    else:
        kind = _WORDS[types[0]]
    null = "null" in types or len(options) > 1
    return f"{kind}, or null" if null else kind


def page() -> str:
    """The page with its tables as they should be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    return f"{before}{BEGINS}\n\n{tables()}\n\n{ENDS}{rest.partition(ENDS)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
