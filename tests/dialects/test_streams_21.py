"""Periodic event streams over OCPP 2.1: opened, closed, and values sent without an answer."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.models import DeviceEvent, VariableMonitor
from tests.support.dialogue import Dialogue
from worker.dialects.v21.device import ORDERS
from worker.ocpp.versions import Version


@pytest.fixture
def talk(db, now):
    return Dialogue(db, now, Version.V21)


def test_open_and_close_periodic_event_stream(talk):
    stream = {"id": 1, "variableMonitoringId": 7, "params": {}}
    opened = talk.says("OpenPeriodicEventStream", {"constantStreamData": stream})
    assert opened == {"status": "Accepted"}
    row = talk.db.scalars(select(VariableMonitor)).one()
    assert (row.number, row.stream, row.stream_interval_s) == (7, 1, None)
    assert talk.says("ClosePeriodicEventStream", {"id": 99}) == {}
    assert row.stream == 1, "that was another"


def test_notify_periodic_event_stream_counts_from_its_base(talk):
    data = [{"t": 0, "v": "1"}, {"t": -1.5, "v": "0"}, {"t": 1e12, "v": "9"}]
    body = {"id": 1, "pending": 3, "basetime": "2026-03-02T08:59:00Z", "data": data}
    assert talk.says("NotifyPeriodicEventStream", body) == {}
    found = {row.value: row.at for row in talk.db.scalars(select(DeviceEvent))}
    assert found["1"] - found["0"] == timedelta(seconds=1.5)
    assert found["9"] == found["1"], "a time beyond all reason counts as the base"


def test_orders_about_streams_are_of_2_1():
    assert {"read_event_streams", "adjust_event_stream"} <= {order.value for order in ORDERS}
