"""How numbers, money and times are written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from flask_babel import force_locale

from app.text import numbers as p
from app.text import writers
from app.web.filters import query_string

NOW = datetime(2026, 11, 22, 8, 53, tzinfo=UTC)


def plain(text):
    """Spaces of every width as one blank, so that a test can be read."""
    return text.replace("\u00a0", " ")


def test_energy_is_said_in_kilowatt_hours_without_losing_what_counts():
    assert plain(p.kwh(Decimal("22410"))) == "22.41 kWh"
    assert plain(p.kwh(Decimal("17204.4"), 3)) == "17.204 kWh"
    assert plain(p.kwh(1_234_567_890)) == "1 234 567.89 kWh"
    assert p.kwh(None) == "–"


def test_a_register_shows_thousandths_only_where_there_are_any():
    assert plain(p.watt_hours(Decimal("1204118"))) == "1 204 118 Wh"
    assert plain(p.watt_hours(Decimal("1204118.5"))) == "1 204 118.500 Wh"


def test_numbers_round_half_up_and_have_a_real_minus():
    assert p.number(Decimal("2.5")) == "3"
    assert p.number(Decimal("-1234.5"), 1) == "−1\u00a0234.5"
    assert p.number(Decimal("-0.04"), 1) == "0.0"


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (941, "EUR", "9.41 €"),
        (-1071, "EUR", "−10.71 €"),
        (1234567, "SEK", "12 345.67 SEK"),
        (980, "JPY", "980 ¥"),
        (1234, "BHD", "1.234 BHD"),
        (100, "AFN", "1.00 AFN"),  # by ISO 4217; CLDR knows no places of it
    ],
)
def test_money_has_the_digits_of_its_currency(minor, currency, said):
    assert plain(p.money(minor, currency)) == said


def test_a_price_has_the_places_of_its_currency_and_all_of_its_own():
    assert plain(p.price(Decimal("0.3250"), "EUR")) == "0.325 €"
    assert plain(p.price(Decimal("30"), "JPY")) == "30 ¥"


def test_money_follows_a_locale_when_one_is_named():
    assert plain(p.money(123456, "EUR", "de")) == "1.234,56 €"
    assert plain(p.money(123456, "EUR", "en")) == "€1,234.56"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (1560, "26 min"),
        (4320, "1 h 12 min"),
        (7200, "2 h"),
        (270_000, "3 d 3 h"),
        (-5, "0 s"),
        (None, "–"),
    ],
)
def test_durations_have_two_units_at_most(seconds, said):
    assert plain(p.duration(seconds)) == said


def test_a_column_of_durations_is_hours_and_minutes():
    assert p.clock(11_520) == "03:12"
    assert p.clock(360_000) == "100:00"


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=5), "now"),
        (timedelta(seconds=-5), "now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=47), "47 h ago"),
        (timedelta(days=5), "5 d ago"),
        (timedelta(minutes=-4), "in 4 min"),
    ],
)
def test_ages_are_rough(age, said):
    assert plain(p.ago(NOW - age, NOW)) == said


def test_local_times_follow_the_zone_and_its_summer_time():
    assert p.local(NOW, "time", "Europe/Berlin") == "09:53"
    assert p.local(NOW - timedelta(days=120), "minute", "Europe/Berlin") == "25 Jul 2026, 10:53"
    assert p.local(None) == "–"


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Europe/Berlin", "10:00:00 MEZ"),
        ("America/New_York", "04:00:00 EST"),
        ("UTC", "09:00:00 UTC"),
    ],
)
def test_a_zone_is_called_as_its_reader_calls_it(app, zone, said):
    with app.test_request_context(), force_locale("de"):
        assert p.local(datetime(2026, 3, 2, 9, tzinfo=UTC), "second", zone).endswith(said)


def test_the_summer_of_ireland_is_not_called_by_its_winter():
    for month, said in ((1, "GMT"), (7, "IST")):
        there = datetime(2026, month, 2, tzinfo=ZoneInfo("Europe/Dublin"))
        assert p.zone_name(there, Locale("en")) == said


def test_a_moment_to_the_second_has_its_day_in_words(app):
    there = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert p.local(there, "second") == "2 Mar 2026, 09:00:00 UTC"
    with app.test_request_context(), force_locale("de"):
        assert p.local(there, "second", "Europe/Berlin") == "2. März 2026, 10:00:00 MEZ"


def test_a_month_has_its_name(app):
    assert writers.month(date(2026, 3, 1)) == "March 2026"
    with app.test_request_context(), force_locale("de"):
        assert writers.month(date(2026, 3, 1)) == "März 2026"


def test_near_times_say_the_day_only_when_it_is_not_today():
    assert p.near(NOW - timedelta(hours=1), NOW, "Europe/Berlin") == "08:53"
    assert p.near(NOW - timedelta(hours=10), NOW, "Europe/Berlin") == "21 Nov, 23:53"


def test_changes_need_something_to_compare_with():
    assert plain(p.change(118, 100)) == "+18 %"
    assert plain(p.change(50, 100)) == "−50 %"
    assert p.change(5, 0) == ""


def test_query_strings_keep_repeated_parameters():
    assert query_string({"ids": ["1", "2"], "q": "a b&c"}) == "ids=1&ids=2&q=a+b%26c"
