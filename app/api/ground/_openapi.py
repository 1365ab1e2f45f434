"""The OpenAPI 3.1 document, made from the endpoints themselves, with an example of each schema."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from app import __version__
from app.api.ground._endpoint import ENDPOINTS, NOUNS, READ, ROOT, Endpoint, File, is_number
from app.api.ground._paging import Pages
from app.domain.ground.vocabulary import Json
from app.domain.office.api_tokens import LONGEST
from app.schemas import glossary
from app.schemas.answers import Answer
from app.schemas.base import Schema, json_schema
from app.web import problems

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
    "`flask token add`); the token has the rights and the reach of its member of staff, or less."
)
_WHOLE, _TEXT = {"type": "integer", "minimum": 0}, {"type": "string"}
#: What answers may say beside their body.
HEADERS: Json = {
    "RateLimit-Limit": {"description": "Requests in a window; absent: no limit.", "schema": _WHOLE},
    "RateLimit-Remaining": {"description": "Those that are left of them.", "schema": _WHOLE},
    "RateLimit-Reset": {"description": "Seconds until a new window begins.", "schema": _WHOLE},
    "Retry-After": {"description": "Seconds to wait before asking again.", "schema": _WHOLE},
    "ETag": {"description": "The mark of what was read: for If-Match.", "schema": _TEXT},
    "Location": {"description": "Where it is.", "schema": _TEXT},
    "Link": {"description": "The next page, as rel=next; absent on the last.", "schema": _TEXT},
}
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
#: What every endpoint may answer beside its own.
ALWAYS = (401, 403, 414, 422, 429, 500, 503)


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
            "responses": {str(status): _refusal(status) for status in problems.CODES},
            "headers": HEADERS,
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
        if endpoint.file and endpoint.body is not None:
            _with_file(found[name_of(endpoint.body)], endpoint.file)
        found |= {name: dict(form) for name, form in endpoint.forms.items()}
    complete(found)
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
        "description": f"{endpoint.doc}\n\nNeeds {endpoint.needs}.",
        "parameters": list(_parameters(endpoint)),
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        described["requestBody"] = {
            "required": bool(endpoint.body.needs()),
            "content": {
                "multipart/form-data" if endpoint.file else "application/json": {
                    "schema": reference(endpoint.body)
                }
            },
        }
    return described


def _with_file(schema: Json, part: str) -> None:
    """Say of the schema of a form which of its parts is a file."""
    file = {"type": "string", "format": "binary", "description": "The file itself."}
    schema["properties"] = {**schema["properties"], part: file}
    schema["required"] = [*schema.get("required", ()), part]
    schema["examples"] = [{**one, part: "(its bytes)"} for one in schema.get("examples", ())]


def problems_of(endpoint: Endpoint) -> list[int]:
    """The statuses of the refusals that an endpoint may answer with."""
    found = {*ALWAYS, *endpoint.problems}
    if "{" in endpoint.path:
        found.add(404)
    if endpoint.body is not None:
        found |= {400, 413, 415}
    if endpoint.method == "POST":
        found.add(409)
    if endpoint.compared in READ:
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
    files = [one for one in endpoint.answers.values() if isinstance(one, File)]
    if any(one.mimetype == "text/event-stream" for one in files):
        words = "The id of the last event that came: what happened since is told."
        yield _parameter("Last-Event-ID", "header", words, _TEXT)
    if endpoint.compared in READ:
        words = "The ETag that it was read with; 412 if it changed since."
        yield _parameter("If-Match", "header", words, _TEXT)
    if endpoint.method == "GET" and endpoint.path in READ:
        words = "An ETag; 304 if it is still so."
        yield _parameter("If-None-Match", "header", words, _TEXT)


def _parameter(name: str, where: str, words: str, of: Json, *, required: bool = False) -> Json:
    return {"name": name, "in": where, "required": required, "description": words, "schema": of}


def _responses(endpoint: Endpoint) -> Json:
    found: Json = {}
    readable = endpoint.path in READ
    for status, shape in endpoint.answers.items():
        described: Json = {"description": HTTPStatus(status).phrase}
        headers = [*_RATE]
        if isinstance(shape, File):
            described["description"] = shape.doc
            described["content"] = {shape.mimetype: {"schema": {"type": "string", **shape.schema}}}
        elif shape is not None:
            described["content"] = {"application/json": {"schema": reference(shape)}}
        if readable and endpoint.method in ("GET", "PATCH"):
            headers.append("ETag")
        if status in (201, 202):
            headers.append("Location")
        if isinstance(shape, Pages):
            headers.append("Link")
        found[str(status)] = {**described, "headers": _headers(headers)}
    if endpoint.method == "GET" and readable:
        found["304"] = {"description": HTTPStatus(304).phrase, "headers": _headers(_RATE)}
    for status in problems_of(endpoint):
        found[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return found


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusal(status: int) -> Json:
    """What a refusal with a status looks like, and the codes that it may have."""
    codes = ", ".join(kind.code for kind in problems.KINDS if kind.status == status)
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        "description": f"{HTTPStatus(status).phrase}; `code` is {codes}.",
        "content": {problems.MIMETYPE: schema},
        "headers": _headers(
            [
                *(_RATE if status not in (401, 408, 414, 417, 431, 501) else ()),
                *(["Retry-After"] if status in (429, 503) else ()),
            ]
        ),
    }


_MOMENT, _DAY = "2026-03-02T09:00:00Z", "2026-03-02"


def complete(schemas: Json) -> None:
    """Give an example to each schema that has none of its own."""
    for name, schema in schemas.items():
        if "examples" not in schema:
            schema["examples"] = [_of(schemas, name)]


def _of(schemas: Json, name: str) -> Any:
    schema = schemas[name]
    if "examples" in schema:
        return schema["examples"][0]
    if branches := schema.get("oneOf") or schema.get("anyOf"):
        return value(schemas, name, "", branches[0])
    members = schema.get("properties", {})
    return {member: value(schemas, name, member, of) for member, of in members.items()}


def value(schemas: Json, owner: str, member: str, of: Json) -> Any:
    """An example of a member: its own, or the glossary's, or what its type tells."""
    if "examples" in of:
        return of["examples"][0]
    if "const" in of:
        return of["const"]
    if "enum" in of:
        return of["enum"][0]
    if "$ref" in of:
        return _of(schemas, of["$ref"].rpartition("/")[2])
    if "anyOf" in of:
        return value(schemas, owner, member, of["anyOf"][0])
    kinds = of.get("type", "any")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    known = glossary.example(owner, member)
    match kind:
        case "boolean":
            return True
        case "integer" | "number":
            least, most = of.get("minimum", 1), of.get("maximum", 1)
            return min(max(1, least), max(most, least)) if "maximum" in of else max(1, least)
        case "array" if not isinstance(known, list):
            return [value(schemas, owner, member, of["items"])] if of.get("items") else []
        case "string" if of.get("format") == "date-time":
            return _MOMENT
        case "string" if of.get("format") == "date":
            return _DAY
        case "string" if not isinstance(known, str):
            return "text"[: of.get("maxLength", 4)]
        case "object" if not isinstance(known, dict):
            return {}
    return known
