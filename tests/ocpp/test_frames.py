"""Frames: what is read leniently, what is refused, and that nothing breaks the reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chance import texts
from worker.ocpp import broken_json, frames, json_text
from worker.ocpp.connection import Connection
from worker.ocpp.fields import APART
from worker.ocpp.frames import BadFrame, Call, Error, Result, Send, parse
from worker.ocpp.versions import Fault, Version, fault_named

V16, V201, V21 = Version.V16, Version.V201, Version.V21

plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4),
    max_leaves=12,
)
payloads = st.dictionaries(texts(), plain_json, max_size=4)
message_ids = texts(max_size=255) | st.integers(-(2**53), 2**53)


def test_a_call_is_read_with_its_id_action_and_payload():
    call = parse('[2,"19","Authorize",{"idTag":"04A2"}]', V16)
    assert isinstance(call, Call)
    assert (call.message_id, call.action, call.payload) == ("19", "Authorize", {"idTag": "04A2"})
    assert call.notes == ()


def test_numeric_message_id_echoed():
    call = parse('[2,4711,"Heartbeat",{}]', V16)
    assert isinstance(call, Call)
    assert frames.encode_result(call.message_id, {}) == "[3,4711,{}]"


@pytest.mark.parametrize("text", ['[2,"1","Heartbeat",null]', '[2,"1","Heartbeat"]'])
def test_null_payload_heartbeat(text):
    call = parse(text, V16)
    assert isinstance(call, Call)
    assert call.payload == {}
    assert call.notes == ("null_payload",)
    assert isinstance(parse(text, V16, strict=True), BadFrame)


@pytest.mark.parametrize(
    ("text", "payload", "repair"),
    [
        ('[2,"1","A",{"transactionId":,"x":1}]', {"transactionId": None, "x": 1}, "missing_value"),
        ('[2,"1","A",{"x":1,"transactionId": }]', {"transactionId": None, "x": 1}, "missing_value"),
        ('[2,"1","A",{"x":NaN}]', {"x": None}, "no_number"),
        ('[2,"1","A",{"x":[-nan(ind), 1]}]', {"x": [None, 1]}, "no_number"),
        ('[2,"1","A",{"x": -Infinity ,"y":inf}]', {"x": None, "y": None}, "no_number"),
        (',[2,"1","A",{"x":1}]', {"x": 1}, "leading_comma"),
        ('[2,"1","A",{,"x":1}]', {"x": 1}, "leading_comma"),
        ('[2,"1","A",{"x":[1,],}]', {"x": [1]}, "trailing_comma"),
        ('[2,"1","A",{"x":"a:,[,","y":,}]', {"x": "a:,[,", "y": None}, "missing_value"),
        ('[2,"1","A",{"x":1,,"y":2}]', {"x": 1, "y": 2}, "trailing_comma"),
        ('[2,"1","A",{"x":"a\tb\nc\x00\x1bd"}]', {"x": "a\tb\nc\x1bd"}, "bad_escape"),
        (r'[2,"1","A",{"x":"C:\x\"\u12\\"}]', {"x": 'C:\\x"\\u12\\'}, "bad_escape"),
        (r'[2,"1","A",{"x":"\ud83d\ude00 \ud83d"}]', {"x": "\U0001f600 \ufffd"}, "bad_escape"),
        ('[2,"1","A",{"x":01,"y":[+1]}]', {"x": "01", "y": ["+1"]}, "bare_word"),
        (
            '[2,"1","A",{"x":1.,"y":-.5 ,"z":0x1F}]',
            {"x": "1.", "y": "-.5", "z": "0x1F"},
            "bare_word",
        ),
        ('[2,"1","A",{"x":1e999,"y":1e300}]', {"x": "1e999", "y": 1e300}, "bare_word"),
        (
            '[2,"1","A",{"x":True,"y":None,"z":[FALSE]}]',
            {"x": True, "y": None, "z": [False]},
            "bare_word",
        ),
        ('[2,"1","A",{"x":Accepted}]', {"x": "Accepted"}, "bare_word"),
        ('[2,"1","A",{"x":2026-03-02T09:00:00Z}]', {"x": "2026-03-02T09:00:00Z"}, "bare_word"),
        ('[2,"1","A",{x:1, y_1 :"2"}]', {"x": 1, "y_1": "2"}, "bare_word"),
        (
            '[2,"1","A",{"x":2100,5,"y":[1,2],"z":-3,25}]',
            {"x": "2100,5", "y": [1, 2], "z": "-3,25"},
            "decimal_comma",
        ),
        (
            '[2,"1","A",{"x":"it\'s"  "y":[{"a":1}{"b":2}]}]',
            {"x": "it's", "y": [{"a": 1}, {"b": 2}]},
            "missing_comma",
        ),
        ('[2,"1","A",{"x":{"y":[1}}]', {"x": {"y": [1]}}, "missing_bracket"),
        ('[2,"1","A",{"x":1}}]', {"x": 1}, "stray_bracket"),
        ('[2,"1","A",{"x":1}] garbage', {"x": 1}, "stray_bytes"),
        ('[2,"1","A",{"x":1}\x00\x02]', {"x": 1}, "stray_bytes"),
        ('[2,"1","A",{"x":1,"y":84', {"x": 1}, "cut_off"),
        ('[2,"1","A",{"x":[{"y":1},{"z":"half', {"x": [{"y": 1}]}, "cut_off"),
        ('[2,"1","A",{"x":1,"y', {"x": 1}, "cut_off"),
        ('[2,"1","A",{"x":1,"y":', {"x": 1}, "cut_off"),
        ('[2,"1","A",{"x":"1","y":"2"', {"x": "1", "y": "2"}, "cut_off"),
        ('[2,"1","A",{"x":1}', {"x": 1}, "cut_off"),
    ],
)
def test_json_repair_known_patterns(text, payload, repair):
    call = parse(text, V16)
    assert isinstance(call, Call)
    assert call.payload == payload
    assert repair in call.notes
    refused = parse(text, V16, strict=True)
    assert isinstance(refused, BadFrame)
    assert refused.message_id == "1"


def test_what_cannot_be_repaired_keeps_its_id_for_the_error():
    frame = parse('[2,"a\\"b","StatusNotification",{"x" 1}]', V16)
    assert isinstance(frame, BadFrame)
    assert frame.message_id == 'a"b'
    assert frame.fault is Fault.FORMAT


@pytest.mark.parametrize("text", ["", "  \r\n", b"", "\ufeff", "\0\0"])
def test_empty_text_is_ignored(text):
    assert parse(text, V16) is None


@pytest.mark.parametrize(
    "text", ['\ufeff[3,"1",{}]', '[3,"1",{}]\0\0', b'[3,"1",{}]', b'\xef\xbb\xbf[3,"1",{}]\0']
)
def test_byte_order_marks_trailing_nuls_and_binary_frames_are_read(text):
    assert isinstance(parse(text, V16), Result)


def test_invalid_utf8_in_a_binary_frame_is_a_bad_frame():
    assert isinstance(parse(b'[2,"1","A",{"x":"\xff"}]', V16), BadFrame)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 40 + "]" * 40,
        '[2,"1","A",' + '{"a":' * 50 + "1" + "}" * 50 + "]",
        '[2,"1","A",{"n":1' + "0" * 5000 + "}]",
        '"',
        "[2]",
        "[2,null]",
        "[2,true]",
        '[true,"1","A",{}]',
        '[2,"1","",{}]',
        '[2,"1",7,{}]',
        '[2,"1","A",[]]',
        '[2,"1","' + "A" * 65 + '",{}]',
        "{}",
        "null",
        "2",
    ],
)
def test_parser_bombs(text):
    assert isinstance(parse(text, V16), BadFrame)


def test_nesting_up_to_the_limit_is_read():
    depth = json_text.DEPTH_LIMIT - 1
    assert isinstance(parse('[2,"1","A",' + '{"a":' * depth + "1" + "}" * depth + "]", V16), Call)


@pytest.mark.parametrize(
    ("said", "payload"),
    [
        ('"a":1, "a":1.0,"a":null,"a":"1"', {"a": 1}),
        ('"a":1,"a":2', {"a": f"1{APART}2"}),
        ('"a" :1,"b":"a\\":","\\u0061":2', {"a": f"1{APART}2", "b": 'a":'}),
        ('"a":true,"a":"x","a":"y"', {"a": f"true{APART}x{APART}y"}),
        ('"a":[1],"a":[2]', {"a": [1, 2]}),
        ('"a":{"b":1,"c":2},"a":{"b":2,"d":3}', {"a": {"b": f"1{APART}2", "c": 2, "d": 3}}),
        ('"x":[{"a":1,"a":2}]', {"x": [{"a": f"1{APART}2"}]}),
        ('"a":1,"a":2,', {"a": f"1{APART}2"}),
        (f'"y":"{"z" * 300_000}","a":1,"a":2', {"y": "z" * 300_000, "a": f"1{APART}2"}),
    ],
)
def test_of_a_member_that_is_named_twice_neither_value_counts(said, payload):
    call = parse(f'[2,"1","A",{{{said}}}]', V16)
    assert isinstance(call, Call)
    assert call.payload == payload
    assert "duplicate_keys" in call.notes


def test_of_a_member_that_is_named_thousands_of_times_little_is_kept():
    many = ",".join(f'"a":"{number}"' for number in range(15_000))
    call = parse(f'[2,"1","A",{{{many}}}]', V16)
    assert isinstance(call, Call)
    assert len(call.payload["a"]) < 300


@pytest.mark.parametrize("beside", ['"b":"ääääää"', '"b":"\\u0022:"', '"b": "x"', '"b":1e5'])
def test_a_member_is_found_twice_whatever_stands_beside_it(beside):
    call = parse(f'[2,"1","A",{{"a":1,"a":2,{beside}}}]', V16)
    assert isinstance(call, Call)
    assert call.payload["a"] == f"1{APART}2"


def test_objects_that_become_one_have_no_more_members_than_one_may():
    many = ",".join(f'"a":{{"b{number}":1}}' for number in range(json_text.MEMBER_LIMIT + 1))
    assert isinstance(parse(f'[2,"1","A",{{{many}}}]', V16), BadFrame)


def test_white_space_is_not_taken_for_duplicate_keys():
    call = parse('[ 2, "1", "A", { "x" : 1.50, "y" : "\\u00e9" } ]', V16)
    assert isinstance(call, Call)
    assert call.notes == ()


@pytest.mark.parametrize(
    "odd", ["null", "17", '""', f'"{"9" * 2_000}"', "true", "[1,[2]]", '{"id":"4","n":0}']
)
@pytest.mark.parametrize("version", [V16, V201])
def test_a_call_of_an_odd_message_id_is_taken_and_answered_by_it(odd, version):
    call = parse(f'[2,{odd},"StopTransaction",{{"meterStop":1}}]', version)
    assert isinstance(call, Call)
    assert frames.encode_result(call.message_id, {}) == f"[3,{odd},{{}}]"
    assert isinstance(parse(f'[2,{odd},"",{{}}]', version), BadFrame)


@pytest.mark.parametrize(("odd", "given"), [("true", True), ("2.5", 2.5), ("-7", -7)])
def test_a_spoilt_call_of_an_odd_message_id_is_refused_by_it(odd, given):
    spoilt = f'[2,{odd},"StopTransaction",{{"x" 1}}]'
    pieces = json_text.split_messages(f"{spoilt} {spoilt}")
    assert len(pieces) == 2
    for text in (spoilt, *pieces):
        frame = parse(text, V16)
        assert isinstance(frame, BadFrame)
        assert (frame.message_id, frame.action) == (given, "StopTransaction")
        assert Connection(V16, "csms").receive_text(text, 0.0)[0].reply.startswith(f"[4,{odd},")


@pytest.mark.parametrize("odd", ["null", "{}", "[1]"])
def test_what_is_no_call_and_has_no_message_id_is_none(odd):
    assert isinstance(parse(f'[3,{odd},{{"status":"Accepted"}}]', V16), BadFrame)
    strict = parse(f'[2,{odd},"Heartbeat",{{}}]', V16, strict=True)
    assert isinstance(strict, BadFrame)


@pytest.mark.parametrize(
    ("text", "fault", "description", "details"),
    [
        ('[4,"1"]', Fault.GENERIC, "", {}),
        ('[4,"1","NotImplemented"]', Fault.NOT_IMPLEMENTED, "", {}),
        ('[4,"1","FormationViolation","x",null]', Fault.FORMAT, "x", {}),
        ('[4,"1","FormatViolation","x","text"]', Fault.FORMAT, "x", {}),
        ('[4,"1","OccurenceConstraintViolation",null,{"a":1}]', Fault.OCCURRENCE, "", {"a": 1}),
        ('[4,"1","OccurrenceConstraintViolation","x",{},7]', Fault.OCCURRENCE, "x", {}),
        ('[4,"1","Whatever","x",{}]', Fault.GENERIC, "x", {}),
        ('[4,"1",17,"x",{}]', Fault.GENERIC, "x", {}),
    ],
)
def test_malformed_callerror(text, fault, description, details):
    error = parse(text, V16)
    assert isinstance(error, Error)
    assert (error.fault, error.description, error.details) == (fault, description, details)


def test_the_character_nul_is_taken_out_of_answers():
    answer = parse('[3,"1",{"a\\u0000":["b\\u0000c"]}]', V16)
    assert isinstance(answer, Result)
    assert answer.payload == {"a": ["bc"]}
    error = parse('[4,"1","Generic\\u0000Error","x\\u0000y",{}]', V16)
    assert isinstance(error, Error)
    assert (error.fault, error.description) == (Fault.GENERIC, "xy")


def test_an_answer_that_is_no_object_reaches_who_waits_for_it():
    error = parse('[3,"1",["Accepted"]]', V16)
    assert isinstance(error, Error)
    assert error.fault is Fault.FORMAT


@pytest.mark.parametrize(
    ("version", "fault", "code"),
    [
        (V16, Fault.FORMAT, "FormationViolation"),
        (V201, Fault.FORMAT, "FormatViolation"),
        (V16, Fault.OCCURRENCE, "OccurenceConstraintViolation"),
        (V21, Fault.OCCURRENCE, "OccurrenceConstraintViolation"),
        (V16, Fault.NOT_IMPLEMENTED, "NotImplemented"),
        (V21, Fault.MESSAGE_TYPE, "MessageTypeNotSupported"),
    ],
)
def test_error_code_spelling_per_version(version, fault, code):
    text = frames.encode_error("1", fault, version, "d" * 300)
    assert json.loads(text) == [4, "1", code, "d" * 255, {}]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("version", Version)
def test_every_spelling_we_write_can_be_read(fault, version):
    assert isinstance(fault_named(fault.spelled(version)), Fault)


def test_frames_of_two_point_one_are_known_only_there():
    assert isinstance(parse('[6,"1","NotifyPeriodicEventStream",{}]', V21), Send)
    refusal = parse('[5,"1","GenericError","",{}]', V21)
    assert isinstance(refusal, Error)
    assert refusal.of_result
    for version in (V16, V201):
        frame = parse('[6,"1","NotifyPeriodicEventStream",{}]', version)
        assert isinstance(frame, BadFrame)
        assert frame.fault is Fault.MESSAGE_TYPE


BEAT = '[2,"%s","Heartbeat",{}]'


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","Heartbeat",{}] [2,"2","Heartbeat",{}]\n',
        '\ufeff[2,"1","Heartbeat",{}]\0\0[2,"2","Heartbeat",{}]\0',
        '[[2,"1","Heartbeat",{}],[2,"2","Heartbeat",{}]]',
        '[2,"1","Heartbeat",{}],\r\n[2,"2","Heartbeat",{}],',
        '[2,"1","Heartbeat",{}[2,"2","Heartbeat",{}',
    ],
)
def test_several_messages_in_one_text_can_be_taken_apart(text):
    pieces = json_text.split_messages(text)
    assert [parse(piece, V16).message_id for piece in pieces] == ["1", "2"]
    assert {parse(piece, V16).action for piece in pieces} == {"Heartbeat"}


def test_a_broken_message_among_several_harms_no_other():
    text = BEAT % 1 + '[2,"2","Heartbeat",{"x" 1}]' + '[3,"3",{}]' + '["?"]' + BEAT % 4
    pieces = json_text.split_messages(text)
    assert [getattr(parse(piece, V16), "message_id", None) for piece in pieces][:2] == ["1", "2"]
    assert isinstance(parse(pieces[1], V16), BadFrame)
    assert parse(pieces[-1], V16).message_id == "4"


def test_as_many_messages_as_an_empty_battery_leaves_behind_are_taken():
    text = "\n".join(BEAT % number for number in range(1200))
    pieces = json_text.split_messages(text)
    assert len(pieces) == json_text.MOST_MESSAGES
    assert pieces[-2] == BEAT % 998


@pytest.mark.parametrize("piece", ['[2,"1","A",{}', "[2,1,{\n", '[2,1,"A"\n'])
def test_however_many_broken_messages_a_text_holds_few_are_looked_at(piece, monkeypatch):
    repaired = []
    real = broken_json.repaired
    monkeypatch.setattr(broken_json, "repaired", lambda text: repaired.append(text) or real(text))
    line = Connection(V16, "csms")
    events = line.receive_text(piece * 2_000, 0.0)
    assert 1 < len(events) <= json_text.MOST_MESSAGES + 1
    # The whole text first, then piece by piece.
    assert len(repaired) <= frames.MOST_ODD + 1
    assert len(line.receive_text(piece * 100_000, 0.0)) == 1, "a longer text is one broken message"


@pytest.mark.parametrize(
    "text",
    [
        BEAT % 1,
        "[1][2",
        "[1]" * 20,
        '[2,"1","DataTransfer",{"data":[2,"2","A",{}] "x"}]',
        '[2,"1","DataTransfer",{"data":"[2,\\"2\\",\\"A\\",{}]" "x"}]',
    ],
)
def test_one_message_is_not_taken_apart(text):
    assert json_text.split_messages(text) == []


@pytest.mark.parametrize("kind", ['"2"', '"2 "', "02", "+2"])
def test_a_message_type_may_be_written_otherwise(kind):
    call = parse(f'[{kind},"1","Heartbeat",{{}}]', V16)
    assert isinstance(call, Call)
    assert "message_type_spelling" in call.notes
    assert isinstance(parse(f'[{kind},"1","Heartbeat",{{}}]', V16, strict=True), BadFrame)


@pytest.mark.parametrize("kind", ["true", "2.5", '"two"', '""', "null", "[2]"])
def test_what_is_no_message_type_is_refused(kind):
    frame = parse(f'[{kind},"1","Heartbeat",{{}}]', V16)
    assert isinstance(frame, BadFrame)


@given(message_ids, texts(min_size=1, max_size=64), payloads)
def test_what_is_encoded_is_read_back(message_id, action, payload):
    call = parse(frames.encode_call(message_id, action, payload), V16)
    assert isinstance(call, Call)
    assert (call.message_id, call.action, call.payload) == (message_id, action, payload)
    assert type(call.message_id) is type(message_id)
    assert call.notes == ()


@given(texts() | st.binary(), st.sampled_from(Version), st.booleans())
def test_no_text_breaks_the_reader(data, version, strict):
    parse(data, version, strict)


@given(st.text(alphabet='[]{}",:\\ 0123-eE.n\0', max_size=60))
def test_no_mess_of_punctuation_breaks_the_reader(text):
    parse('[2,"1","A",' + text, V16)
    json_text.split_messages(text)


@given(plain_json)
def test_any_json_value_is_some_frame(value):
    assert parse(json.dumps(value), V201) is not None


@given(payloads)
def test_a_repair_never_touches_what_stands_in_strings(payload):
    text = frames.encode_call("1", "A", payload)
    broken = text[:-1] + ",]"
    call = parse(broken, V16)
    assert isinstance(call, Call)
    assert call.payload == payload
