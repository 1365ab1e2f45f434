"""A client of the API that holds every answer to the OpenAPI document."""

import importlib
import json
import pkgutil
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import jsonschema_rs
from flask import Flask

import app.api
from app.api.ground import _openapi
from app.api.ground._endpoint import ENDPOINTS, ROOT

# The endpoints come with their files, which the application loads by itself.
for _file in pkgutil.walk_packages(app.api.__path__, "app.api."):
    importlib.import_module(_file.name)

PROBLEM = "application/problem+json"
REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')


@cache
def document() -> dict[str, Any]:
    """The document, as it is served."""
    return _openapi.document("http://desk")


@cache
def validator(pointer: tuple[str, ...]) -> Any:
    """What a schema of the document lets through."""
    schema: Any = document()
    for part in pointer:
        schema = schema[part]
    whole = {**schema, "components": {"schemas": needed(schema)}}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def needed(schema: Any) -> dict[str, Any]:
    """The schemas that this one leads to: with all of them a validator takes 20 MB."""
    found: dict[str, Any] = {}
    ahead = [schema]
    while ahead:
        for name in set(REFERENCE.findall(json.dumps(ahead.pop()))) - found.keys():
            found[name] = document()["components"]["schemas"][name]
            ahead.append(found[name])
    return found


def check(flask_app: Flask, method: str, address: str, answer: Any) -> None:
    """Fail unless the answer is one that the document promises of its endpoint."""
    path = address.partition("?")[0]
    adapter = flask_app.url_map.bind("localhost")
    endpoint, _ = adapter.match(path, method=method)
    (found,) = (one for one in ENDPOINTS if f"api_{one.noun}.{one.name}" == endpoint)
    responses = document()["paths"][found.path][method.lower()]["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{method} {found.path} answered {status}: {answer.text}"
    told = responses[status]
    pointer = ("paths", found.path, method.lower(), "responses", status)
    if "$ref" in told:
        pointer = ("components", "responses", status)
        told = document()["components"]["responses"][status]
    content = told.get("content")
    for name in ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"):
        assert name in told["headers"] or name not in answer.headers, (address, status, name)
    if content is None:
        assert not answer.data
        return
    assert answer.mimetype in content, answer.mimetype
    if not answer.is_json and answer.mimetype != PROBLEM:
        return
    errors = validator((*pointer, "content", answer.mimetype, "schema")).iter_errors(answer.json)
    assert not list(errors), (address, [str(error) for error in errors], answer.json)


def names_what_was_sent(flask_app: Flask, method: str, address: str, told: Any, sent: Any) -> None:
    """Fail unless the `field` of a refusal is a path in what was sent, or lacks only its end."""
    path, _, query = address.partition("?")
    endpoint, _ = flask_app.url_map.bind("localhost").match(path, method=method)
    (found,) = (one for one in ENDPOINTS if f"api_{one.noun}.{one.name}" == endpoint)
    first, *rest = told["field"].split(".")
    body = json.loads(sent) if isinstance(sent, str) else sent or {}
    assert first in {*found.takes, *parse_qs(query, keep_blank_values=True), *body}, told
    place: Any = body
    for part in (first, *rest)[: len(rest)]:
        place = place[int(part)] if isinstance(place, list) else place[part]


class Api:
    """Asks with a token: `api.get("/tags", 200)` returns the JSON of an answer with that status."""

    def __init__(self, flask_app: Flask, secret: str) -> None:
        self.app = flask_app
        self.secret = secret
        self.answer: Any = None

    def ask(self, method: str, path: str, status: int | tuple[int, ...], **given: Any) -> Any:
        """Ask, check the answer, return its JSON; the answer itself is kept in `answer`.

        Of several statuses each is fine.
        """
        headers = {"Authorization": f"Bearer {self.secret}", **given.pop("headers", {})}
        address = path if path.startswith(ROOT) else ROOT + path
        self.answer = self.app.test_client().open(address, method=method, headers=headers, **given)
        wanted = (status,) if isinstance(status, int) else status
        assert self.answer.status_code in wanted, self.answer.text
        check(self.app, method, address, self.answer)
        if self.answer.mimetype == PROBLEM and "field" in self.answer.json:
            sent = given.get("json", given.get("data"))
            names_what_was_sent(self.app, method, address, self.answer.json, sent)
        return self.answer.json if self.answer.is_json else None

    def get(self, path: str, status: int = 200, **given: Any) -> Any:
        """Ask with GET."""
        return self.ask("GET", path, status, **given)

    def post(self, path: str, json: Any = None, status: int = 201, **given: Any) -> Any:
        """Ask with POST."""
        return self.ask("POST", path, status, json=json if json is not None else {}, **given)

    def patch(self, path: str, json: Any, status: int = 200) -> Any:
        """Ask with PATCH."""
        return self.ask("PATCH", path, status, json=json)

    def delete(self, path: str, status: int = 204) -> Any:
        """Ask with DELETE."""
        return self.ask("DELETE", path, status)

    def every(self, path: str) -> list[Any]:
        """Follow a list to its end."""
        found, address = [], path
        while address:
            page = self.get(address)
            found += page["items"]
            address = page["next"]
        return found
