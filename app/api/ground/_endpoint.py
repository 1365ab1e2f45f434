"""Endpoints as data: what each takes, who may use it and what it answers, in one place.

The OpenAPI document, the reference page, the guards and the checks are made from what stands here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import has_app_context

from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Json, Right
from app.schemas.answers import Answer
from app.schemas.base import Schema
from app.web import areas

ROOT = "/api/v1"
#: Headers of a request that may be refused.
HEADERS = ("Idempotency-Key", "If-Match", "Last-Event-ID")


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is no JSON: its type, what it is, and what more its schema says."""

    mimetype: str
    doc: str
    schema: Json = field(default_factory=dict)


Answers = Mapping[int, type[Answer] | Pages | File | None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    `secret`: its answer holds a secret that is told this once.  `forms` are schemas, by name, by
    which the document says more of the body than its schema does.  With a `file` the body is a
    form, and that part the file.  The header If-Match is held against what is `compared`, if that
    is READ.
    """

    noun: str
    name: str
    method: str
    path: str
    right: Right
    summary: str
    doc: str
    query: type[Schema]
    body: type[Schema] | None
    answers: Answers
    problems: tuple[int, ...] = ()
    everywhere: bool = False
    secret: bool = False
    forms: Json = field(default_factory=dict)
    file: str = ""
    compared: str = ""

    @property
    def needs(self) -> str:
        """The right that it needs, in words; no application, no areas."""
        area = areas.of(f"api_{self.noun}.{self.name}") if has_app_context() else None
        return f"the right {area}: {self.right}" if area else "a token"

    @property
    def takes(self) -> frozenset[str]:
        """What may be sent: the members of its body, with its file, and its parameters."""
        body = self.body.model_fields if self.body else ()
        return frozenset((*body, self.file, *self.query.model_fields, *HEADERS)) - {""}

    @property
    def rule(self) -> str:
        """The path as Flask writes it: what ends in an id, or counts, is a whole number."""
        parts = []
        for part in self.path.split("/"):
            name = part.strip("{}")
            kind = "int:" if is_number(name) else ""
            parts.append(part if part == name else f"<{kind}{name}>")
        return ROOT + "/".join(parts)


def is_number(parameter: str) -> bool:
    """Tell whether a parameter of a path is a whole number."""
    return parameter.endswith("_id") or parameter in ("connector", "version")


#: Every endpoint there is, in the order of the files.
ENDPOINTS: list[Endpoint] = []
#: path -> the GET endpoint of one thing, and its view: what an edit is compared with.
READ: dict[str, tuple[Endpoint, Callable[..., Any]]] = {}
#: noun -> what it is about, for the reference.
NOUNS: dict[str, str] = {}
