"""A running transaction: each event costs as much as the one before, and so does its price."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event

from app.domain.access import tags
from app.domain.charging.sessions import unordered
from app.domain.charging.sessions.retell import retell
from app.domain.charging.sessions.story import idle_after
from app.domain.ground.vocabulary import SYSTEM, Activity
from app.domain.money import billing, settlements
from app.domain.money.billing import book
from app.models import Bill
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, PLUG, charge, cost_of, event, register

PRICES = [
    [{"kind": "energy", "price": "0.40"}],
    [{"kind": "start", "price": "0.5"}, {"kind": "connected_time", "price": "0.02"}],
    [
        {"kind": "energy", "price": "0.30", "when": {"energy_to_kwh": "5"}},
        {"kind": "energy", "price": "0.45"},
    ],
]
IDLE = [{"kind": "energy", "price": "0.40"}, {"kind": "idle", "price": "0.10"}]


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    net.station.quirks = {"running_cost": True}
    return net


def price_with(net, components):
    net.version.definition = {**net.version.definition, "components": components}
    net.db.flush()


def tell(net, report):
    return lone.take(net.db, net.station, report, now=report.at + timedelta(seconds=1))


def begin(net, wh=100_000):
    first = register(0, wh, "Transaction.Begin")
    return tell(net, event("started", 0, 0, first, token=CARD, connector=PLUG))


def statements_of(net, report):
    """What the database is asked for one event."""
    asked = []

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    engine = net.db.get_bind()
    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        tell(net, report)
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    return asked


def stretches(count):
    """Events of a car that takes breaks, their last one told in the end."""
    for number in range(1, count):
        activity = Activity.CHARGING if number // 3 % 2 else Activity.SUSPENDED_EV
        reading = register(number, 100_000 + 50 * number)
        yield event("updated", number, number, reading, activity=activity)
    yield event("ended", count, count, register(count, 100_000 + 50 * count, "Transaction.End"))


ORDERS = {
    "backwards after the start": lambda told: [told[0], *told[:0:-1]],
    "backwards": lambda told: told[::-1],
    "the end first": lambda told: [told[-1], *told[:-1]],
    "running, backwards after the start": lambda told: [told[0], *told[-2:0:-1]],
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_transaction_in_another_order_is_not_told_anew_at_each_event(net, monkeypatch, order):
    anew, first = [], register(0, 100_000, "Transaction.Begin")

    def retold(db, station, session, *, now):
        anew.append(now)
        retell(db, station, session, now=now)

    monkeypatch.setattr(unordered, "retell", retold)
    told = [event("started", 0, 0, first, token=CARD, connector=PLUG), *stretches(57)]
    for report in ORDERS[order](told):
        session = lone.take(net.db, net.station, report, now=BEGAN + timedelta(hours=2)).session
    assert (session.started_at, session.bill_after) == (BEGAN, None)
    if session.ended_at is None:
        assert (session.idle_since, session.last_seq_no) == (BEGAN + timedelta(minutes=54), 56)
    else:
        assert (session.energy_wh, session.last_seq_no) == (2_850, 57)
    # Those that begin it, end it or fill the last gap.
    assert len(anew) <= 4


@settings(
    max_examples=tries(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(said=st.lists(st.sampled_from([None, *Activity]), min_size=2, max_size=8), dice=st.randoms())
def test_since_when_a_car_stands_hangs_on_no_order(net, said, dice):
    told = [event("updated", n, n, activity=each) for n, each in enumerate(said, 1)]
    since = None
    for report in told:
        since = idle_after(since, report)
    dice.shuffle(told)
    with net.db.begin_nested() as trial:
        session = begin(net).session
        for report in told:
            lone.take(net.db, net.station, report, now=BEGAN + timedelta(hours=2))
        assert session.idle_since == since
        assert session.last_event_at == BEGAN + timedelta(minutes=len(said))
        trial.rollback()
    net.db.expire_all()


def test_the_thousandth_event_asks_for_no_more_than_the_tenth(net):
    begin(net)

    def updated(number):
        report = register(number, 100_000 + 50 * number)
        return event("updated", number, number, report, activity=Activity.CHARGING)

    for number in range(1, 10):
        tell(net, updated(number))
    early = statements_of(net, updated(10))
    for number in range(11, 60):
        tell(net, updated(number))
    assert statements_of(net, updated(60)) == early
    assert not any("SELECT" in one and "facts" in one and "IN (" in one for one in early)


@pytest.mark.parametrize("components", PRICES)
@settings(
    max_examples=tries(10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rises=st.lists(st.integers(2000, 3000), min_size=1, max_size=6))
def test_a_running_cost_is_that_of_the_whole_evidence(net, components, rises):
    """For a car that charges steadily: what the evidence disbelieves is settled at the end."""
    db = net.db
    with db.begin_nested() as trial:
        price_with(net, components)
        taken, wh = begin(net), 100_000
        for number, rise in enumerate(rises, 1):
            wh += rise
            taken = tell(net, event("updated", number, 20 * number, register(20 * number, wh)))
            at = BEGAN + timedelta(minutes=20 * number, seconds=1)
            quote = billing.running_quote(db, taken.session, at)
            assert int(cost_of(db, taken, at) * 100) == quote.gross_minor
        trial.rollback()
    db.expire_all()


def test_a_price_that_asks_all_readings_is_told_ever_more_rarely(net):
    price_with(net, IDLE)
    taken = begin(net)
    told = []
    for number in range(195, 206):
        taken = tell(net, event("updated", number, number, register(number, 100_000 + number)))
        told.append(cost_of(net.db, taken, taken.session.last_reading_at) is not None)
    assert told == [(number < 200 and number % 2 == 0) or (number % 3 == 0 and number >= 200)
                    for number in range(195, 206)]  # fmt: skip


def test_the_cost_of_an_end_reads_no_events_that_were_read_to_tell_it(net, monkeypatch):
    price_with(net, IDLE)
    tags.add(net.db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value)
    for report in charge():
        taken = tell(net, report)
    now = taken.session.ended_at + timedelta(seconds=1)
    unread = replace(taken, events=[])
    by_all, reads = cost_of(net.db, unread, now), []
    monkeypatch.setattr(book, "_EVENTS", lambda db, ids: reads.extend(ids) or [])
    assert by_all > 0
    assert (cost_of(net.db, taken, now), reads) == (by_all, [])


def test_no_running_cost_is_wanted_of_a_station_that_is_not_set_so(net):
    net.station.quirks = {}
    assert not settlements.wants_cost(tell(net, charge()[0]))


DAY = {"from": "06:00", "until": "22:00"}
TARIFFS = [
    {"components": [{"kind": "energy", "price": "0.40"}], "minimum": "9.00"},
    {"components": [{"kind": "energy", "price": "0.40"}], "maximum": "3.00"},
    {"components": [{"kind": "energy", "price": "0.3999", "step": 1000}]},
    {"components": [{"kind": "connected_time", "price": "0.021", "step": 15}], "free_minutes": 10},
    {"components": [{"kind": "charging_time", "price": "0.05"}, *IDLE]},
    {"components": [{"kind": "energy", "price": "0.50", "when": DAY}, *IDLE]},
    {"components": IDLE, "tax": {"mode": "inclusive", "percent": "7.7"}},
    {"components": IDLE, "tax": {"mode": "exclusive", "percent": "19"}},
]
#: 09:00, and each night of 2026 in which the clock of Berlin leaps, at one at night.
STARTS = [BEGAN, datetime(2026, 3, 29, 0, 0, tzinfo=UTC), datetime(2026, 10, 25, 0, 0, tzinfo=UTC)]


@pytest.mark.parametrize("began", STARTS)
@pytest.mark.parametrize("more", TARIFFS)
def test_what_is_told_at_last_and_at_the_end_is_what_the_bill_says(net, more, began):
    """A car charges for 50 minutes, then stands idle for 100."""
    net.version.definition = {**net.version.definition, **more}
    tags.add(net.db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value)
    last = None
    for report in charge_slowly(began):
        taken = tell(net, report)
        before, last = last, cost_of(net.db, taken, report.at)
    bill = lone.issue(net.db, taken.session.id, now=began + timedelta(hours=4))
    assert isinstance(bill, Bill)
    assert (before, last) == (Decimal(bill.gross_minor) / 100,) * 2


def charge_slowly(began):
    """Ten kilowatt-hours, then 100 idle minutes; the last event but one is of the end's second."""
    told = [(0, 0), *((minute, 200 * minute) for minute in range(10, 51, 10))]
    told += [(minute, 10_000) for minute in (75, 100, 125, 150, 150)]
    for number, (minute, wh) in enumerate(told):
        context = {0: "Transaction.Begin", len(told) - 1: "Transaction.End"}
        reading = register(0, 100_000 + wh, context.get(number, "Sample.Periodic"))
        at = began + timedelta(minutes=minute)
        kind = {0: "started", len(told) - 1: "ended"}.get(number, "updated")
        given = {"token": CARD, "connector": PLUG} if number == 0 else {}
        activity = Activity.CHARGING if minute < 50 else Activity.SUSPENDED_EV
        given |= {} if kind == "ended" else {"activity": activity}
        yield event(kind, number, 0, reading._replace(taken_at=at), at=at, **given)
