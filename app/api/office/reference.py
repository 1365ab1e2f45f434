"""The API told to programs (OpenAPI) and to people (a page), both made from the endpoints."""

from itertools import groupby
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, render_template

from app.api.commands.orders import known
from app.api.ground import _openapi
from app.api.ground._noun import ENDPOINTS, NOUNS, ROOT, Endpoint
from app.api.ground._paging import Pages
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
    text = orjson.dumps(_openapi.document(current_app.config["SETTINGS"].desk_url))
    return Response(text, mimetype="application/json")


@public
def docs() -> Any:
    """Show the reference; it asks nobody's browser for anything from elsewhere."""
    order = {name: place for place, name in enumerate(dict.fromkeys([*FIRST, *NOUNS]))}
    told = sorted(ENDPOINTS, key=lambda endpoint: order[endpoint.noun])
    groups = groupby(told, key=lambda endpoint: endpoint.noun)
    settings = current_app.config["SETTINGS"]
    return render_template(
        "office/api/docs.html",
        root=ROOT,
        base=f"{settings.desk_url}{ROOT}",
        rate=settings.api_rate,
        nouns=[(noun, NOUNS[noun], list(found)) for noun, found in groups],
        orders=known(),
        codes=problems.CODES,
        sentences=problems.SENTENCES,
        members=_members,
        parameters=_parameters,
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


def _members(endpoint: Endpoint) -> list[tuple[str, str, bool, str]]:
    """The members of an endpoint's body: name, type, must it be there, what it is."""
    if endpoint.body is None:
        return []
    return [
        (name, _type(kind.schema), name in endpoint.body.required, _doc(kind.schema))
        for name, kind in endpoint.body.kinds.items()
    ]


def _parameters(endpoint: Endpoint) -> list[tuple[str, str, bool, str]]:
    """The query parameters of an endpoint, in the same form."""
    return [
        (name, _type(kind.schema), False, _doc(kind.schema))
        for name, kind in endpoint.query.items()
    ]


def _doc(schema: dict[str, Any]) -> str:
    return str(schema.get("description", ""))


def _type(schema: Any) -> str:
    """A schema in two or three words."""
    if isinstance(schema, Pages):
        return f"page of {schema.of.name}"
    if schema is None:
        return "no body"
    if not isinstance(schema, dict):
        return str(schema.name)
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
