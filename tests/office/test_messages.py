"""The message log on the desk: what is found, how it is said, and what garbage does to it."""

import csv
import html
import io
import json
import random
import re
from datetime import timedelta

import pytest

from app.domain.ground.vocabulary import MessageOutcome
from app.models import Message
from app.queries.office import messages as queries
from app.text import message_parts, message_words
from tests.support import examples, seed_log
from tests.support.desk import page
from worker.ocpp.versions import Version


def test_the_log_says_messages_in_words(viewer):
    text = page(viewer, "/messages")
    assert "connector 2 · Faulted · GroundFailure · vendor 0x31" in text
    assert "StatusNotification · connector 2 → Accepted" in text
    assert "TypeConstraintViolation · connectorId must be an integer" in text
    assert "no answer in time" in text


@pytest.mark.parametrize(
    ("query", "inside", "outside"),
    [
        ("action=UnlockConnector", "UnlockFailed", "GroundFailure"),
        ("direction=out", "UnlockFailed", "GroundFailure"),
        ("direction=in", "GroundFailure", "UnlockFailed"),
        ("ended=problem", "TypeConstraintViolation", "UnlockFailed"),
        ("ended=timed_out", "no answer in time", "TypeConstraintViolation"),
        ("q=0x31", "GroundFailure", "UnlockFailed"),
        ("q=100%25", "Nothing in the log matches", "GroundFailure"),
    ],
)
def test_filters_in_the_url_narrow_the_log(viewer, query, inside, outside):
    text = page(viewer, f"/messages?{query}")
    assert inside in text
    assert outside not in text


def test_a_stretch_of_time_narrows_the_log(viewer, made):
    fault = made.now - timedelta(minutes=9)
    since, until = (
        (fault + timedelta(seconds=s)).isoformat().replace("+", "%2B") for s in (-20, 20)
    )
    text = page(viewer, f"/messages?since={since}&until={until}")
    assert "GroundFailure" in text and "UnlockFailed" not in text


def test_a_session_and_a_station_narrow_the_log(viewer, made):
    session = made.sessions["finished"]
    text = page(viewer, f"/messages?session={session.id}&action=StartTransaction")
    assert "from 1\u00a0204.118\u00a0kWh" in text
    other = made.stations["CP-01"]
    assert "Nothing in the log matches" in page(viewer, f"/messages?station={other.id}")


def test_older_messages_are_reached_from_a_full_page(viewer, db, made, now):
    place = made.stations["CP-01"].id
    for number in range(130):
        seed_log.message(db, place, now, "DataTransfer", {"vendorId": f"v{number}"}, {})
    db.commit()
    first = page(viewer, f"/messages?station={place}")
    assert "vendor v129" in first and "vendor v29" not in first
    oldest = db.query(Message).filter_by(station_id=place).order_by(Message.id).all()[30]
    second = page(viewer, f"/messages?station={place}&before={oldest.id}")
    assert "vendor v29" in second and "Back to the newest" in second


def test_the_head_of_the_log_is_live_and_can_be_paused(viewer):
    assert 'data-live="messages stations sessions commands"' in page(viewer, "/messages")
    assert 'data-live="messages' not in page(viewer, "/messages?tail=off")


def test_csv_and_json_lines_hold_the_filter(viewer):
    text = viewer.get("/messages?format=csv&action=UnlockConnector").text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [row["answer"] for row in rows] == ['{"status": "UnlockFailed"}']
    lines = viewer.get("/messages?format=jsonl&action=UnlockConnector").text
    assert json.loads(lines)["answer"] == {"status": "UnlockFailed"}


def test_a_csv_cell_of_a_charger_cannot_become_a_formula(viewer, db, made, now):
    seed_log.message(db, made.stations["CP-01"].id, now, "=cmd", "=1+1", None)
    db.commit()
    text = viewer.get("/messages?format=csv&q=1%2B1").text
    assert ",'=cmd," in text and ",'=1+1," in text


