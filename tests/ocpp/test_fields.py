"""Fields: numbers, times and texts as chargers write them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chance import texts
from worker.ocpp.fields import Fields, format_instant, read_decimal, read_instant, read_integer

NINE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "assumed"),
    [
        ("2026-03-02T09:00:00Z", False),
        ("2026-03-02T09:00:00.000Z", False),
        ("2026-03-02T09:00:00.0Z", False),
        ("2026-03-02T09:00:00.000000000Z", False),
        ("2026-03-02T09:00:00z", False),
        ("2026-03-02 09:00:00Z", False),
        ("2026-03-02T11:00:00+02", False),
        ("2026-03-02T11:00:00+0200", False),
        ("2026-03-02T11:00:00+02:00", False),
        ("2026-03-02T03:30:00.5-05:30", False),
        (" 2026-03-02T09:00:00Z ", False),
        ("20260302T090000Z", False),
        ("2026-03-02T09:00Z", False),
        ("2026-03-02T09:00:00 UTC", False),
        ("2026-03-02T09:00:00", True),
        ("2026-03-02 09:00:00.123", True),
        ("2026-03-02T08:59:60Z", False),
        (1772442000, False),
        (1772442000000, False),
        ("1772442000000000", False),
        (" 1772442000.000", False),
    ],
)
def test_timestamp_forms(text, assumed):
    found = read_instant(text)
    assert found is not None
    assert found.at.replace(microsecond=0) == NINE
    assert found.at.utcoffset() == timedelta(0)
    assert found.assumed_zone is assumed


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "null",
        "yesterday",
        "2026-00-02T09:00:00Z",
        "2026-13-02T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "222222017-03-02T09:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T09:00:61Z",
        "0000-03-02T09:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-03-02T09:00:00+99:00",
        "2026-03-02T09:00:00Z" * 1000,
        "٢٠٢٦-03-02T09:00:00Z",
        1_772_442,
        17_724_420_000,
        True,
        [],
    ],
)
def test_absurd_timestamps_are_none(value):
    assert read_instant(value) is None


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9, minutes=30))])
def test_outbound_timestamp_format(zone):
    moment = NINE.replace(microsecond=999_999).astimezone(zone)
    assert format_instant(moment) == "2026-03-02T09:00:00Z"
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2026, 3, 2))


@given(
    st.datetimes(
        min_value=datetime(1000, 1, 2),
        max_value=datetime(9998, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone.max]),
    )
)
def test_every_instant_we_write_is_read_back(moment):
    found = read_instant(format_instant(moment))
    assert found is not None
    assert found.at == moment.replace(microsecond=0)
    exact = read_instant(moment.isoformat())
    assert exact is not None
    assert exact.at == moment


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12", "12"),
        ("12.50", "12.50"),
        ("12,5", "12.5"),
        ("+7", "7"),
        (" 7 ", "7"),
        ("-0.5", "-0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1.2e3", "1200"),
        ("1E-3", "0.001"),
        (12, "12"),
        (0.1, "0.1"),
        (1234567.891, "1234567.891"),
    ],
)
def test_value_forms(value, number):
    assert read_decimal(value) == Decimal(number)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "None",
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1.234,5",
        "1 000",
        "0x10",
        "1e999",
        "12 kWh",
        "٣",
        "1" * 65,
        "--1",
        "1e",
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_number_is_none(value):
    assert read_decimal(value) is None


@given(texts() | st.floats() | st.integers() | st.none() | st.booleans())
def test_no_value_breaks_the_readers(value):
    number = read_decimal(value)
    assert number is None or number.is_finite()
    whole = read_integer(value)
    assert whole is None or -(2**63) <= whole < 2**63
    read_instant(value)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12
    )
)
def test_decimals_are_exact(number):
    assert read_decimal(str(number)) == number


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (0, 0),
        (-1, -1),
        ("12", 12),
        (12.0, 12),
        (2**63 - 1, 2**63 - 1),
        (12.5, None),
        (2**63, None),
        (1.8e19, None),
        ("x", None),
        (None, None),
        (True, None),
    ],
)
def test_whole_numbers(value, whole):
    assert read_integer(value) == whole


def test_fields_give_what_was_asked_for_or_the_default():
    fields = Fields(
        {
            "idTag": " 04A2 ",
            "connectorId": "1",
            "reason": "",
            "on": "true",
            "at": "2026-03-02T09:00:00",
            "value": "1,5",
            "nothing": None,
        }
    )
    assert fields.text("idTag") == "04A2"
    assert fields.text("reason", default="Local") == "Local"
    assert fields.text("nothing") is None
    assert fields.integer("connectorId") == 1
    assert fields.integer("nothing", default=7) == 7
    assert fields.boolean("on") is True
    assert fields.boolean("off", default=False) is False
    assert fields.instant("at") == NINE
    assert fields.decimal("value") == Decimal("1.5")
    assert "idTag" in fields
    assert "nothing" not in fields


def test_one_object_counts_as_a_list_of_one_and_what_is_no_object_as_an_empty_one():
    fields = Fields({"meterValue": [{"sampledValue": {"value": []}}], "idTagInfo": "x"})
    (sample,) = fields.list("meterValue")
    (value,) = sample.list("sampledValue")
    assert value.decimal("value") is None
    assert fields.child("idTagInfo").text("status") is None
    assert list(fields.list("none")) == []


def test_config_list_parsing():
    assert Fields({"value": " Current, Power ,"}).texts("value") == ("Current", "Power")
    assert Fields({"key": ["a", 1, " b "]}).texts("key") == ("a", "b")


@given(
    st.dictionaries(
        st.sampled_from("abc"),
        st.none()
        | st.booleans()
        | texts()
        | st.floats()
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(texts(), st.none(), max_size=1),
    )
)
def test_no_payload_breaks_the_fields(payload):
    fields = Fields(payload)
    for name in "abc":
        fields.text(name)
        fields.integer(name)
        fields.decimal(name)
        fields.boolean(name)
        fields.instant(name)
        fields.child(name)
        list(fields.list(name))
        fields.texts(name)
