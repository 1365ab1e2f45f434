"""Whatever a program asks is answered as the document says, and never with a failure."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.ground._endpoint import NOUNS, ROOT
from tests.support.chance import BY_NIGHT

#: Streams, which have a test of their own (tests/office/test_events.py).
ENDLESS = {"/events"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
pytestmark = pytest.mark.landing

#: Tries of an operation.
TRIES = 60 if BY_NIGHT else 3


@pytest.fixture
def asked(app, secret_of) -> Any:
    """The document as schemathesis reads it, and a token that may do everything."""
    object.__setattr__(app.config["SETTINGS"], "api_rate", "")
    return read(app), secret_of("admin")


@cache
def read(app: Any) -> Any:
    """Its document, which is the same in each test; to look through our code for values is dear."""
    return schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", app)


def operations(schema: Any, noun: str) -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.tags == [noun] and operation.path not in ENDLESS:
            yield operation


@pytest.mark.parametrize("noun", sorted(NOUNS))
def test_what_the_document_lets_through_is_answered_as_it_says(asked, noun):
    schema, secret = asked
    for operation in operations(schema, noun):
        drive(operation, secret)


def cases(operation: Any) -> Any:
    """What fits the document, and what does not where anything could be wrong."""
    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query or operation.path_parameters:
        modes.append(GenerationMode.NEGATIVE)
    return st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])


def drive(operation: Any, secret: str) -> None:
    @settings(
        max_examples=TRIES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(operation), row=st.integers(1, 3))
    def tried(case, row):
        # Rows that are there are more telling than numbers of none.
        for part in (case.path_parameters, case.query, case.body):
            for name in part if isinstance(part, dict) else ():
                if name.endswith("_id") and isinstance(part[name], int):
                    part[name] = row
        if isinstance(case.query, dict) and str(case.query.get("wait", "")).isdigit():
            case.query["wait"] = 0  # nobody is there who could answer
        headers = {"Authorization": f"Bearer {secret}"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    tried()
