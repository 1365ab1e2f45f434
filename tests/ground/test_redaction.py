"""Secrets are blotted out of whatever holds them, in bounded work, and nothing else is."""

import json

import pytest

from app.domain.ground import redaction
from app.domain.ground.redaction import REDACTED, redact, redact_text, redacted, shortened
from app.domain.office import messages
from worker.answers import secrets_in, without

CANARY = "C4nary-9f3a"

OBJECTS = [
    {"key": "AuthorizationKey", "value": CANARY},
    {"configurationKey": [{"key": "WifiPassword", "readonly": False, "value": CANARY}]},
    {"component": {"name": "X"}, "variable": {"name": "BasicAuthPassword"}, "actualValue": CANARY},
    {"component": {"name": "PasswordStore"}, "variable": {"name": "Main"}, "actualValue": CANARY},
    {"variable": {"name": "VpnKey"}, "variableAttribute": [{"value": CANARY}]},
    {"variable": {"name": "SimPin"}, "attributeValue": CANARY, "attributeType": "Actual"},
    {"customData": {"vendorId": "acme", "deep": [{"db_password": CANARY}]}},
    {"customData": {"vendorId": "acme", "name": "apiKey", "value": CANARY}},
    {"data": json.dumps({"user": "x", "password": CANARY})},
    {"data": json.dumps({"settings": json.dumps({"secret": CANARY})})},
    {"data": f"user=x&password={CANARY}&z=1"},
    {"data": f"user%3Dx%26password%3D{CANARY}"},
    {"data": f"<login><user>x</user><password>{CANARY}</password></login>"},
    {"data": f'<param name="wifiPassword" value="{CANARY}"/>'},
    {"data": f"password: '{CANARY} and more'"},
    {"data": f"the password {CANARY} was refused"},
    {"data": f"Authorization: Basic {CANARY}aaaa=="},
    {"techInfo": f"get https://me:{CANARY}@host/x failed"},
    {"location": f"ftp://me:{CANARY}/x@host/file"},
    {"accessToken": CANARY},
    {"credentials": {"user": "x", "word": CANARY}},
    {"idToken": {"idToken": CANARY, "type": "KeyCode"}},
    {"pin": CANARY},
    {"Authorization": CANARY},
    {"server": "vpn.example.org", "key": CANARY},
    {"errorDescription": f'AuthorizationKey="{CANARY}" is too short'},
    {"pem": f"-----BEGIN EC PRIVATE KEY-----\n{CANARY}\n-----END EC PRIVATE KEY-----"},
]


@pytest.mark.parametrize("payload", OBJECTS, ids=lambda payload: str(payload)[:50])
def test_no_object_keeps_its_secret(payload):
    assert CANARY not in json.dumps(redact(payload))
    assert CANARY not in messages.text_of(payload)
    assert CANARY not in messages.text_of(payload, json.dumps(payload))


@pytest.mark.parametrize("payload", OBJECTS, ids=lambda payload: str(payload)[:50])
def test_no_frame_keeps_its_secret_however_broken(payload):
    text = json.dumps([2, "1", "DataTransfer", payload])
    end = text.index(CANARY) + len(CANARY)
    spoilt = {
        "whole": text,
        "cut": text[:end],
        "comma": text.replace(":", ":,", 1),
        "bare": text + "}",
        "single": text.replace('"', "'"),
        "escaped": json.dumps(text),
    }
    if "idToken" in payload:
        # What kind of token it is was never told: a card's number is no secret.
        del spoilt["cut"]
    for how, said in spoilt.items():
        assert CANARY not in messages.text_of_frame(said), how


def test_a_broken_frame_still_shows_where_it_breaks():
    text = '[2,"7","ChangeConfiguration",{"key":"AuthorizationKey","value":,"x":"y"}]'
    shown = '[2,"7","ChangeConfiguration",{"key":•••,"value":,"x":•••}]'
    assert messages.text_of_frame(text) == shown


