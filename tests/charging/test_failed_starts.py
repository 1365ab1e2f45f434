"""A start that failed costs nothing and is told to nobody; all else is billed or held."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Activity, BillingState
from app.domain.money import billing
from app.models import Bill, Receipt, Review, Tenant
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.transactions import BEGAN, CARD, PLUG, cost_of, event, register

LATER = STARTED + timedelta(days=1)


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    return net


def short(net, seconds, wh, **given):
    """A session of some seconds."""
    ended = STARTED + timedelta(seconds=seconds)
    return net.session(wh=wh, ended_at=ended, stop_received_at=ended, **given)


def settled(net, session):
    return lone.settle(net.db, session.id, now=LATER)


def test_a_start_of_six_seconds_and_no_energy_costs_nothing_and_mails_nothing(db, net):
    session = short(net, 6, 0)
    assert settled(net, session) is None
    assert session.billing is BillingState.WAIVED
    assert "too_little" in session.flags
    assert db.scalars(select(Bill)).all() == db.scalars(select(Receipt)).all() == []


@pytest.mark.parametrize(
    ("seconds", "wh", "free"),
    [(119, 99, True), (180, 99, False), (60, 100, False), (120, 0, False), (3_600, 0, False)],
)
def test_both_energy_and_time_have_to_be_below_the_least(net, seconds, wh, free):
    session = short(net, seconds, wh)
    found = settled(net, session)
    assert (session.billing is BillingState.WAIVED) is free
    assert (found is None) is free


def test_the_least_is_the_tenants_to_set_and_zero_charges_for_all(db, net):
    tenant = db.get(Tenant, net.site.tenant_id)
    tenant.least_energy_wh, tenant.least_duration_s = 500, 600
    assert settled(net, short(net, 599, 499)) is None
    tenant.least_energy_wh = 0
    assert settled(net, short(net, 6, 0)).gross_minor == 60


def test_an_hour_at_the_plug_without_energy_owes_what_the_tariff_says(net):
    session = net.session(wh=0)
    net.status(session, 0, Activity.SUSPENDED_EV)
    assert settled(net, session).net_minor == 50


@pytest.mark.parametrize(
    "given",
    [
        {"meter_stop_wh": 4_000_000},
        {"meter_stop_wh": 50_000},
        {"flags": ["clock_replaced"]},
        {"provisional": True, "flags": ["stop_missing"]},
    ],
)
def test_what_contradicts_itself_is_held_and_not_waived(net, given):
    session = short(net, 6, 0, **given)
    found = lone.settle(net.db, session.id, now=LATER, provisional_hold_h=0)
    assert isinstance(found, Review)
    assert session.billing is BillingState.HELD


def test_a_reading_far_above_the_end_is_no_failed_start(net):
    session = short(net, 6, 0, meter_stop_wh=None)
    net.reading(session, 0, 5_000)
    assert isinstance(settled(net, session), Review)


def test_one_without_a_price_or_with_a_refused_card_costs_nothing_too(net):
    assert settled(net, short(net, 6, 0, tariff_version_id=None)) is None
    assert settled(net, short(net, 6, 0, unauthorised=True)) is None


def test_one_that_was_paid_at_the_charger_is_not_waived(db, net):
    session = short(net, 6, 0)
    db.add(paid(session, "0.60"))
    assert settled(net, session).gross_minor == 60


def paid(session, amount):
    from app.models import Settlement

    return Settlement(
        station_id=session.station_id, session_id=session.id, psp_reference="psp-1",
        state="settled", amount=amount, settled_at=LATER, received_at=LATER,
    )  # fmt: skip


@pytest.mark.parametrize("metered", [True, False])
def test_a_2x_transaction_that_failed_is_told_that_it_is_free(db, net, metered):
    begin = (register(0, 100_000, "Transaction.Begin"),) if metered else ()
    end = event("ended", 1, 0, *begin, at=BEGAN + timedelta(seconds=6))
    for report in (event("started", 0, 0, *begin, token=CARD, connector=PLUG), end):
        taken = lone.take(db, net.station, report, now=report.at)
    assert cost_of(db, taken, LATER) == 0
    assert settled(net, taken.session) is None
    assert taken.session.billing is BillingState.WAIVED


def test_a_transaction_that_runs_is_never_a_failed_start(db, net):
    begun = event("started", 0, 0, register(0, 100_000), token=CARD, connector=PLUG)
    session = lone.take(db, net.station, begun, now=begun.at).session
    assert billing.assess(db, session, BEGAN + timedelta(seconds=5)).too_little is False
