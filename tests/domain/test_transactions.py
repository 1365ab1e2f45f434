"""Transactions of 2.x: whatever order their events come in, one session and the same bill."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.domain import billing, sessions, tags
from app.domain.tags import TagFacts
from app.domain.vocabulary import (
    SYSTEM,
    SessionState,
    StopReason,
)
from app.models import ChargingSession, MeterReading
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, charge

HEARD = BEGAN + timedelta(hours=2)
LATER = BEGAN + timedelta(days=3)


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    facts = TagFacts(driver_id=net.driver.id)
    tags.add(db, SYSTEM, CARD.value, facts, tenant_id=net.site.tenant_id, now=BEGAN)
    return net


def tell(db, net, *reports, now=HEARD):
    """Tell the events in this order; return what was made of the last one."""
    taken = None
    for report in reports:
        taken = sessions.take(db, net.station, report, now=now)
    return taken


def the_session(db):
    (session,) = db.scalars(select(ChargingSession)).all()
    return session


def billed(db, now=LATER):
    return billing.settle(db, the_session(db).id, now=now)


def of_bill(bill):
    """What a driver sees of a bill."""
    lines = [(line.kind, line.quantity, line.net_minor) for line in bill.lines]
    return bill.energy_wh, bill.gross_minor, lines, bill.facts["charging_s"], bill.facts["idle_s"]


def test_a_transaction_in_order_is_billed_at_once(db, net):
    tell(db, net, *charge())
    session = the_session(db)
    assert session.state is SessionState.ENDED
    assert session.bill_after is None
    assert (session.meter_start_wh, session.meter_stop_wh) == (100_000, 110_000)
    assert (session.stop_reason, session.stop_word) == (
        StopReason.EV_DISCONNECTED,
        "EVDisconnected",
    )
    assert session.driver_id == net.driver.id
    bill = billed(db, HEARD)
    # 0.50 + 10 kWh x 0.40; ten idle minutes are free; 19 % on top
    assert (bill.net_minor, bill.gross_minor) == (450, 536)
    assert bill.facts["charging_s"] == 50 * 60 - 60


EVENTS = len(charge())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(range(EVENTS)),
    again=st.lists(st.integers(0, EVENTS - 1), max_size=4),
    offline=st.booleans(),
)
def test_te_permutations(db, net, order, again, offline):
    """Every order, with repeats, gives the bill that the right order gives (FIELD X17)."""
    with db.begin_nested() as trial:
        tell(db, net, *charge())
        right = of_bill(billed(db))
        trial.rollback()
    db.expire_all()
    with db.begin_nested() as trial:
        reports = charge()
        tell(db, net, *(reports[place] for place in [*order, *again]))
        session = the_session(db)
        assert session.bill_after is None
        assert of_bill(billed(db)) == right
        assert billed(db) is None
        assert db.scalar(select(func.count(MeterReading.id))) == 5
        trial.rollback()
    db.expire_all()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    order=st.permutations(range(EVENTS)),
    dropped=st.sets(st.sampled_from([2, 3]), min_size=1),
)
def test_events_that_a_station_dropped_change_no_energy(db, net, order, dropped):
    with db.begin_nested() as trial:
        reports = charge()
        tell(db, net, *(reports[place] for place in order if place not in dropped))
        session = the_session(db)
        assert session.flags == ["events_missing"] or "events_missing" in session.flags
        assert billed(db, HEARD) is None
        bill = billed(db)
        assert (bill.energy_wh, bill.gross_minor) == (10_000, 536)
        trial.rollback()
    db.expire_all()
