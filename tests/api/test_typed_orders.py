"""The document says which arguments go with which order, and the catalogue takes what it says."""

import pytest

from app.domain.commands import orders
from app.domain.ground.vocabulary import Order
from tests.api.client import document, validator

SCHEMAS = document()["components"]["schemas"]


def form_of(order, noun="Order"):
    address = SCHEMAS[f"Typed{noun}"]["discriminator"]["mapping"][order.value]
    return address.rpartition("/")[2]


def fits(name, body):
    return not list(validator(("components", "schemas", name)).iter_errors(body))


@pytest.mark.parametrize("order", list(Order), ids=str)
def test_the_catalogue_takes_the_example_of_every_order(order):
    (example,) = SCHEMAS[form_of(order)]["examples"]
    assert example["order"] == order.value
    assert fits("NewOrder", example)
    orders.arguments(order, example["arguments"])


def test_a_broadcast_has_a_form_for_each_order_that_makes_sense_for_many():
    many = {order.value for order, spec in orders.SPECS.items() if not spec.single}
    assert set(SCHEMAS["TypedBroadcast"]["discriminator"]["mapping"]) == many
    assert fits("NewBroadcast", {"order": "clear_cache", "site_id": 1, "at_once": 5})


@pytest.mark.parametrize(
    "body",
    [
        {"order": "unlock", "arguments": {}},
        {"order": "unlock", "arguments": {"connector": "left"}},
        {"order": "unlock", "arguments": {"connector": 1, "plugs": 2}},
        {"order": "reset", "arguments": {"kind": "gently"}},
        {"order": "unlock", "action": "UnlockConnector"},
        {"payload": {}},
    ],
    ids=str,
)
def test_what_the_document_forbids_is_refused(api, made, body):
    assert not fits("NewOrder", body)
    station = api.get("/stations")["items"][0]
    assert api.post(f"/stations/{station['id']}/orders", body, 422)["field"]


def test_a_written_order_stands_beside_the_typed_ones():
    assert fits("NewOrder", {"action": "ClearCache", "payload": {}, "check": False})
