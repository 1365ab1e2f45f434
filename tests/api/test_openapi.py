"""The document tells of every route, and every route is told of; the reference shows it."""

import re

import jsonschema_rs

from app.api.ground._endpoint import ENDPOINTS, ROOT
from app.schemas import glossary
from tests.api.client import document, validator

REFERENCES = re.compile(r'"\$ref": "#/components/schemas/([^"]+)"')


def routes(app):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(ROOT) and not rule.rule.endswith("openapi.json"):
            path = re.sub(r"<(?:int:)?(\w+)>", r"{\1}", rule.rule.removeprefix(ROOT))
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield path, method.lower()


def test_every_route_is_in_the_document_and_the_other_way_round(app):
    told = {(path, method) for path, item in document()["paths"].items() for method in item}
    assert set(routes(app)) == told
    assert len(told) == len(ENDPOINTS)


def test_the_document_is_served_to_everybody(app):
    answer = app.test_client().get(f"{ROOT}/openapi.json")
    assert answer.status_code == 200
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["paths"].keys() == document()["paths"].keys()
    assert answer.json["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_operations_have_names_of_their_own():
    names = [
        operation["operationId"]
        for item in document()["paths"].values()
        for operation in item.values()
    ]
    assert len(names) == len(set(names))


def test_every_schema_is_one():
    for name, schema in document()["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


def test_every_reference_leads_somewhere():
    text = str(document()).replace("'", '"')
    assert set(REFERENCES.findall(text)) <= set(document()["components"]["schemas"])


def test_path_parameters_are_described():
    for path, item in document()["paths"].items():
        for operation in item.values():
            told = {part["name"] for part in operation["parameters"] if part["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path)), path


def test_every_endpoint_says_what_it_does():
    for endpoint in ENDPOINTS:
        assert endpoint.summary and endpoint.doc.endswith((".", "…")), endpoint.path


def test_the_reference_shows_every_endpoint_and_asks_nobody_else(app):
    answer = app.test_client().get("/api/docs")
    assert answer.status_code == 200
    for endpoint in ENDPOINTS:
        assert f'id="{endpoint.noun}.{endpoint.name}"' in answer.text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert addresses and all(address.startswith(("/", "#")) for address in addresses)
    assert "Set-Cookie" not in answer.headers
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_every_parameter_says_what_it_is():
    silent = [
        f"{method} {path}: {parameter['name']}"
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        for parameter in operation["parameters"]
        if not parameter["description"]
    ]
    assert not silent, "describe them, or give app/schemas/glossary their words"


def test_every_schema_and_member_says_what_it_is():
    schemas = document()["components"]["schemas"]
    silent = [name for name, schema in schemas.items() if not schema.get("description")]
    silent += [
        f"{name}.{member}"
        for name, schema in schemas.items()
        for member, of in schema.get("properties", {}).items()
        if not of.get("description")
    ]
    assert not silent, "describe them, or give app/schemas/glossary their words"


def test_every_schema_has_an_example_that_fits_it():
    wrong = []
    for name, schema in document()["components"]["schemas"].items():
        assert schema["examples"], name
        for example in schema["examples"]:
            errors = validator(("components", "schemas", name)).iter_errors(example)
            wrong += [f"{name}: {error}" for error in errors]
    assert not wrong, "app/schemas/glossary/examples.py"


def test_the_glossary_explains_nothing_that_is_gone():
    schemas = document()["components"]["schemas"]
    members = {name: set(schema.get("properties", ())) for name, schema in schemas.items()}
    known = set().union(*members.values())
    # What an argument is called means the same in each order.
    members["Arguments"] = {"connector"}
    known |= {
        parameter["name"]
        for item in document()["paths"].values()
        for operation in item.values()
        for parameter in operation["parameters"]
    }
    for name in {**glossary.MEMBERS, **glossary.EXAMPLES}:
        owner, _, member = name.rpartition(".")
        assert member in members[owner] if owner else member in known, name
