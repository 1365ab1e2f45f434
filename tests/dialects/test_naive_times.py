"""Times without an offset, of a station whose clock is known to show UTC or the site's time."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.dialects.context import Context
from worker.ocpp.fields import Fields

#: An hour ahead of UTC at the site: what is an hour old there may be of now by UTC.
TRUE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("late", [0, 40, 60, 90, 3_000])
@pytest.mark.parametrize(
    ("zone", "known", "told"),
    [
        ("Europe/Berlin", "local", "2026-03-02T10:00:00"),
        ("Europe/Berlin", "UTC", "2026-03-02T09:00:00"),
        ("America/New_York", "local", "2026-03-02T04:00:00"),
        ("America/New_York", "UTC", "2026-03-02T09:00:00"),
    ],
)
def test_a_known_clock_is_right_however_late_its_times_are_told(zone, known, told, late):
    now = TRUE + timedelta(minutes=late)
    heard = Context(None, None, 1, zone, {"naive_times": known}, now)
    assert heard.instant(Fields({"timestamp": told}), "timestamp") == (TRUE, False)
    assert heard.deviations == [("time_without_zone", told)]
