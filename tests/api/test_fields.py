"""A refusal names the member or the parameter that is wrong, as the program spelled it."""

import re

import pytest

from app.api.ground._endpoint import ENDPOINTS
from app.schemas.base import json_schema
from tests.api.client import document

#: Members that are numbers of rows; where a list is asked for, unknown ones only find nothing.
REFERENCE = re.compile(r"_ids?$")
FILTERS = ("/exports", "/broadcasts", "/stations/{station_id}/orders")
REFERRING = [
    pytest.param(endpoint, member, id=f"{endpoint.method} {endpoint.path} {member}")
    for endpoint in ENDPOINTS
    if endpoint.body and not endpoint.file and not endpoint.path.startswith(FILTERS)
    for member in endpoint.body.model_fields
    if REFERENCE.search(member)
]


@pytest.mark.parametrize(("endpoint", "member"), REFERRING)
def test_a_reference_to_nothing_is_named(admin_api, made, endpoint, member):
    example = document()["components"]["schemas"][endpoint.body.__name__]["examples"][0]
    body = {name: value for name, value in example.items() if not REFERENCE.search(name)}
    body |= {"email": "new@example.com"} if "email" in body else {}
    body |= {"site_id": next(iter(made.sites.values())).id} if endpoint.path == "/stations" else {}
    several = json_schema(endpoint.body)["properties"][member].get("type") == "array"
    body[member] = [987_654] if several else 987_654
    path = re.sub(r"\{[^}]+\}", "1", endpoint.path)
    told = admin_api.ask(endpoint.method, path, (404, 422), json=body)
    nothing_here = told["status"] == 404 and path != endpoint.path
    assert nothing_here or (told["status"], told["field"]) == (422, member), told


@pytest.mark.parametrize(
    ("path", "raw", "field"),
    [
        ("/drivers", '{"name": "A", "name": "B"}', "name"),
        ("/tariffs", '{"name": "A", "definition": {"tax": {"mode": 1, "mode": 2}}}',
         "definition.tax.mode"),
        ("/drivers", '{"name": "A\\u0000"}', "name"),
        ("/tariffs", '{"name": "A", "definition": {"components": [{"kind": "\\u0000"}]}}',
         "definition.components.0.kind"),
        ("/tags", '{"value": "A", "expires_at": "0001-01-01T00:00:00+14:00"}', "expires_at"),
        ("/charging-profiles", '{"name": "Night", "document": {}}', "document.kind"),
        ("/authority-certificates", '{"name": "Root", "use": "csms_root", "pem": "x"}', "pem"),
        ("/sites", '{"name": "A", "timezone": " ", "currency": "EUR"}', "timezone"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_named_with_its_path(admin_api, path, raw, field):
    sent = {"data": raw, "content_type": "application/json"}
    told = admin_api.ask("POST", path, 422, **sent)
    assert told["field"] == field
    assert not told["detail"].startswith((" ", field.capitalize())), told["detail"]


def test_a_period_of_an_export_that_cannot_be_is_named(api):
    period = {"since": "2026-03-02T09:00:00Z", "until": "2026-03-01T09:00:00Z"}
    assert api.post("/exports", {"noun": "bills", **period}, 422)["field"] == "until"


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("since=2026-03-02T09:00:00+01:00", "since", "+ as %2B"),
        ("since=2026-03-02 09:00Z", "since", "write T between day and hour"),
        ("since=2026-03-02T09:00:00Z&until=2026-03-01T09:00:00Z", "until", "is before since"),
    ],
)
def test_a_period_that_cannot_be_is_named(api, query, field, sentence):
    told = api.get(f"/sessions?{query}", 422)
    assert told["field"] == field
    assert sentence in told["detail"]
