"""Whatever a program sends, it gets an answer that the document promises, and no failure."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.api.ground._endpoint import ENDPOINTS
from app.schemas.base import json_schema
from tests.api.client import Api
from tests.support.chance import texts, tries

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, 1.0, 2.0, 1e30, "", " ", "0001-01-01T00:00:00+14:00", [], {}, [[]]]),
    texts(max_size=20),
    st.lists(st.integers(-3, 2**64), max_size=3),
    st.dictionaries(texts(max_size=5), st.one_of(st.none(), st.integers(), texts()), max_size=3),
)
TAKING = [endpoint for endpoint in ENDPOINTS if endpoint.body is not None and not endpoint.file]


def bodies(endpoint):
    """Bodies with members that are known, of which some fit."""
    members = {
        name: st.one_of(st.sampled_from(schema["enum"]), ODD) if "enum" in schema else ODD
        for name, schema in json_schema(endpoint.body)["properties"].items()
    }
    return st.fixed_dictionaries({}, optional=members)


SENT = st.sampled_from(TAKING).flatmap(lambda end: st.tuples(st.just(end), bodies(end)))


@pytest.fixture
def lifted(app, secret_of):
    object.__setattr__(app.config["SETTINGS"], "api_rate", "")
    return Api(app, secret_of("admin"))


@settings(
    max_examples=tries(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sent=SENT)
def test_no_body_makes_the_desk_fail(lifted, sent):
    endpoint, body = sent
    path = endpoint.path
    for part in endpoint.path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, "1")
    lifted.ask(endpoint.method, path, ANY, json=body)


ANY = (200, 201, 202, 400, 403, 404, 409, 422)


NUMBERED = [end for end in ENDPOINTS if "_id}" in end.path and end.method in ("GET", "POST")]


def test_the_greatest_number_of_a_row_is_no_row(admin_api):
    for end in NUMBERED:
        path = re.sub(r"\{[^}]+\}", str(2**63 - 1), end.path)
        admin_api.ask(end.method, path, (400, 404, 422), json={})
