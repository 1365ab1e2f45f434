"""Every order over every version: its frame is one that the version's schema allows."""

import pytest

from app.domain.commands import orders
from app.domain.ground.vocabulary import CommandState, Order
from tests.dialects.order_samples import PREPARED, SAMPLES
from worker.dialects import DIALECTS
from worker.dialects.records import Unfit
from worker.ocpp import schemas
from worker.ocpp.versions import Version

CASES = [
    pytest.param(version, order, id=f"{version.value}-{order.value}")
    for version, dialect in DIALECTS.items()
    for order in dialect.orders
    if order is not Order.RAW and SAMPLES.get(order)
]


@pytest.mark.parametrize(("version", "order"), CASES)
def test_a_frame_is_what_its_schema_allows(version, order):
    encoding = DIALECTS[version].orders[order]
    for sample in SAMPLES[order]:
        arguments = {**orders.arguments(order, sample), **PREPARED.get(order, {})}
        try:
            action, payload = encoding.action_for(arguments), encoding.encode(arguments)
        except Unfit as unfit:
            assert str(unfit).endswith(".")
            continue
        assert schemas.violation(version, action, "call", payload) is None, sample


@pytest.mark.parametrize("order", SAMPLES)
def test_every_sample_can_be_put_in_words(order):
    for sample in SAMPLES[order]:
        words = orders.describe(order, orders.arguments(order, sample))
        assert words
        assert len(words) < 300


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("status", ["Accepted", "Rejected", "SomethingElse"])
def test_an_answer_always_has_a_meaning_and_a_sentence(version, status):
    for order, encoding in DIALECTS[version].orders.items():
        for sample in SAMPLES.get(order, []):
            arguments = {**orders.arguments(order, sample), **PREPARED.get(order, {})}
            try:
                outcome = encoding.outcome({"status": status}, arguments)
            except (KeyError, ValueError, TypeError, AttributeError):
                continue  # the worker says that the answer cannot be understood
            assert outcome.state in CommandState
            assert outcome.sentence
