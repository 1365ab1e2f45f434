"""A time on a site's clock is one instant, or it is refused with the reason."""

from datetime import UTC, datetime

import pytest

from app.domain.ground import clock
from app.domain.ground.errors import Invalid

BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("typed", "zone", "meant"),
    [
        ("2026-01-31T18:00", BERLIN, "2026-01-31T17:00"),
        ("2026-07-31T18:00", BERLIN, "2026-07-31T16:00"),
        ("2026-03-29T01:59", BERLIN, "2026-03-29T00:59"),
        ("2026-03-29T03:00", BERLIN, "2026-03-29T01:00"),
        ("2026-10-25T01:59", BERLIN, "2026-10-24T23:59"),
        ("2026-10-25T03:00", BERLIN, "2026-10-25T02:00"),
        ("2026-01-31T18:00", "Asia/Kathmandu", "2026-01-31T12:15"),
        ("2026-10-25T02:30+02:00", BERLIN, "2026-10-25T00:30"),
    ],
)
def test_a_time_is_that_of_the_sites_clock(typed, zone, meant):
    found = clock.instant(datetime.fromisoformat(typed), zone)
    assert found == datetime.fromisoformat(meant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("2026-03-29T02:30", "There is no 02:30 on that day in Europe/Berlin"),
        ("2026-10-25T02:30", "It is 02:30 twice on that day in Europe/Berlin"),
        ("0001-01-01T00:00", "outside all calendars"),
        ("9999-12-31T23:59", None),
    ],
)
def test_a_time_that_the_clock_never_or_twice_shows_is_refused(typed, sentence):
    moment = datetime.fromisoformat(typed)
    if sentence is None:
        assert clock.instant(moment, BERLIN).year == 9999
        return
    with pytest.raises(Invalid, match=sentence) as refused:
        clock.instant(moment, BERLIN, field="expires_at")
    assert refused.value.field == "expires_at"


@pytest.mark.landing
def test_the_files_of_time_zones_are_looked_through_once(monkeypatch):
    offered = clock.time_zones()
    monkeypatch.delattr(clock, "available_timezones")
    assert clock.time_zones() == offered == tuple(sorted(offered))
    assert clock.zone_name(f" {BERLIN} ") == BERLIN
    with pytest.raises(Invalid, match="Berlin is no time zone"):
        clock.zone_name("Berlin")
