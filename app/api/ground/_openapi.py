"""The OpenAPI 3.1 document, made from the endpoints themselves."""

from collections.abc import Iterator
from http import HTTPStatus

from app import __version__
from app.api.ground import _examples
from app.api.ground._noun import ENDPOINTS, NOUNS, READ, ROOT, Endpoint, File, is_number
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Json
from app.domain.office.api_tokens import LONGEST
from app.schemas import glossary
from app.schemas.answers import Answer
from app.schemas.base import Schema, json_schema

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable and for programs, `detail` is for people.",
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained."},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The status."},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "code": {"type": "string", "description": "What is wrong, for programs."},
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


def document(server: str) -> Json:
    """Build the whole document; `server` is the desk's address without a slash at the end."""
    paths: dict[str, Json] = {}
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


def schemas() -> Json:
    """All that any endpoint takes or answers, and what these hold, by name."""
    found: Json = {"Problem": PROBLEM}
    for endpoint in ENDPOINTS:
        for shape in (endpoint.body, *endpoint.answers.values()):
            if isinstance(shape, Pages):
                found[name_of(shape)] = shape.schema
                shape = shape.of
            if shape is not None and not isinstance(shape, File):
                schema = dict(json_schema(shape))
                found |= {name: dict(one) for name, one in schema.pop("$defs", {}).items()}
                found[name_of(shape)] = schema
        found |= {name: dict(form) for name, form in endpoint.forms.items()}
    _examples.complete(found)
    return dict(sorted(found.items()))


def name_of(shape: type[Schema] | type[Answer] | Pages) -> str:
    """The name of a schema in the document."""
    return f"{shape.of.__name__}Page" if isinstance(shape, Pages) else shape.__name__


def reference(shape: type[Schema] | type[Answer] | Pages) -> Json:
    """How the document refers to a schema."""
    return {"$ref": f"#/components/schemas/{name_of(shape)}"}


def operation(endpoint: Endpoint) -> Json:
    """Describe one endpoint."""
    described: Json = {
        "operationId": f"{endpoint.noun}.{endpoint.name}",
        "tags": [endpoint.noun],
        "summary": endpoint.summary,
        "description": f"{endpoint.doc}\n\nNeeds the role {endpoint.role}.",
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        described["requestBody"] = {
            "required": bool(endpoint.body.needs()),
            "content": {"application/json": {"schema": reference(endpoint.body)}},
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
    if endpoint.method == "PATCH" and endpoint.path in READ:
        found.add(412)
    return sorted(found - set(endpoint.answers))


def _parameters(endpoint: Endpoint) -> Iterator[Json]:
    for part in endpoint.path.split("/"):
        name = part.strip("{}")
        if name == part:
            continue
        schema = {"type": "integer", "minimum": 0} if is_number(name) else {"type": "string"}
        yield _parameter(name, "path", glossary.words("", name), schema, required=True)
    needed = endpoint.query.needs()
    for name, schema in json_schema(endpoint.query)["properties"].items():
        schema = dict(schema)
        words = str(schema.pop("description", ""))
        yield _parameter(name, "query", words, schema, required=name in needed)
    if endpoint.method == "POST":
        schema = {"type": "string", "minLength": 1, "maxLength": LONGEST}
        words = "The same request under the same key is done once."
        yield _parameter("Idempotency-Key", "header", words, schema)
    if endpoint.method == "PATCH" and endpoint.path in READ:
        words = "The ETag that it was read with; 412 if it changed since."
        yield _parameter("If-Match", "header", words, {"type": "string"})
    if endpoint.method == "GET" and endpoint.path in READ:
        words = "An ETag; 304 if it is still so."
        yield _parameter("If-None-Match", "header", words, {"type": "string"})


def _parameter(name: str, where: str, words: str, of: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": where, "required": required, "description": words, "schema": of}


def _responses(endpoint: Endpoint) -> Json:
    found: Json = {}
    for status, shape in endpoint.answers.items():
        described: Json = {"description": HTTPStatus(status).phrase}
        if isinstance(shape, File):
            described["description"] = shape.doc
            described["content"] = {shape.mimetype: {"schema": {"type": "string"}}}
        elif shape is not None:
            described["content"] = {"application/json": {"schema": reference(shape)}}
        if endpoint.path in READ and endpoint.method in ("GET", "PATCH"):
            described["headers"] = {"ETag": {"schema": {"type": "string"}}}
        if status in (201, 202):
            described["headers"] = {"Location": {"schema": {"type": "string"}}}
        found[str(status)] = described
    if endpoint.method == "GET" and endpoint.path in READ:
        found["304"] = {"description": HTTPStatus(304).phrase}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status in problems_of(endpoint):
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
    return found