def test_markup_of_a_charger_stays_text(viewer, db, made, now):
    evil = "</pre><script>alert(1)</script>"
    seed_log.message(db, made.stations["CP-01"].id, now, evil, {"a": evil}, {"b": evil})
    db.commit()
    text = page(viewer, "/messages")
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


GARBAGE = [
    *("", "null", "[]", "3", '"x"', "{", "[[[", "NaN", '{"meterValue":1}', "\x07"),
    '{"meterValue":[1,null,{"sampledValue":[null,{"value":{}}]}]}',
    '{"meterValue":[{"sampledValue":[{"value":"1e999","unit":[],"measurand":3,"phase":{}}]}]}',
    '{"connectorId":{},"status":[],"errorCode":"\\ud800","info":"\\u0000\\u202e"}',
    '{"idTagInfo":3,"status":{"a":1},"key":{},"configurationKey":3,"idTag":' + "9" * 500 + "}",
    "[" * 5000,
]


@pytest.mark.parametrize("action", [*message_words.WORDS, "Nonsense", ""])
def test_whatever_a_charger_sends_can_be_said(action):
    for text in GARBAGE:
        message = Message(action=action, request=text, response=text)
        assert message_words.in_words(message).encode().count(b"\n") == 0
        assert message_parts.pretty(text).encode() or not text


def test_whatever_a_charger_sends_the_page_stands(viewer, db, made, now):
    for number, text in enumerate(GARBAGE):
        action = [*message_words.WORDS, ""][number]
        place = made.stations["CP-01"].id
        seed_log.message(db, place, now, action, text, None, response=text, session_id=1)
    db.commit()
    page(viewer, "/messages")
    assert viewer.get("/messages?format=jsonl").status_code == 200


def test_random_payloads_are_said_without_an_error():
    dice = random.Random(7)
    names = ["connectorId", "status", "meterValue", "sampledValue", "value", "unit", "idTag", "key"]

    def anything(depth=0):
        kind = dice.randrange(8 if depth < 3 else 5)
        if kind > 5:
            return {dice.choice(names): anything(depth + 1) for _ in range(3)}
        plain = [None, True, -1e300, "12,5", "☃" * 200, [anything(depth + 1)] if depth < 3 else 0]
        return plain[kind]

    for action in [*message_words.WORDS, "Nonsense"] * 40:
        message = Message(
            action=action,
            request=json.dumps(anything()),
            response=json.dumps(anything()),
            outcome=dice.choice([None, *MessageOutcome]),
        )
        assert "\n" not in message_words.in_words(message)


def test_odd_values_in_the_url_are_no_error(viewer):
    odd = "station=x&session=99999999999999999999&since=tomorrow&until=0001-01-01T00:00&before=-1"
    page(viewer, f"/messages?{odd}&ended=nonsense&direction=up")


def test_someone_not_signed_in_sees_nothing(app, made):
    assert app.test_client().get("/messages").status_code in (302, 303, 401)


def said(action, request, answer=None):
    message = Message(action=action, request=json.dumps(request), response=json.dumps(answer))
    return message_words.in_words(message).replace("\u00a0", " ")


