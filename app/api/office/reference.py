"""The API told to programs (OpenAPI) and to people (a page), both made from the endpoints."""

from functools import cache
from itertools import groupby
from typing import Any

import orjson
from flask import Blueprint, Response, render_template

from app.api.commands.orders import known
from app.api.ground import _openapi
from app.api.ground._endpoint import ENDPOINTS, NOUNS, ROOT, File
from app.api.ground._paging import Pages
from app.extensions import the_settings
from app.schemas.base import Schema, json_schema
from app.web import problems
from app.web.security import public

blueprint = Blueprint("api_reference", __name__)

#: What a reader looks for first; the other nouns follow.
FIRST = ("token", "sites", "stations", "orders", "sessions", "tags", "tag-groups", "drivers")
#: More words than this are not listed in a cell.
_MOST_WORDS = 20


@public
def openapi() -> Response:
    """Answer with the OpenAPI 3.1 document; it holds nothing that is secret."""
    return Response(_document(the_settings().desk_url), mimetype="application/json")


@cache
def _document(desk_url: str) -> bytes:
    """The document as it is sent: it is the same for as long as the process lives."""
    return orjson.dumps(_openapi.document(desk_url))


@public
def docs() -> str:
    """Show the reference; it asks nobody's browser for anything from elsewhere."""
    order = {name: place for place, name in enumerate(dict.fromkeys([*FIRST, *NOUNS]))}
    told = sorted(ENDPOINTS, key=lambda endpoint: order[endpoint.noun])
    groups = groupby(told, key=lambda endpoint: endpoint.noun)
    settings = the_settings()
    return render_template(
        "office/api/docs.html",
        root=ROOT,
        base=f"{settings.desk_url}{ROOT}",
        rate=settings.api_rate,
        nouns=[(noun, NOUNS[noun], list(found)) for noun, found in groups],
        orders=known(),
        kinds=problems.KINDS,
        members=_members,
        type_of=_type,
        refusals=_openapi.problems_of,
        anchor=lambda endpoint: f"{endpoint.noun}.{endpoint.name}",
    )


for _rule, _view in ((f"{ROOT}/openapi.json", openapi), ("/api/docs", docs)):
    blueprint.add_url_rule(
        _rule,
        _view.__name__,
        _view,
        methods=["GET"],
        provide_automatic_options=False,
        merge_slashes=False,
    )


def _members(schema: type[Schema] | None) -> list[tuple[str, str, bool, str]]:
    """The members of a body or of a query: name, type, must it be there, what it is."""
    if schema is None:
        return []
    members, needed = json_schema(schema)["properties"], schema.needs()
    return [
        (name, _type(member), name in needed, member.get("description", ""))
        for name, member in members.items()
    ]


def _type(schema: Any) -> str:
    """A schema in two or three words."""
    if isinstance(schema, Pages):
        return f"page of {schema.of.__name__}"
    if schema is None:
        return "no body"
    if isinstance(schema, File):
        return schema.mimetype
    if not isinstance(schema, dict):
        return _openapi.name_of(schema)
    if len(schema.get("enum", ())) > _MOST_WORDS:
        return f"one of {len(schema['enum'])} words"
    if "enum" in schema:
        return ", ".join("null" if word is None else str(word) for word in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    kinds = schema.get("type", "any")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    if "array" in words:
        words[words.index("array")] = f"list of {_type(schema.get('items', {}))}"
    if schema.get("format"):
        words[0] = str(schema["format"])
    return " or ".join(words)
