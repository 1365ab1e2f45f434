"""Cursor pages: a page begins where the one before ended, whatever was added meanwhile."""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from pydantic import create_model
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import Json
from app.schemas.answers import Answer
from app.schemas.base import Schema, Text, Whole, left_out
from app.web.problems import Problem

#: Rows on a page unless `limit` says otherwise, and the most it may say.
DEFAULT, MOST = 50, 500


def paged(query: type[Schema]) -> type[Schema]:
    """The parameters of a list, with those that say which page."""
    made: type[Schema] = create_model(
        query.__name__,
        __base__=query,
        __doc__=query.__doc__,
        limit=(Whole, left_out(f"Rows on a page ({DEFAULT}).", ge=1, le=MOST)),
        cursor=(
            Text,
            left_out("Where the page begins: from `next` of the page before.", max_length=60),
        ),
    )
    return made


@dataclass(frozen=True, slots=True)
class Pages:
    """A list of one answer, a page at a time."""

    of: type[Answer]

    @property
    def schema(self) -> Json:
        """The JSON Schema of a page."""
        following = "Address of the next page; null on the last one."
        items = {"$ref": f"#/components/schemas/{self.of.__name__}"}
        return {
            "type": "object",
            "description": f"A page of a list; `items` are each {self.of.__name__}.",
            "properties": {
                "items": {"type": "array", "items": items, "description": "The rows of this page."},
                "next": {"type": ["string", "null"], "description": following},
            },
            "required": ["items", "next"],
            "additionalProperties": False,
        }

    def write(self, page: "Page") -> Json:
        """Write a page."""
        return {"items": [self.of.write(row) for row in page.rows], "next": page.next}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the address of those that follow."""

    rows: list[Any]
    next: str | None


def page(db: Session, query: Select[Any], key: Any, asked: Json, *, newest: bool = True) -> Page:
    """Fetch a page of a select of one entity, in the order of `key`: an id that only grows.

    With `newest` the greatest comes first, so that what is added meanwhile stands
    before the first page; otherwise it stands after the last.  Nothing is told twice.
    """
    size = asked.get("limit", DEFAULT)
    if (mark := asked.get("cursor")) is not None:
        after = _read(mark, newest)
        query = query.where(key < after if newest else key > after)
    query = query.order_by(None).order_by(key.desc() if newest else key.asc())
    rows = list(db.scalars(query.limit(size + 1)).unique())
    if len(rows) <= size:
        return Page(rows, None)
    rows = rows[:size]
    return Page(rows, _following(_write(getattr(rows[-1], key.key), newest)))


def _following(cursor: str) -> str:
    kept = {name: value for name, value in request.args.items() if name != "cursor"}
    return f"{request.path}?{urlencode({**kept, 'cursor': cursor})}"


def _write(number: int, newest: bool) -> str:
    return (
        base64.urlsafe_b64encode(f"{'-' if newest else '+'}{number}".encode()).decode().rstrip("=")
    )


def _read(cursor: str, newest: bool) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        sign, digits = text[:1], text[1:]
        if sign != ("-" if newest else "+") or not digits.isdigit() or len(digits) > 18:
            raise ValueError(text)
        return int(digits)
    except ValueError:
        raise Problem(422, "The cursor is none of this list.", field="cursor") from None
