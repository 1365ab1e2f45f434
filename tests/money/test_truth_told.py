"""Sessions whose truth is known, told in 1.6 and in 2.0.1, and what is billed of them."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, BillingState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import ChargingSession
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.truth import TAG, Does, Part, Teller, Truth, at_random
from worker.ocpp.versions import Version

VERSIONS = (Version.V16, Version.V201)
#: Prices of which each depends on another part of the truth.
PRICES = {
    "schema": 1,
    "currency": "EUR",
    "components": [
        {"kind": "energy", "price": "0.50"},
        {"kind": "charging_time", "price": "0.05"},
        {"kind": "idle", "price": "0.10"},
        {"kind": "connected_time", "price": "0.01"},
    ],
}
CHARGES = Part(Does.CHARGES, 3_000, 11_000)
CUT = Part(Does.DARK, 7_200)

pytestmark = pytest.mark.usefixtures("any_app")


Found = tuple[int, int, int, list[str]]


def billed(truth: Truth, version: Version, tell: Callable[[Teller], None] | None = None) -> Found:
    """Energy, seconds charged and idle, and why the session is held, by its bill; all is undone.

    `tell` has the truth told in another way than each thing when it happens.
    """
    db = flask_db.session()
    net = network(db)
    net.version.definition = PRICES
    net.site.tariff = net.version.tariff
    tags.add(db, SYSTEM, net.site.tenant_id, now=STARTED, value=TAG)
    teller = Teller(db, version, STARTED + timedelta(days=1), "CP-8")
    tell(teller) if tell else teller.tell(truth)
    (session,) = db.query(ChargingSession)
    now = teller.talk.now + timedelta(minutes=5)
    lone.settle(db, session.id, now=now)
    found = billing.assess(db, session, now)
    usage = found.measured.usage
    charged, idle = (
        sum(int((until - since).total_seconds()) for since, until in spans)
        for spans in (usage.charging, usage.idle)
    )
    assert found.quote is not None
    assert (session.billing is BillingState.BILLED) == (not found.doubts)
    db.rollback()
    return int(found.energy_wh), charged, idle, list(found.doubts)


def true(truth: Truth) -> Found:
    charged, idle = (
        sum(until - since for since, until in truth.spans(does))
        for does in (Does.CHARGES, Does.STANDS)
    )
    return truth.energy_wh, charged, idle, []


UNTIMED = {
    "goes on": (CHARGES, CUT, CHARGES),
    "goes on to stand": (CHARGES, Part(Does.STANDS, 2_400), CUT, Part(Does.STANDS, 2_400)),
    "ends with it": (CHARGES, CUT),
    "stood when it came": (CHARGES, Part(Does.STANDS, 2_400), CUT),
    "hardly begins": (Part(Does.CHARGES, 300, 7_360), Part(Does.DARK, 60_000)),
    "waits first": (Part(Does.WAITS, 90), CHARGES),
}


@pytest.mark.parametrize("name", UNTIMED)
@pytest.mark.parametrize("version", VERSIONS)
def test_neither_a_power_cut_nor_the_wait_before_it_charges_is_charging_or_idle(name, version):
    truth = Truth(UNTIMED[name])
    assert billed(truth, version) == true(truth)


@pytest.mark.parametrize("more", [(), (CHARGES,)])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_only_boots_whenever_it_connects_had_no_power_cut(version, more):
    """The register rose by more than the car can have taken in the rest of that step."""
    truth = Truth((CHARGES, Part(Does.DARK, 7_200, 11_000), *more))
    assert billed(truth, version) == (truth.energy_wh, truth.length_s, 0, [])


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_coarse_register_tells_after_a_power_cut_flowed_before(version):
    truth = Truth((Part(Does.CHARGES, 1_545, 22_080), CUT), 120, 120_911, told_wh=1_000)
    assert billed(truth, version) == true(truth)


@pytest.mark.parametrize("first_wh", [120_000, 122_229])
@pytest.mark.parametrize("version", VERSIONS)
def test_whole_kilowatt_hours_between_exact_ends_are_neither_a_reset_nor_idle_time(
    version, first_wh
):
    """At 5.5 kW such a register stands still for eleven minutes."""
    parts = (Part(Does.CHARGES, 14_400, 5_520), Part(Does.STANDS, 3_600))
    truth = Truth(parts, 600, first_wh, told_wh=1_000)
    assert billed(truth, version) == true(truth)


@pytest.mark.parametrize("every_s", [300, 600])
@pytest.mark.parametrize("version", VERSIONS)
def test_one_whole_kilowatt_hour_on_the_way_below_an_exact_start_is_no_reset(version, every_s):
    truth = Truth((Part(Does.CHARGES, 900, 3_680),), every_s, 125_300, told_wh=1_000)
    assert billed(truth, version) == true(truth)


SEEDS = [*range(4), *(pytest.param(n, marks=pytest.mark.nightly) for n in range(4, 34))]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_truth_comes_to_the_same_bill_in_every_version(seed):
    """Where a pause ends within a step of a register of whole kilowatt-hours nobody can see."""
    truth = at_random(random.Random(seed))
    energy_wh, charged, idle, doubts = billed(truth, VERSIONS[0])
    assert (energy_wh, charged, idle, doubts) == billed(truth, VERSIONS[1])
    unseen = truth.every_s if truth.told_wh == 1_000 else 0
    assert (energy_wh, charged, idle, doubts) == (
        truth.energy_wh,
        pytest.approx(true(truth)[1], abs=unseen),
        pytest.approx(true(truth)[2], abs=unseen),
        [],
    )
