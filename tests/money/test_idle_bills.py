"""What is billed for a car that stands idle: the bill, and what holds it."""

from datetime import timedelta

import pytest

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, Activity, Availability, BillingState
from app.models import Bill, ChargingSession, Connection, Review, StatusEvent, Tenant
from tests.support import lone
from tests.support.charging import STARTED
from tests.support.transactions import BEGAN, CARD, PLUG, event, register

LATER = STARTED + timedelta(hours=12)


def at(minute):
    return STARTED + timedelta(minutes=minute)


def minutes(intervals):
    return [tuple(int((x - STARTED).total_seconds() // 60) for x in part) for part in intervals]


def issued(db, session):
    return lone.issue(db, session.id, now=LATER)


def idle_of(db, session):
    return minutes(lone.usage_of(db, session, LATER).usage.idle)


def connected(db, net, *spans):
    for since, until in spans:
        row = Connection(
            station_id=net.station.id,
            node="worker-a",
            address="192.0.2.9",
            opened_at=at(since),
            closed_at=None if until is None else at(until),
        )
        db.add(row)
    db.flush()


def test_an_offline_session_is_not_idle_by_a_status_of_before_it(db, net):
    session = net.session(minutes=120, start_received_at=at(125), stop_received_at=at(125))
    net.status(session, -30, Activity.SUSPENDED_EV)
    bill = issued(db, session)
    # 0.50 to start, 10 kWh x 0.40, and 19 % tax: nothing for idle minutes.
    assert isinstance(bill, Bill)
    assert (bill.gross_minor, bill.facts["idle_s"]) == (536, 0)


def test_a_car_that_draws_power_pays_no_idle_minutes(db, net):
    session = net.session(minutes=120, wh=13_200)
    for minute in range(0, 121, 5):
        net.reading(session, minute, 110 * minute)
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 20, Activity.SUSPENDED_EV)
    bill = issued(db, session)
    assert bill.facts["idle_s"] <= 300
    assert [line.kind for line in bill.lines] == ["start", "energy"]
    assert session.flags == ["idle_refuted"]


def still(net, **given):
    session = net.session(minutes=360, wh=7_200, **given)
    for minute in (*range(0, 61, 10), *range(90, 360, 30)):
        net.reading(session, minute, min(minute, 60) * 120)
    net.status(session, 0, Activity.CHARGING)
    return session


def test_idle_time_that_no_status_tells_is_billed_and_the_receipt_says_so(db, net):
    session = still(net)
    bill = issued(db, session)
    assert [line.net_minor for line in bill.lines] == [50, 288, 2_900]
    assert bill.facts["idle_by_meter_s"] == bill.facts["idle_s"] == 300 * 60
    assert ["why.idle.seen", {"minutes": "300"}] in bill.facts["explanation"]
    assert session.flags == ["idle_by_meter"]


def test_a_tenant_may_have_it_told_and_not_billed(db, net):
    db.get_one(Tenant, net.site.tenant_id).idle_from_readings = False
    session = still(net)
    bill = issued(db, session)
    assert [line.net_minor for line in bill.lines] == [50, 288]
    assert session.flags == ["idle_not_billed"]


def test_the_readings_of_a_time_offline_end_what_was_said_before_it(db, net):
    session = net.session(minutes=240, wh=35_000, stop_received_at=at(241))
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 30, Activity.SUSPENDED_EV)
    for step in range(12):
        net.reading(session, 60 + 15 * step, 5_000 + 2_500 * step, received_at=at(240))
    assert idle_of(db, session) == [(30, 60)]
    assert isinstance(issued(db, session), Bill)


@pytest.mark.parametrize(("booted", "charging"), [(120, [(0, 60), (120, 240)]), (150, [(0, 240)])])
def test_a_boot_that_was_asked_for_later_tells_of_no_power_cut(db, net, booted, charging):
    session = net.session(minutes=240, wh=10_000)
    connected(db, net, (-60, 60), (120, None))
    db.query(Connection).filter_by(closed_at=None).one().booted_at = at(booted)
    net.status(session, 0, Activity.CHARGING)
    assert minutes(lone.usage_of(db, session, LATER).usage.charging) == charging


def test_a_status_of_before_a_time_offline_holds_where_nothing_decides(db, net):
    session = net.session(minutes=240, wh=10_000)
    connected(db, net, (-60, 40), (235, None))
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 30, Activity.SUSPENDED_EV)
    held = issued(db, session)
    assert isinstance(held, Review)
    assert held.reasons == ["idle_unclear"]


def test_it_holds_nothing_where_the_tariff_has_no_price_for_time(db, net):
    definition = dict(net.version.definition)
    definition["components"] = definition["components"][:2]
    net.version.definition = definition
    db.flush()
    session = net.session(minutes=240, wh=10_000)
    connected(db, net, (-60, 40), (235, None))
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 30, Activity.SUSPENDED_EV)
    assert isinstance(issued(db, session), Bill)
    assert session.flags == ["idle_unclear_unpriced"]


def test_a_short_loss_of_the_connection_changes_nothing(db, net):
    session = net.session()
    connected(db, net, (-60, 52), (53, None))
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 50, Activity.SUSPENDED_EV)
    assert idle_of(db, session) == [(50, 60)]
    assert isinstance(issued(db, session), Bill)


def test_a_faulted_plug_is_never_idle(db, net):
    session = still(net)
    event_row = StatusEvent(
        station_id=session.station_id,
        evse=1,
        availability=Availability.FAULTED,
        activity=Activity.NONE,
        status_word="Faulted",
        at=at(120),
        received_at=at(120),
    )
    db.add(event_row)
    db.flush()
    assert idle_of(db, session) == [(60, 120)]


def told_2x(db, net, *reports, late=False):
    net.site.tariff = net.version.tariff
    tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id)
    for report in reports:
        lone.take(db, net.station, report, now=LATER if late else report.at)
    return db.query(ChargingSession).one()


def begun_2x():
    began = register(0, 100_000, "Transaction.Begin")
    return event(*("started", 0, 0, began), token=CARD, connector=PLUG, activity=Activity.CHARGING)


@pytest.mark.parametrize("late", [False, True])
def test_a_2x_car_that_stays_after_the_stop_was_authorised_is_idle(db, net, late):
    session = told_2x(
        *(db, net, begun_2x()),
        event(
            *("updated", 1, 30, register(30, 103_601)),
            activity=Activity.PREPARING,
            trigger="stop_authorized",
        ),
        event("ended", 2, 90, register(90, 103_601, "Transaction.End")),
        late=late,
    )
    assert idle_of(db, session) == [(30, 90)]
    assert session.billing is BillingState.OPEN


def test_2x_events_of_a_time_offline_tell_as_live_ones_do(db, net):
    session = told_2x(
        *(db, net, begun_2x()),
        event("updated", 1, 20, activity=Activity.SUSPENDED_EV, offline=True),
        event("updated", 2, 40, activity=Activity.CHARGING, offline=True),
        event("ended", 3, 60, register(60, 104_000, "Transaction.End"), offline=True),
        late=True,
    )
    assert idle_of(db, session) == [(20, 40)]


def test_a_running_session_says_since_when_the_meter_stands(db, net):
    session = net.session(
        state="charging", ended_at=None, meter_stop_wh=None, stop_received_at=None
    )
    for minute in (0, 15, 30, 45, 60):
        net.reading(session, minute, min(minute, 30) * 120)
    net.status(session, 0, Activity.CHARGING)
    usage = lone.usage_of(db, session, at(70)).usage
    assert minutes(usage.idle) == [(30, 70)]
