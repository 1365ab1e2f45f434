"""The row of a charger's call holds its payload and nothing else, however the frame was written."""

from datetime import UTC, datetime
from types import SimpleNamespace

import orjson
import pytest

from app.domain.office import messages
from worker import log_rows
from worker.ocpp import frames
from worker.ocpp.versions import Version

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LINK = SimpleNamespace(station=SimpleNamespace(id=1), version=Version.V16)
HELD = SimpleNamespace(link=LINK, connection_id=2, told=None)


def row_of(text):
    call = frames.parse(text, Version.V16)
    return call, log_rows.of_call(HELD, call, AT, {}, now=AT)


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","Heartbeat",{}]',
        '[2,"1","DataTransfer",{"vendorId":"x","data":"ä, {}]"}]',
        '[2, "1", "DataTransfer", {"vendorId": "x"}]',
        '[2,"1","DataTransfer",{"vendorId":"x"} ]',
        '[2,"a\\"b","DataTransfer",{"vendorId":"x\\ty"}]',
        '[2,1,"Heartbeat",{}]',
    ],
)
def test_the_row_holds_the_payload_as_it_was_understood(text):
    call, row = row_of(text)
    assert orjson.loads(row.request) == call.payload
    assert row.latency_ms == 0


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","DataTransfer",{"vendorId":"x"},{"more":1}]',
        '[2,"1","DataTransfer",{"vendorId":"y","vendorId":"x"}]',
        '[2,"1","DataTransfer",{"vendorId":"x",}]',
        '["2","1","Heartbeat",null]',
    ],
)
def test_a_frame_that_had_to_be_repaired_is_kept_as_it_came_with_what_was_read(text):
    call, row = row_of(text)
    assert row.request.startswith(text + "\n")
    assert orjson.loads(messages.reading_of(row.request)) == call.payload


def test_a_secret_in_a_repaired_frame_is_blotted_out():
    for broken in ("hunter2',}", 'hunter2",}', 'hunter2"'):
        quote = broken[7]
        _, row = row_of(
            f'[2,"1","DataTransfer",{{"vendorId":"x",{quote}password{quote}:{quote}{broken}]'
        )
        assert "hunter2" not in row.request


def test_a_secret_is_blotted_out_whatever_letters_of_its_name_are_escaped():
    for name in ("password", "pass\\u0077ord"):
        _, row = row_of(f'[2,"1","DataTransfer",{{"vendorId":"x","{name}":"hunter2"}}]')
        assert "hunter2" not in row.request
