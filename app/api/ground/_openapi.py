"""The OpenAPI 3.1 document, made from the endpoints themselves."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from app import __version__
from app.api.ground._noun import ENDPOINTS, NOUNS, ROOT, Endpoint, is_number
from app.api.ground._paging import Pages
from app.api.ground._shapes import Body, Shape
from app.domain.office.api_tokens import LONGEST

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable and for programs, `detail` is for people.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string", "description": "The member or parameter that is wrong."},
    },
    "required": ["type", "title", "status", "detail", "code"],
    "additionalProperties": True,
}
ABOUT = (
    "What an operator can do, for programs. Send `Authorization: Bearer <token>` (from "
    "`flask token add`); the token has the role and the reach of its member of staff."
)
#: What every endpoint may answer beside its own.
ALWAYS = (401, 403, 422, 429, 500, 503)


def document(server: str) -> dict[str, Any]:
    """Build the whole document; `server` is the desk's address without a slash at the end."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation(endpoint)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": "Ampdesk", "version": __version__, "description": ABOUT},
        "servers": [{"url": f"{server}{ROOT}"}],
        "security": [{"token": []}],
        "tags": [{"name": name, "description": doc} for name, doc in NOUNS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(),
        },
    }


def schemas() -> dict[str, Any]:
    """All shapes that any endpoint takes or answers, by name."""
    found: dict[str, Any] = {"Problem": PROBLEM}
    for endpoint in ENDPOINTS:
        for shape in _shapes(endpoint):
            found[shape.name] = shape.schema
    for shape in list(_inner()):
        found.setdefault(shape.name, shape.schema)
    return dict(sorted(found.items()))


def operation(endpoint: Endpoint) -> dict[str, Any]:
    """Describe one endpoint."""
    described: dict[str, Any] = {
        "operationId": f"{endpoint.noun}.{endpoint.name}",
        "tags": [endpoint.noun],
        "summary": endpoint.summary,
        "description": f"{endpoint.doc}\n\nNeeds the role {endpoint.role}.",
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        described["requestBody"] = {
            "required": bool(endpoint.body.required),
            "content": {"application/json": {"schema": endpoint.body.reference}},
        }
    return described


def problems_of(endpoint: Endpoint) -> list[int]:
    """The statuses of the refusals that an endpoint may answer with."""
    found = {*ALWAYS, *endpoint.problems}
    if "{" in endpoint.path:
        found.add(404)
    if endpoint.body is not None:
        found |= {400, 413, 415}
    if endpoint.method == "POST":
        found.add(409)
    return sorted(found - set(endpoint.answers))


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for part in endpoint.path.split("/"):
        name = part.strip("{}")
        if name == part:
            continue
        schema = {"type": "integer", "minimum": 0} if is_number(name) else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for name, kind in endpoint.query.items():
        yield {"name": name, "in": "query", "required": False, "schema": kind.schema}
    if endpoint.method == "POST":
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
        }


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in endpoint.answers.items():
        described: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if shape is not None:
            described["content"] = {"application/json": {"schema": shape.reference}}
        if status in (201, 202):
            described["headers"] = {"Location": {"schema": {"type": "string"}}}
        found[str(status)] = described
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in problems_of(endpoint):
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return found


def _shapes(endpoint: Endpoint) -> Iterator[Shape | Body | Pages]:
    if endpoint.body is not None:
        yield endpoint.body
    for shape in endpoint.answers.values():
        if isinstance(shape, Pages):
            yield shape.of
        if shape is not None:
            yield shape


def _inner() -> Iterator[Shape]:
    """Shapes within shapes."""
    waiting = [shape for endpoint in ENDPOINTS for shape in _shapes(endpoint)]
    while waiting:
        shape = waiting.pop()
        if isinstance(shape, Shape):
            inner = [kind.of_shape for kind in shape.members.values() if kind.of_shape]
            yield from inner
            waiting += inner
