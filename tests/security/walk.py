"""Every route of the desk, with the URLs that its parameters make."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.datastructures import ImmutableMultiDict

from app.domain.ground.vocabulary import Area, Right
from app.domain.office import rights
from app.domain.office.rights import Rights
from tests.security.town import PARAMETERS, Side

#: Parameters that are no ids: each value is tried.
WORDS = {
    "change": ("block", "unblock", "archive", "restore"),
    "kind": ("stations", "drivers", "tags"),
    "key": ("nothing-like-a-secret",),
    "code": ("nothing-like-a-code",),
    "secret": ("nothing-like-a-secret",),
    "name": ("nothing.eml",),
    "form": ("pem", "csr"),
    "month": ("2026-10",),
    "number": ("1",),
    "question": ("read", "composite", "tariffs", "controls"),
    "filename": ("css/ampdesk.css",),
}
#: An event stream: its body never ends, so its head is all that is looked at.
ENDLESS = {"live"}


@dataclass(frozen=True)
class Door:
    """One method of one route."""

    endpoint: str
    method: str
    rule: str
    arguments: tuple[str, ...]
    right: str | None
    area: Area | None

    def opens_to(self, held: Rights) -> bool:
        """Tell whether whoever holds these rights gets in."""
        return self.right is None or rights.may(held, self.area, Right(self.right))

    @property
    def ids(self) -> tuple[str, ...]:
        """Its parameters that are ids."""
        return tuple(name for name in self.arguments if name in PARAMETERS)

    def url(self, app: Flask, ids: dict[str, int]) -> str:
        """Its address with these ids."""
        values: dict[str, Any] = {}
        for name in self.arguments:
            values[name] = ids[name] if name in PARAMETERS else self._word(app, name)
        with app.test_request_context():
            return str(app.url_for(self.endpoint, **values))

    def _word(self, app: Flask, name: str) -> str:
        """The first of the parameter's words that the rule takes."""
        rule = next(found for found in app.url_map.iter_rules() if found.rule == self.rule)
        converter = rule._converters.get(name)
        words = WORDS[name]
        fitting = [word for word in words if converter and re.fullmatch(converter.regex, word)]
        return (fitting or words)[0]


#: The API has doors and walkers of its own: tests/security/test_api.py.
API = "/api/"


def doors(app: Flask, *, api: bool = False) -> list[Door]:
    """Every method of every route of the desk (or of the API)."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(API) is not api:
            continue
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            right = getattr(view, "needs_right", None)
            area = app.areas[rule.endpoint]
            arguments = tuple(sorted(rule.arguments))
            door = Door(rule.endpoint, method, rule.rule, arguments, right, area)
            found.append(door)
    return sorted(found, key=lambda door: (door.rule, door.method))


def pages(app: Flask, side: Side) -> Iterator[tuple[Door, str]]:
    """Every page that can be fetched, with the side's own ids."""
    for door in doors(app):
        # A probe is no page: it answers 503 where the computer is too busy to look in time.
        fetched = door.method == "GET" and door.endpoint not in ENDLESS | {"system.ready"}
        if fetched and all(side.ids.get(name) for name in door.ids):
            yield door, door.url(app, side.ids)


def body(answer: Any) -> str:
    """An answer's text, whatever its kind."""
    return answer.get_data().decode("utf-8", "replace")


class Noting(ImmutableMultiDict):
    """A query that notes which of its words a page reads; that it is copied into links is none."""

    read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def getlist(self, name: str, *more: Any) -> list[Any]:
        self.read.add(name)
        return super().getlist(name, *more)

    def __iter__(self) -> Iterator[str]:
        self.read.add(ANY)
        return super().__iter__()

    def values(self) -> Any:
        self.read.add(ANY)
        return super().values()

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        return {name: found[0] if flat else found for name, found in self.lists()}


#: What is noted where a page goes through all words that there are.
ANY = "*"


@contextmanager
def noting(app: Flask) -> Iterator[set[str]]:
    """The words of queries that pages have read since then; not what a page would ignore."""
    usual = app.request_class
    app.request_class = type("Noted", (usual,), {"parameter_storage_class": Noting})
    Noting.read = set()
    try:
        yield Noting.read
    finally:
        app.request_class = usual
