"""What a meter signed of a session (OCMF) is held against its registers."""

import base64
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.charging.energy import EnergyFlag, signed
from app.domain.money import billing
from app.models import Bill, Review
from tests.charging.test_energy_evidence import doubted, weighed
from tests.support.chance import texts
from tests.support.charging import network

IMPORT, EXPORT = "01-00:98.08.00.FF", "01-00:C2.08.00*FF"


@pytest.fixture
def net(db):
    return network(db)


def ocmf(*readings):
    """A signed text; each reading is what it marks, its value, and what else it names."""
    told = [{"TX": mark, "RV": value, "ST": "G"} | more for mark, value, more in readings]
    payload = json.dumps({"FV": "1.0", "GI": "a|b", "RD": told})
    return f'OCMF|{payload}|{{"SD":"3045…"}}'


def kwh(mark, value, register=IMPORT):
    return mark, value, {"RI": register, "RU": "kWh"}


BOTH = ocmf(kwh("B", "108.178"), kwh("E", "118.178"))


def carried(text):
    """As OCPP 2.x and its application note for 1.6 carry it."""
    data = base64.b64encode(text.encode()).decode()
    return json.dumps({"signedMeterData": data, "encodingMethod": "OCMF", "publicKey": ""})


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text,
        carried,
        lambda text: text.encode().hex(),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: carried(text).encode().hex().upper(),
    ],
)
def test_a_signed_begin_and_end_name_an_energy_in_each_form_that_carries_them(written):
    assert signed.energies([written(BOTH)]) == (10_000,)


def test_begin_and_end_may_be_signed_apart():
    assert signed.energies([carried(ocmf(kwh("B", 1.5))), carried(ocmf(kwh("L", 3)))]) == (1500,)
    assert signed.energies([ocmf(kwh("B", 1.5))]) == ()


def test_a_reading_leaves_out_what_is_as_before_and_each_register_counts_for_itself():
    shortened = ocmf(kwh("B", 1), ("C", 2, {}), ("E", 4, {}), kwh("B", 9, "x"), ("E", "9.5", {}))
    assert signed.energies([shortened]) == (3000, 500)


def test_what_goes_back_to_the_grid_and_what_is_no_energy_is_left_out():
    back = ocmf(kwh("B", 0, EXPORT), kwh("E", 7, EXPORT), kwh("B", 0, "1-0:2.8.0"))
    ohm = ocmf(("B", 1, {"RI": "R", "RU": "mOhm"}), ("E", 2, {}))
    assert signed.energies([back, ohm, BOTH]) == (10_000,)


@pytest.mark.parametrize(
    "between, end, good",
    [
        ({}, {"EF": ""}, True),
        ({"ST": "T"}, {"ST": "G"}, True),  # it was out of reach for a while
        ({"EF": "t"}, {}, True),  # its clock only
        ({"TX": "X", "EF": "t"}, {"TX": "E"}, True),
        ({}, {"ST": "M"}, False),
        ({}, {"ST": "S"}, False),
        ({}, {"ST": None}, True),
        ({}, {"EF": "Et"}, False),
        ({"ST": "X"}, {"ST": "G"}, False),
        ({"EF": "E"}, {"EF": ""}, False),
        ({"TX": "X"}, {"TX": "E"}, False),
    ],
)
def test_a_meter_may_say_itself_that_what_it_signed_is_not_good(between, end, good):
    told = ocmf(kwh("B", 1), ("C", 2, between), ("E", 4, end))
    assert signed.are_good([BOTH, told]) == signed.are_good([carried(told)]) == good
    found = weighed(100_000, 103_000, signed_wh=signed.energies([told]), signed_good=good)
    assert doubted(found, EnergyFlag.SIGNED_BAD) == (not good)


ODD = [
    "", "OCMF|", 'OCMF|{"RD":1}|', 'OCMF|{"RD":[1,{"RV":"x","RU":"kWh"}]}', "OCMF|" + "[" * 9_000,
    ocmf(kwh("B", "NaN"), kwh("E", "1e99")), '{"signedMeterData": 5}', "<values/>", "ff" * 40,
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_what_cannot_be_read_says_nothing(text):
    assert signed.energies([text]) == signed.energies([carried(text)]) == ()
    assert signed.are_good([text, carried(text)])


@given(texts() | st.binary().map(bytes.hex))
def test_any_text_may_come(text):
    assert signed.energies([text, carried(text), ocmf(("B", text, {"RI": text, "RU": text}))]) == ()


@pytest.mark.parametrize("energy, holds", [(10_000, False), (10_090, False), (10_400, True)])
def test_registers_that_name_another_energy_than_was_signed_hold(energy, holds):
    found = weighed(100_000, 100_000 + energy, signed_wh=(Decimal(3), Decimal(10_000)))
    assert (EnergyFlag.SIGNED_DIFFERS in found.energy.flags) == holds
    assert {each.code: each.energy_wh for each in found.candidates}["signed"] == 10_000


def test_a_session_without_signed_readings_is_not_doubted_for_that():
    assert not doubted(weighed(100_000, 110_000), EnergyFlag.SIGNED_DIFFERS)


@pytest.mark.parametrize(
    "wh, state, kind", [(10_000, "G", Bill), (12_500, "G", Review), (10_000, "M", Review)]
)
def test_a_bill_says_what_the_meter_signed_or_waits(net, wh, state, kind):
    session = net.session(wh=wh)
    text = BOTH.replace('"ST": "G"', f'"ST": "{state}"')
    sample = ["Energy.Active.Import.Register", text, "", None, None, "Transaction.End", True]
    net.reading(session, 60, 0, register_wh=None, samples=[sample])
    found = billing.settle_all(net.db, [session.id], now=session.ended_at + timedelta(hours=1))
    assert isinstance(found[session.id], kind)
