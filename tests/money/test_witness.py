"""What shows by how much a station's clock was off while it was connected, and what does not."""

from datetime import timedelta

from app.domain.money.billing.witness import _off_of
from tests.charging.energy_cases import minute

SLOW = timedelta(minutes=3)


def test_what_was_stored_has_its_age_and_shows_no_clock():
    stored = [(minute(4.1), minute(0.2)), (minute(4.11), minute(2)), (minute(4.12), minute(0.2))]
    for own in (stored, stored[:1], []):
        assert _off_of(own, timedelta()) == timedelta()


def test_what_was_heard_with_the_same_delay_shows_the_clock():
    live = [(minute(at), minute(at) - SLOW) for at in (10, 11)]
    stored = [(minute(10), minute(8)), (minute(10), minute(1))]
    assert _off_of(live, timedelta()) == SLOW
    assert _off_of(sorted([*live, *stored]), timedelta()) == SLOW
    assert _off_of(live[:1], timedelta()) == timedelta()
