"""The stored form of a tariff: strict, and each error names its field."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.domain.money.tariffs import (
    Kind,
    TariffError,
    TaxMode,
    exponent,
    formula_in_words,
    from_json,
    from_minor,
    is_currency,
    say,
    to_json,
    to_minor,
    week_picture,
)
from tests.money.tariff_cases import tariff

WHOLE = {
    "schema": 1,
    "currency": "EUR",
    "tax": {"mode": "exclusive", "percent": "19"},
    "minimum": "1.00",
    "maximum": "50",
    "free_minutes": 5,
    "components": [
        {"kind": "start", "price": "0.5"},
        {
            "kind": "energy",
            "name": "night rate",
            "price": "0.32",
            "step": 100,
            "when": {
                "from": "22:00",
                "until": "06:00",
                "weekdays": ["mon", "tue", "wed", "fri"],
                "date_from": "2026-01-01",
                "date_to": "2026-12-31",
                "energy_from_kwh": "0",
                "energy_to_kwh": "20",
            },
        },
        {"kind": "energy", "price": "0.45", "tax_percent": "7"},
        {"kind": "charging_time", "price": "0.02", "when": {"duration_from_min": 60}},
        {"kind": "idle", "price": "0.10", "grace_minutes": 10, "when": {"weekdays": ["sun"]}},
    ],
}


def test_a_whole_tariff_is_read_and_written():
    found = from_json(WHOLE)
    assert found.tax_mode is TaxMode.EXCLUSIVE
    assert found.components[1].when.from_minute == 22 * 60
    assert found.components[1].when.date_to == date(2026, 12, 31)
    assert found.components[4].kind is Kind.IDLE
    assert from_json(json.loads(json.dumps(to_json(found)))) == found


def test_the_formula_says_it_all():
    assert [say(phrase) for phrase in formula_in_words(from_json(WHOLE))] == [
        "0.50 EUR per session",
        "night rate: 0.32 EUR per kWh from 22:00 to 06:00 on Mon–Wed, Fri between 2026-01-01 "
        "and 2026-12-31 between 0 and 20 kWh, per started 100 Wh",
        "0.45 EUR per kWh (7 % tax)",
        "0.02 EUR per minute of charging from minute 60 on",
        "0.10 EUR per idle minute after the first 10 idle minutes on Sun",
        "the first 5 minutes free of time charges",
        "at least 1.00 EUR per session with energy",
        "at most 50.00 EUR per session",
        "plus 19 % tax",
    ]


def test_a_formula_can_be_said_in_another_language():
    phrase = formula_in_words(tariff({"kind": "energy", "price": "0.4"}))[0]
    german = {"%(price)s per kWh%(when)s": "%(price)s je kWh%(when)s"}
    assert say(phrase, translate=lambda text: german[text]) == "0.40 EUR je kWh"
    assert say(phrase, show=lambda name, value, _: f"<{name}>") == "<price> per kWh"


def test_no_prices_are_called_free():
    assert [say(phrase) for phrase in formula_in_words(tariff())] == ["Charging is free."]


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"schema": 2}, "schema", "Schema must be 1"),
        ({"currency": "EURO"}, "currency", "Currency must have 3 characters at most."),
        ({"currency": "XYZ"}, "currency", "Currency must be an ISO 4217 code such as EUR."),
        ({"currency": None}, "currency", "Currency is missing."),
        ({"tax": {"mode": "maybe"}}, "tax.mode", "Tax mode must be one of"),
        ({"tax": {"percent": "101"}}, "tax.percent", "Tax percent must be a number from 0 to 100."),
        ({"minimum": "60"}, "maximum", "Maximum must not be less than the minimum."),
        ({"free_minutes": "soon"}, "free_minutes", "Free minutes must be a whole number"),
        ({"colour": "red"}, "colour", "Colour is not a field of a tariff."),
        ({"components": "none"}, "components", "Components must be a list."),
        ({"components": [7]}, "components.0", "Component 1 must be a table of named values."),
    ],
)
def test_a_wrong_tariff_is_refused_by_name(change: dict[str, Any], field: str, sentence: str):
    with pytest.raises(TariffError) as caught:
        from_json({**WHOLE, **change})
    assert caught.value.field == field
    assert caught.value.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "wish"}, "kind"),
        ({"price": None}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": "NaN"}, "price"),
        ({"price": "1e3"}, "price"),
        ({"price": "0,32"}, "price"),
        ({"price": True}, "price"),
        ({"price": "0.1234567"}, "price"),
        ({"price": "99999999"}, "price"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\r\nBcc: b"}, "name"),
        ({"grace_minutes": 5}, "grace_minutes"),
        ({"step": 0}, "step"),
        ({"when": {"from": "25:00"}}, "when.from"),
        ({"when": {"from": "24:00"}}, "when.from"),
        ({"when": {"from": "08:00", "until": "08:00"}}, "when.until"),
        ({"when": {"from": "8"}}, "when.from"),
        ({"when": {"weekdays": ["monday"]}}, "when.weekdays"),
        ({"when": {"date_from": "2026-02-30"}}, "when.date_from"),
        ({"when": {"date_from": 5}}, "when.date_from"),
        ({"when": {"date_from": "2026-02-03", "date_to": "2026-02-02"}}, "when.date_to"),
        ({"when": {"energy_from_kwh": "5", "energy_to_kwh": "5"}}, "when.energy_to_kwh"),
        ({"when": {"duration_from_min": 9, "duration_to_min": 3}}, "when.duration_to_min"),
        ({"when": {"moon": "full"}}, "when.moon"),
    ],
)
def test_a_wrong_component_is_refused_by_name(change: dict[str, Any], field: str):
    component = {"kind": "energy", "price": "0.3", **change}
    with pytest.raises(TariffError) as caught:
        from_json({"schema": 1, "currency": "EUR", "components": [component]})
    assert caught.value.field == f"components.0.{field}"


def test_a_start_fee_cannot_wait_for_energy():
    with pytest.raises(TariffError, match="cannot restrict a start fee"):
        tariff({"kind": "start", "price": "1", "when": {"energy_from_kwh": "1"}})


@pytest.mark.parametrize(
    ("component", "told"),
    [
        ({"kind": "no_show", "step": 60}, "step cannot be set for a fee that is charged once"),
        ({"kind": "no_show", "when": {"duration_from_min": 5}}, "duration_from_min|duration from"),
        ({"kind": "no_show_time", "when": {"energy_to_kwh": "5"}}, "a reservation's price"),
        ({"kind": "no_show_time", "grace_minutes": 5}, "idle time only"),
    ],
)
def test_the_fee_of_a_reservation_hangs_on_no_energy(component, told):
    with pytest.raises(TariffError, match=told):
        tariff({"price": "1", **component})


def test_the_fee_of_a_reservation_is_said_and_leaves_charging_free():
    fee = tariff(
        {"kind": "no_show", "price": "2"},
        {"kind": "no_show_time", "price": "0.1", "when": {"duration_from_min": 10}},
    )
    assert [say(phrase) for phrase in formula_in_words(fee)] == [
        "Charging is free.",
        "an unused reservation: 2.00 EUR",
        "an unused reservation: 0.10 EUR per reserved minute from minute 10 on",
    ]


def test_half_a_window_is_filled_up():
    when = tariff({"kind": "energy", "price": "1", "when": {"until": "06:00"}}).components[0].when
    assert (when.from_minute, when.until_minute) == (0, 360)
    when = tariff({"kind": "energy", "price": "1", "when": {"from": "18:00"}}).components[0].when
    assert (when.from_minute, when.until_minute) == (1080, 1440)
    midnight = {"from": "18:00", "until": "00:00"}
    when = tariff({"kind": "energy", "price": "1", "when": midnight}).components[0].when
    assert when.until_minute == 1440


def test_numbers_may_be_written_as_numbers():
    assert tariff({"kind": "energy", "price": 0.3}).components[0].price == Decimal("0.3")


def test_minor_units_round_half_up_and_come_back():
    assert to_minor(Decimal("1.005"), "EUR") == 101
    assert to_minor(Decimal("-1.005"), "EUR") == -101
    assert to_minor(Decimal("1.5"), "JPY") == 2
    assert to_minor(Decimal("1.0005"), "KWD") == 1001
    assert str(from_minor(101, "EUR")) == "1.01"
    assert is_currency("EUR")
    assert not is_currency("eur")


def test_the_week_is_drawn_in_runs_of_one_price():
    week = week_picture(
        tariff(
            {
                "kind": "energy",
                "price": "0.30",
                "when": {"from": "22:30", "until": "06:00", "weekdays": ["mon"]},
            },
            {"kind": "energy", "price": "9", "when": {"date_to": "2026-01-31"}},
            {"kind": "energy", "price": "0.40", "when": {"weekdays": ["mon", "tue"]}},
        ),
        date(2026, 2, 2),
    )
    monday = [(run.from_minute, run.until_minute, run.component_index) for run in week.days[0]]
    assert monday == [(0, 360, 0), (360, 1350, 2), (1350, 1440, 0)]
    assert [len(day) for day in week.days] == [3, 1, 1, 1, 1, 1, 1]
    assert week.days[6][0].price is None
    assert week.prices == (Decimal("0.30"), Decimal("0.40"))
    assert week.step_min == 30


def test_the_week_of_a_date_knows_what_holds_then():
    dated = tariff(
        {"kind": "energy", "price": "9", "when": {"date_to": "2026-01-07"}},
        {"kind": "energy", "price": "1"},
    )
    week = week_picture(dated, date(2026, 1, 5))
    assert [day[0].price for day in week.days] == [9, 9, 9, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["minimum", "maximum"])
@pytest.mark.parametrize(
    ("currency", "told", "billed"),
    [
        ("EUR", "10.00", "10.00"),
        ("EUR", "10.000", "10.000"),
        ("EUR", "10.005", "10.01"),
        ("JPY", "500", "500"),
        ("JPY", "499.5", "500"),
        ("KWD", "1.005", "1.005"),
        ("KWD", "1.0005", "1.001"),
    ],
)
def test_a_limit_that_no_bill_can_come_to_is_refused_and_read_as_billed_where_it_is_stored(
    name, currency, told, billed
):
    document = {"currency": currency, name: told}
    assert to_json(from_json(document))[name] == billed
    if billed == told:
        assert getattr(from_json(document, entered=True), name) == Decimal(told)
        return
    with pytest.raises(TariffError) as refused:
        from_json(document, entered=True)
    assert refused.value.field == name
    assert f"{exponent(currency)} decimal places" in refused.value.sentence


@pytest.mark.parametrize(
    "name", ["min_power", "max_power", "min_current", "max_current", "max_kwh"]
)
def test_a_restriction_of_ocpi_that_we_do_not_have_is_refused_by_its_name(name):
    part = {"kind": "energy", "price": "0.3", "when": {name: "11"}}
    with pytest.raises(TariffError) as refused:
        from_json({"currency": "EUR", "components": [part]}, entered=True)
    assert refused.value.field == f"components.0.when.{name}"
