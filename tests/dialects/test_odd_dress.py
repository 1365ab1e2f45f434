"""One session of 4.2 kWh, told plainly and in every odd dress that firmwares are known for."""

import json
import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import BillingState
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession
from app.process.clock import utc_now
from tests.support import lone
from tests.support.chance import at_landing
from tests.support.told import by_16, by_201
from worker.ocpp.versions import Version


def capitals(text):
    return re.sub(r'"([a-z])(\w*)":', lambda found: f'"{found[1].upper()}{found[2]}":', text)


def since_1970(factor):
    def dress(text):
        def counted(found):
            return str(int(datetime.fromisoformat(found[1]).timestamp() * factor))

        return re.sub(r'"(\d{4}-\d\d-\d\dT[\d:]*Z)"', counted, text)

    return dress


def other(pattern, replacement):
    return lambda text: re.sub(pattern, replacement, text)


DRESSES = {
    "plain": lambda text: text,
    "capital_members": capitals,
    "action_in_small_letters": other(r'(,")([A-Z]\w+)(",)', lambda m: m[1] + m[2].lower() + m[3]),
    "since_1970_in_s": since_1970(1),
    "since_1970_in_ms": since_1970(1000),
    "numbers_as_texts": other(r"(: )(\d+)", r'\1"\2"'),
    "decimal_comma": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r"\1: \2,0"),
    "decimal_comma_in_text": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r'\1: "\2,0"'),
    "leading_zeros": other(r": (\d+)", r": 000\1"),
    "plus": other(r": (\d+)", r": +\1"),
    "open_point": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r"\1: \2."),
    "unit_in_value": other(r'("meterSt\w+"|"value"): "?(\d+)"?', r'\1: "\2 Wh "'),
    "kwh_in_value": other(
        r'("meterSt\w+"|"value"): "?(\d)(\d+)"?(, "unit": "Wh")?', r'\1: "\2.\3kWh"'
    ),
    "null_for_message_id": other(r'"m\d"', "null"),
    "object_for_message_id": other(r'"m\d"', '{"of": [true]}'),
    "long_message_id": other(r'"(m\d)"', rf'"\g<1>{"9" * 300}"'),
    "true_and_none": other(r"\{", '{"offline": False, "reservationId": None, '),
    "control_characters": other(r"\{", '{"customData": {"vendorId": "a\tb\nc\x01d"}, '),
    "bad_escapes": other(r"\{", r'{"customData": {"vendorId": "C:\\x\\ud800"}, '),
    "trailing_commas": other(r"([}\]])", r",\1"),
    "last_brackets_missing": lambda text: text[:-2],
    "trailing_nul": lambda text: text + "\0",
    "byte_order_mark": lambda text: "\ufeff" + text,
    "single_quotes": lambda text: text.replace('"', "'"),
    "lists_of_one": other(r'("transactionInfo"|"evse"): (\{[^}]*\})', r"\1: [\2]"),
    "words_in_capitals": other(r'"(Started|Updated|Ended|Wh)"', lambda m: m[0].upper()),
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("version", [Version.V16, *at_landing(Version.V201)])
def test_a_session_is_billed_the_same_in_any_dress(charger, version, dress):
    line, now = charger(version), utc_now()
    session = by_16 if version is Version.V16 else by_201
    transaction = 7
    for number in range(3):
        action, payload = session(now, transaction)[number]
        answer = line.say(DRESSES[dress](json.dumps([2, f"m{number}", action, payload])))
        assert answer[0] == 3, answer
        transaction = answer[2].get("transactionId", transaction)
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert row.ended_at - row.started_at == timedelta(minutes=59)
    [bill] = db.scalars(select(Bill))
    assert bill.energy_wh == 4200


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_thousands_that_may_be_decimals_are_held(charger, version):
    line, now, transaction = charger(version), utc_now(), 7
    session = by_16 if version is Version.V16 else by_201
    thousands = other(r'("meterSt\w+"|"value"): "?(\d)(\d+)"?', r'\1: "\2,\3"')
    for number in range(3):
        action, payload = session(now, transaction)[number]
        answer = line.say(thousands(json.dumps([2, f"m{number}", action, payload])))
        transaction = answer[2].get("transactionId", transaction)
    line.end()
    db = flask_db.session()
    [row] = db.scalars(select(ChargingSession))
    lone.settle(db, row.id, now=now)
    assert row.billing is BillingState.HELD
    assert not row.energy_wh, "it is not known to be 4.2 Wh"
    assert db.scalar(select(Bill)) is None
