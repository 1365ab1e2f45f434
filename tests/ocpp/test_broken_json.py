"""Repairs of JSON: half a text tells nothing that the whole does not, and none takes long."""

import json
import time

import pytest

from worker.ocpp.broken_json import repaired
from worker.ocpp.frames import BadFrame, Call, Result, parse
from worker.ocpp.versions import Version

V16 = Version.V16
WHOLE = {
    "connectorId": 1,
    "transactionId": 4711,
    "meterValue": [
        {
            "timestamp": "2026-03-02T09:00:00Z",
            "sampledValue": [
                {"value": "12345.5", "unit": "Wh", "context": "Sample.Periodic"},
                {"value": 7.25, "measurand": "Voltage", "more": [True, None, [1, 22, 333]]},
            ],
        },
        {"timestamp": "2026-03-02T09:01:00Z", "sampledValue": []},
    ],
}


def within(part, whole):
    """Whether a value says nothing that another does not say too."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and within(value, whole[name]) for name, value in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and all(map(within, part, whole)) and len(part) <= len(whole)
    return part == whole and type(part) is type(whole)


def test_a_text_that_is_cut_off_tells_only_what_the_whole_tells():
    text = json.dumps([2, "1", "MeterValues", WHOLE], separators=(",", ":"))
    start = text.index("{") + 1
    for end in range(start, len(text)):
        call = parse(text[:end], V16)
        assert isinstance(call, Call), text[:end]
        assert within(call.payload, WHOLE), text[:end]
        # Without its unit a value would be another one.
        whole = call.payload.get("meterValue") or []
        assert whole == WHOLE["meterValue"][: len(whole)], text[:end]
        assert "cut_off" in call.notes


def test_what_python_prints_is_read():
    call = parse(str([2, "1", "A", {"x": 'it\'s "so"', "y": True, "z": None, "n": [1.5]}]), V16)
    assert isinstance(call, Call)
    assert call.payload == {"x": 'it\'s "so"', "y": True, "z": None, "n": [1.5]}


def test_an_apostrophe_in_a_number_begins_no_string():
    call = parse('[2,"1","A",{"meterStop":2\'100,"reason":"Local"}]', V16)
    assert isinstance(call, Call)
    assert call.payload == {"meterStop": "2'100", "reason": "Local"}


@pytest.mark.parametrize("text", ["5", "null"])
def test_a_long_text_of_one_value_is_no_frame(text):
    assert isinstance(parse(text + " " * 2_000, V16), BadFrame)


def test_answers_are_repaired_too():
    answer = parse('[3,"1",{"status":"Accepted",}', V16)
    assert isinstance(answer, Result)
    assert answer.payload == {"status": "Accepted"}


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","A",{"x":"he said "hi", so"}]',
        '[2,"1","A",{"x" 1}]',
        '[2,"1","A",{"x":{"y":[{"z":1},"w":2}}]',
        '[2,"1","A",{"x":1,234,567}]',
        '[2,"1","A",{"x":[{"value":"48.2"]',
        '[2,"1","A",{}];[2,"2","B",{}]',
    ],
)
def test_what_could_mean_two_things_is_refused(text):
    assert isinstance(parse(text, V16), BadFrame)


@pytest.mark.parametrize("tail", ["", ",", "}", '"', "x"])
@pytest.mark.parametrize(
    "piece", ["1:1", ", ", ":", '"', "'", '"\\', "[", "{", "]", "{a:", ":1,2", "a", "1"]
)
def test_no_text_takes_longer_than_its_length(piece, tail):
    def cost(size):
        text = '[2,"1","A",{"x":' + piece * (size // 2) + tail * (size // 2)
        begin = time.process_time()
        repaired(text)
        return time.process_time() - begin

    small = min(cost(10_000) for _ in range(3))
    assert cost(80_000) < max(30 * small, 0.5)  # a square would be 64 times