POWER_OF_TEN = {"unit": "W", "multiplier": 3}
READING = {
    "timestamp": examples.TIME,
    "sampledValue": [
        {"value": 22410, "measurand": "Energy.Active.Import.Register"},
        {"value": 21.8, "measurand": "Power.Active.Import", "unitOfMeasure": POWER_OF_TEN},
    ],
}
IN_WORDS = [
    (
        "BootNotification",
        {"chargingStation": {"vendorName": "Volt", "model": "A1", "serialNumber": "77"},
         "reason": "PowerUp"},
        {"status": "Accepted"},
        "Volt A1 · serial 77 · PowerUp → Accepted",
    ),
    (
        "Authorize",
        {"idToken": {"idToken": "04A2B3", "type": "ISO14443"}},
        {"idTokenInfo": {"status": "Blocked"}},
        "tag 04A2B3 → Blocked",
    ),
    (
        "StatusNotification",
        {"evseId": 2, "connectorId": 1, "connectorStatus": "Occupied"},
        {},
        "EVSE 2 connector 1 · Occupied",
    ),
    (
        "TransactionEvent",
        {"eventType": "Updated", "triggerReason": "MeterValuePeriodic", "offline": True,
         "evse": {"id": 1}, "meterValue": [READING],
         "transactionInfo": {"transactionId": "T-1", "chargingState": "Charging"}},
        {"totalCost": 3.5},
        "Updated · MeterValuePeriodic · EVSE 1 · Charging · 22.410 kWh · 21.8 kW"
        " · session T-1 · offline · cost 3.50",
    ),
    ("MeterValues", {"evseId": 1, "meterValue": [READING]}, {}, "2 samples · 22.410 kWh · 21.8 kW"),
    (
        "NotifyEvent",
        {"eventData": [{"component": {"name": "Connector", "evse": {"id": 2}},
                        "variable": {"name": "Problem"}, "actualValue": "true"}]},
        {},
        "Connector.Problem = true · EVSE 2",
    ),
    (
        "SetVariables",
        {"setVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "attributeValue": "60",
                              "variable": {"name": "HeartbeatInterval"}}]},
        {"setVariableResult": [{"attributeStatus": "RebootRequired"}]},
        "OCPPCommCtrlr.HeartbeatInterval = 60 → RebootRequired",
    ),
    ("NotifyReport", {"requestId": 4, "seqNo": 0, "tbc": True, "reportData": [{}, {}]}, {},
     "2 variables · part 1 · more to come · request 4"),
    ("ChangeAvailability", {"operationalStatus": "Inoperative", "evse": {"id": 1}},
     {"status": "Scheduled"}, "EVSE 1 · Inoperative → Scheduled"),
    ("RequestStartTransaction", {"idToken": {"idToken": "A1"}, "evseId": 1, "remoteStartId": 9},
     {"status": "Rejected", "statusInfo": {"reasonCode": "Busy"}},
     "tag A1 · EVSE 1 · start 9 → Rejected · Busy"),
    ("GetLocalListVersion", {}, {"versionNumber": 7}, "version 7"),
    ("NotifyPriorityCharging", {"transactionId": "T-1", "activated": True}, {},
     "switched on · session T-1"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "request_", "answer", "words"), IN_WORDS)
def test_messages_of_2x_are_told_in_words_as_those_of_1_6_are(action, request_, answer, words):
    assert said(action, request_, answer) == words


@pytest.mark.parametrize("version", Version)
def test_every_message_of_every_version_has_words(version):
    for action in examples.actions(version):
        assert action in message_words.WORDS, action
        for make in (examples.least, examples.most):
            text = said(action, make(version, action))
            assert "{" not in text and "[" not in text, text


def test_a_word_is_looked_for_in_the_newest_messages_and_further_back_on_demand(
    viewer, monkeypatch
):
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 2)
    address, found = "/messages?tail=off&q=UnlockFailed", []
    for _ in range(100):
        text = page(viewer, address)
        rows = text.split("log-head")[1].partition("</div>")[2].partition("<nav")[0]
        found.append("UnlockFailed" in rows)
        cut = "2 messages were looked through, back to" in text
        assert cut == ("Search further back" in text)
        assert cut or "Nothing in these messages" not in text
        older = re.search(r'rel="next" href="([^"]+)"', text)
        if older is None:
            break
        address = html.unescape(older[1])
        address = address if address.startswith("/") else f"/messages{address}"
    assert not cut and any(found) and not all(found)


def test_a_file_looks_through_the_whole_log(viewer, monkeypatch):
    monkeypatch.setattr(queries, "LOOKED_THROUGH", 2)
    assert "GroundFailure" in page(viewer, "/messages?format=jsonl&q=GroundFailure")
