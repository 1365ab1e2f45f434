"""Every order over every version: its frame is one that the version's schema allows."""

import re

import pytest
from flask_babel import force_locale

from app.domain.commands import orders
from app.domain.ground.vocabulary import CommandState, Order
from app.text.sentences import translated
from tests.dialects.order_samples import PREPARED, SAMPLES
from worker.dialects import DIALECTS
from worker.dialects.records import Unfit
from worker.ocpp import schemas
from worker.ocpp.versions import Version

#: The places that an order may be for, where its samples name none.
PLACED = {
    Order.RESET: [{"kind": kind, "connector": 1} for kind in ("soft", "hard", "resume")],
    Order.UNLOCK: [{"connector": 1}, {"connector": 1, "plug": 2}],
    Order.SET_AVAILABILITY: [
        {"connector": number, "available": there} for number in (0, 1) for there in (True, False)
    ],
    Order.TRIGGER: [{"message": "status", "connector": number} for number in (0, 1)],
    Order.SET_DEFAULT_TARIFF: [{"tariff_id": 7, "connector": 1}],
    Order.USE_PRIORITY_CHARGING: [{"session_id": 7, "active": True}],
    Order.SET_PROFILE: [{"profile_id": 7, "session_id": 8}],
}
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


#: Words of ours that are no German; what a sample holds is not ours.
ENGLISH = {"a", "ask", "connector", "for", "of", "on", "plug", "session", "set", "tag", "the", "to"}


def test_every_sample_is_put_in_german_words_as_a_whole(app):
    with app.test_request_context(), force_locale("de"):
        for order, samples in SAMPLES.items():
            for sample in (*samples, *PLACED.get(order, ())):
                words = orders.describe(order, orders.arguments(order, sample))
                told = translated(words)
                ours = re.sub("„.*“|:", " ", told.lower()).split()
                assert ENGLISH.isdisjoint(ours), (words, told)
                assert told[:1] != " " and "  " not in told, (words, told)


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