def test_a_broken_frame_of_no_secret_is_kept_as_it_came():
    text = '[2,"7","StartTransaction",{"idTag":"04A2","meterStart":,}]'
    assert messages.text_of_frame(text) == text


HARMLESS = [
    {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "12", "context": "Other"}]}]},
    {"idTag": "04A2B3C4", "parentIdTag": "FLEET"},
    {"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}},
    {"token": "04A2B3C4", "token_kind": "iso14443"},
    {"key": "HeartbeatInterval", "value": "300"},
    {"variable": {"name": "AuthEnabled"}, "actualValue": "true"},
    {"type": "FirmwareUpdated", "techInfo": "1.2.3 was installed"},
    {"location": "https://example.org/firmware.bin"},
    {"data": "Shipping 4 items: value=3"},
    {"status": "Charging", "info": "Password too short"},
]


@pytest.mark.parametrize("payload", HARMLESS, ids=lambda payload: str(payload)[:50])
def test_what_is_no_secret_stays(payload):
    assert redact(payload) == payload
    assert json.loads(messages.text_of(payload)) == payload


KINDS = ["ISO14443", "Central", "KeyCode", "keycode", "PIN", "simpin", "password", "eyJabc"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", ["04A2B3C4", f"password={CANARY}", f"eyJ{CANARY}.payload.x"])
def test_a_card_is_passed_over_only_where_its_number_is_no_secret(kind, number):
    token = {"idToken": number, "type": kind, "additionalInfo": [{"additionalIdToken": number}]}
    payload = {"eventType": "Started", "idToken": token, "evse": {"id": 1}}
    assert redacted(payload, json.dumps(payload)) == redact(payload)


def test_what_a_station_repeats_in_prose_is_known_by_what_it_was_sent():
    secrets = secrets_in({"key": "AuthorizationKey", "value": CANARY})
    assert secrets == {CANARY}
    told = {"status": "Rejected", "info": [f"not {CANARY}"]}
    assert without(told, secrets) == {"status": "Rejected", "info": [f"not {REDACTED}"]}


@pytest.mark.parametrize("payload", OBJECTS[8:13], ids=lambda payload: str(payload)[:40])
def test_what_was_sent_within_a_text_is_known_too(payload):
    assert any(CANARY in secret for secret in secrets_in(payload)) or "%" in str(payload)


def test_half_a_character_within_a_text_can_still_be_stored():
    redact_text('{"password": "\\ud800", "x": "\\ud800"}').encode()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "password" * 500_000,
        "password=" * 400_000,
        'password="' * 400_000,
        "password " * 400_000,
        "://" * 1_000_000,
        "://a" * 1_000_000,
        '"value":"' * 400_000 + "password",
        'password value="\\' + "\\" * 4_000_000,
        "eyJ" * 1_000_000,
        "-----BEGIN PRIVATE KEY" * 200_000,
        "basic " * 500_000,
        '{"password":' * 100_000,
        "%22password" * 300_000,
        '[{"password":1},' * 200_000,
    ],
    ids=lambda text: text[:14],
)
def test_four_megabytes_of_anything_are_soon_done_with(text):
    assert len(redact_text(text)) <= 2 * redaction.LONGEST
    assert len(messages.text_of_frame("{" + text)) <= 2 * redaction.LONGEST
    assert len(messages.text_of({"data": text})) <= redaction.LONGEST + 1


def test_a_log_takes_the_beginning_of_what_is_huge():
    payload = {"reportData": [{"password": CANARY, "n": number} for number in range(100_000)]}
    kept = shortened(payload)
    assert len(kept["reportData"]) < 100_000
    assert kept["reportData"][0] == {"password": REDACTED, "n": 0}


def test_of_many_doubtful_texts_only_the_first_are_looked_through_and_kept():
    texts = [f"password={CANARY} " + "%22password%22:" * 2_000 for _ in range(100)]
    kept = redact({"data": texts})["data"]
    assert CANARY not in json.dumps(kept)
    assert kept[0].startswith("password=") and kept[-1] == "…"
