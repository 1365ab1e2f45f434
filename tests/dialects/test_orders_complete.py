"""Nothing is missing: every order can be given, and every message to a station is some order."""

import pytest

from app.domain.commands import orders
from app.domain.ground.vocabulary import Order
from tests.dialects.order_samples import PREPARED, SAMPLES
from worker.dialects import DIALECTS
from worker.dialects.records import Unfit
from worker.ocpp import schemas
from worker.ocpp.versions import Version


@pytest.mark.parametrize("version", Version)
def test_every_order_of_a_version_has_a_sample_that_it_can_say(version):
    silent = []
    for order, encoding in DIALECTS[version].orders.items():
        said = 0
        for sample in SAMPLES.get(order, []):
            arguments = {**orders.arguments(order, sample), **PREPARED.get(order, {})}
            try:
                encoding.encode(arguments)
            except Unfit:
                continue
            said += 1
        if not said:
            silent.append(order.value)
    assert silent == [], "these need samples in tests/dialects/order_samples.py"


@pytest.mark.parametrize("order", Order)
def test_every_order_has_a_name_and_a_version_that_can_say_it_if_it_needs_one(order):
    spec = orders.SPECS[order]
    assert spec.label
    speaking = [version for version, dialect in DIALECTS.items() if order in dialect.orders]
    assert bool(speaking) is not spec.without_message


def to_station(version):
    """The messages of a version that we send: all but those that we handle, and vendor messages."""
    every = {action for action, kind in schemas._file_names(version) if kind == "call"}
    return every - set(DIALECTS[version].routes) | {"DataTransfer"}


@pytest.mark.parametrize("version", Version)
def test_every_message_to_a_station_is_some_order(version):
    said = set()
    for order, encoding in DIALECTS[version].orders.items():
        for sample in SAMPLES.get(order, []):
            if order is not Order.RAW:
                arguments = {**orders.arguments(order, sample), **PREPARED.get(order, {})}
                try:
                    encoding.encode(arguments)
                except Unfit:
                    continue
                said.add(encoding.action_for(arguments))
    assert sorted(to_station(version) - said) == []
