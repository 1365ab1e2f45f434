"""A blocked station: its next connection is refused, and a boot on an open one, too."""

import pytest

from app.domain.device import boots
from app.domain.ground.vocabulary import SYSTEM, BootReport, Registration
from app.domain.network import stations
from tests.support.stations import register


@pytest.fixture
def station(db, now):
    return register(db, now=now)


def test_the_boot_of_a_blocked_station_is_rejected_until_it_is_accepted_again(db, station, now):
    stations.edit(db, SYSTEM, station, now=now, registration=Registration.BLOCKED)
    report = BootReport("Acme", "One", raw={})
    assert boots.boot(db, station, report, now=now) is Registration.REJECTED
    assert (station.registration, station.booted_registration) == (
        Registration.BLOCKED,
        Registration.REJECTED,
    )
    stations.set_registration(db, SYSTEM, station, Registration.ACCEPTED, now=now)
    assert boots.boot(db, station, report, now=now) is Registration.ACCEPTED
