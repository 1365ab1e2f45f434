"""What a charger says first tells whether it has restarted; if not, orders may go out at once."""

from types import SimpleNamespace

import pytest

from worker.away import hears_first
from worker.dialects import DIALECTS
from worker.ocpp.versions import Version
from worker.standing import Held


def held(served=True, **quirks):
    held_for = []
    link = SimpleNamespace(station=SimpleNamespace(quirks=quirks), hold=held_for.append)
    return Held(link, served=served), held_for


def says(one, action, version=Version.V16):
    hears_first(one, DIALECTS[version].routes.get(action))


@pytest.mark.parametrize("version", Version)
def test_who_goes_on_as_before_is_held_no_longer(version):
    one, held_for = held()
    says(one, "StatusNotification", version)
    assert held_for == [0.0]
    says(one, "Heartbeat", version)
    assert held_for == [0.0]  # a later hold, after a boot, stands


@pytest.mark.parametrize("version", Version)
def test_who_boots_needs_peace_first(version):
    one, held_for = held()
    says(one, "BootNotification", version)
    says(one, "StatusNotification", version)
    assert held_for == []


@pytest.mark.parametrize(("served", "quirks"), [(False, {}), (True, {"outbound_after_boot_s": 10})])
def test_who_has_to_boot_or_needs_long_stays_held(served, quirks):
    one, held_for = held(served, **quirks)
    says(one, "Heartbeat")
    assert held_for == []


def test_what_nobody_understands_says_nothing_about_it():
    one, held_for = held()
    says(one, "Bot")
    assert held_for == []
