"""Prices of whole sessions, checked by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

from app.domain.money.tariffs import Kind, Line, Quote, Usage, from_json, price, say
from tests.money.tariff_cases import BERLIN, at, tariff, usage


def line(quote: Quote, kind: str) -> Line:
    return next(each for each in quote.lines if each.kind == kind)


def test_the_session_drawn_for_the_desk_costs_12_96():
    """0.50 + 17.204 x 0.32 + 7.296 x 0.45 + 16 x 0.10 = 10.89 net; 19 % are 2.07."""
    kerb = tariff(
        {"kind": "start", "price": "0.50"},
        {
            "kind": "energy",
            "name": "night rate",
            "price": "0.32",
            "when": {"from": "22:00", "until": "08:00"},
        },
        {"kind": "energy", "name": "day rate", "price": "0.45"},
        {"kind": "idle", "price": "0.10", "grace_minutes": 10},
        tax={"mode": "exclusive", "percent": "19"},
    )
    quote = price(
        kerb,
        usage(
            "2026-11-22 07:02:11",
            "2026-11-22 09:40:02",
            [
                ("2026-11-22 07:59:30", 17_096),
                ("2026-11-22 08:00:30", 17_312),
                ("2026-11-22 09:14:02", 24_500),
            ],
            charging_until="2026-11-22 09:14:02",
        ),
    )
    told = [
        (say(each.label), str(each.quantity), each.unit, each.net_minor) for each in quote.lines
    ]
    assert told == [
        ("Start fee", "1.000", "session", 50),
        ("Energy, night rate", "17.204", "kWh", 551),
        ("Energy, day rate", "7.296", "kWh", 328),
        ("Idle after 10 min grace", "16.000", "min", 160),
    ]
    assert (quote.net_minor, quote.tax_minor, quote.gross_minor) == (1089, 207, 1296)
    assert [say(fact) for fact in quote.explanation] == [
        "At 08:00 site time “day rate” took over from “night rate”.",
        "The meter was not read at 08:00; the energy there lies on the line between the "
        "readings of 07:59:30 and 08:00:30.",
        "Charging stopped at 09:14:02; 10 of 26 idle minutes are free.",
        "The tax is added to the prices.",
    ]
    night = quote.lines[1].evidence[0]
    assert night.to_at == at("2026-11-22 08:00")
    assert night.to_between == (at("2026-11-22 07:59:30"), at("2026-11-22 08:00:30"))
    assert night.to_wh == 17204


def test_a_price_with_tax_included_keeps_its_total():
    quote = price(
        tariff({"kind": "energy", "price": "0.49"}, tax={"percent": "19"}),
        usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 10_000)]),
    )
    assert (quote.net_minor, quote.tax_minor, quote.gross_minor) == (412, 78, 490)


def test_tax_is_the_rate_on_the_sum_and_the_lines_still_add_up():
    """Three lines of 0.05 net: 19 % of each is a cent, of the sum 0.03."""
    parts = [
        {"kind": "start", "price": "0.05"},
        {"kind": "energy", "price": "0.05"},
        {"kind": "connected_time", "price": "0.05"},
    ]
    quote = price(
        tariff(*parts, tax={"mode": "exclusive", "percent": "19"}),
        usage("2026-03-02 10:00", "2026-03-02 10:01", [("2026-03-02 10:01", 1000)]),
    )
    assert [each.net_minor for each in quote.lines] == [5, 5, 5]
    assert quote.tax_minor == sum(each.tax_minor for each in quote.lines) == 3
    assert quote.taxes[0].gross_minor == quote.gross_minor == 18


def test_each_component_may_have_its_own_tax():
    quote = price(
        tariff(
            {"kind": "energy", "price": "1"},
            {"kind": "connected_time", "price": "1", "tax_percent": "7"},
            tax={"mode": "exclusive", "percent": "19"},
        ),
        usage("2026-03-02 10:00", "2026-03-02 10:10", [("2026-03-02 10:10", 10_000)]),
    )
    assert [(t.percent, t.net_minor, t.tax_minor) for t in quote.taxes] == [
        (7, 1000, 70),
        (19, 1000, 190),
    ]


def test_the_first_matching_component_of_a_kind_counts():
    quote = price(
        tariff(
            {"kind": "energy", "price": "0.10", "when": {"weekdays": ["mon"]}},
            {"kind": "energy", "price": "0.20"},
            {"kind": "energy", "price": "0.30"},
        ),
        # Sunday night into Monday 2 March 2026, 2 kWh in each half.
        usage("2026-03-01 23:00", "2026-03-02 01:00", [("2026-03-02 01:00", 4000)]),
    )
    assert [(each.component_index, each.gross_minor) for each in quote.lines] == [(0, 20), (1, 40)]


def test_energy_steps_are_exact():
    quote = price(
        tariff(
            {"kind": "energy", "price": "0.30", "when": {"energy_to_kwh": "10"}},
            {"kind": "energy", "price": "0.50"},
        ),
        usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 13_333)]),
    )
    assert [str(each.quantity) for each in quote.lines] == ["10.000", "3.333"]
    assert quote.gross_minor == 300 + 167


def test_duration_steps_count_from_the_start():
    quote = price(
        tariff(
            {"kind": "connected_time", "price": "0.01", "when": {"duration_to_min": 60}},
            {"kind": "connected_time", "price": "0.05", "when": {"duration_from_min": 60}},
        ),
        usage("2026-03-02 10:00", "2026-03-02 11:30", [("2026-03-02 11:00", 5000)]),
    )
    assert [each.gross_minor for each in quote.lines] == [60, 150]


def test_free_minutes_free_time_but_not_energy():
    quote = price(
        tariff(
            {"kind": "energy", "price": "0.40"},
            {"kind": "connected_time", "price": "0.10"},
            free_minutes=30,
        ),
        usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 5000)]),
    )
    assert line(quote, Kind.ENERGY).gross_minor == 200
    assert line(quote, Kind.CONNECTED_TIME).gross_minor == 300
    assert ("why.free_minutes", {"minutes": 30}) in quote.explanation


def test_grace_counts_once_over_all_idle_time():
    first = (at("2026-03-02 10:20"), at("2026-03-02 10:26"))
    second = (at("2026-03-02 10:40"), at("2026-03-02 11:00"))
    quote = price(
        tariff({"kind": "idle", "price": "0.10", "grace_minutes": 10}),
        Usage(
            at("2026-03-02 10:00"),
            at("2026-03-02 11:00"),
            BERLIN,
            ((at("2026-03-02 10:30"), Decimal(4000)),),
            idle=(first, second),
        ),
    )
    assert line(quote, Kind.IDLE).quantity == 16
    assert line(quote, Kind.IDLE).evidence[0].from_at == at("2026-03-02 10:44")


def test_a_session_without_energy_costs_its_start_fee_and_nothing_else():
    parts = [
        {"kind": "start", "price": "0.50"},
        {"kind": "connected_time", "price": "1"},
        {"kind": "idle", "price": "1"},
    ]
    nothing = usage("2026-03-02 10:00", "2026-03-02 20:00", [])
    quote = price(tariff(*parts, minimum="5"), nothing)
    assert quote.gross_minor == 50
    assert quote.explanation[0] == ("why.no_energy", {})
    assert price(tariff(*parts[1:], minimum="5"), nothing).gross_minor == 0


def test_minimum_and_maximum_are_lines_of_their_own():
    hour = usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 1000)])
    low = price(tariff({"kind": "energy", "price": "0.40"}, minimum="1.50"), hour)
    assert [(each.kind, each.gross_minor) for each in low.lines] == [
        ("energy", 40),
        ("minimum", 110),
    ]
    high = price(tariff({"kind": "energy", "price": "40"}, maximum="12.50"), hour)
    assert [each.gross_minor for each in high.lines] == [4000, -2750]
    assert high.gross_minor == 1250
    assert [say(fact) for fact in high.explanation] == ["The session costs at most 12.50 EUR."]


def test_a_maximum_takes_off_every_tax_rate_in_proportion():
    quote = price(
        tariff(
            {"kind": "energy", "price": "6"},
            {"kind": "start", "price": "3", "tax_percent": "7"},
            tax={"percent": "19"},
            maximum="6",
        ),
        usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 1000)]),
    )
    assert [(t.percent, t.gross_minor) for t in quote.taxes] == [(7, 200), (19, 400)]


def test_started_steps_count_once_for_the_whole_session():
    """Not for each stretch: a window in the middle must not round twice."""
    quote = price(
        tariff(
            {
                "kind": "connected_time",
                "price": "0.10",
                "step": 60,
                "when": {"from": "10:00", "until": "12:00"},
            },
            {"kind": "energy", "price": "0.10", "step": 1000},
        ),
        usage("2026-03-02 09:59:30", "2026-03-02 10:05:20", [("2026-03-02 10:05:20", 1001)]),
    )
    assert line(quote, Kind.CONNECTED_TIME).quantity == 6
    assert line(quote, Kind.ENERGY).quantity == 2


def test_energy_without_a_price_is_free_and_said():
    quote = price(
        tariff({"kind": "energy", "price": "0.40", "when": {"from": "10:00", "until": "11:00"}}),
        usage("2026-03-02 10:00", "2026-03-02 12:00", [("2026-03-02 12:00", 4000)]),
    )
    assert quote.gross_minor == 80
    assert quote.energy_wh == 4000
    assert "The tariff has no price for 2 kWh of it; they are free." in [
        say(fact) for fact in quote.explanation
    ]


def test_dates_are_whole_days_at_the_site():
    winter = tariff(
        {"kind": "energy", "price": "1", "when": {"date_to": "2026-03-01"}},
        {"kind": "energy", "price": "2", "when": {"date_from": "2026-03-02"}},
    )
    quote = price(
        winter, usage("2026-03-01 23:00", "2026-03-02 03:00", [("2026-03-02 03:00", 4000)])
    )
    assert [each.gross_minor for each in quote.lines] == [100, 600]
    assert winter.components[0].when.date_to == date(2026, 3, 1)


def test_minor_units_follow_the_currency():
    hour = usage("2026-03-02 10:00", "2026-03-02 11:00", [("2026-03-02 11:00", 12_345)])
    energy = {"kind": "energy", "price": "31.5"}
    assert price(tariff(energy, currency="JPY"), hour).gross_minor == 389  # 388.8675
    assert price(tariff(energy, currency="EUR"), hour).gross_minor == 38_887
    assert price(tariff(energy, currency="KWD"), hour).gross_minor == 388_868


def test_a_jump_of_the_meter_is_charged_at_the_price_of_its_instant():
    quote = price(
        tariff(
            {"kind": "energy", "price": "1", "when": {"energy_to_kwh": "2"}},
            {"kind": "energy", "price": "3"},
        ),
        Usage(
            at("2026-03-02 10:00"),
            at("2026-03-02 10:00"),
            BERLIN,
            ((at("2026-03-02 10:00"), Decimal(5000)),),
        ),
    )
    assert [each.gross_minor for each in quote.lines] == [200, 900]


def test_nothing_is_priced_before_the_session_or_after_it():
    start, end = datetime(2026, 3, 2, 10, tzinfo=UTC), datetime(2026, 3, 2, 11, tzinfo=UTC)
    odd = Usage(end, start, "UTC", ((start, Decimal(5000)),), charging=((start, end),))
    free = from_json({"schema": 1, "currency": "EUR", "components": []})
    assert price(free, odd).gross_minor == 0
    assert price(free, odd).energy_wh == 5000
