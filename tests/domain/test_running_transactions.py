"""A running transaction: each event costs as much as the one before, and so does its price."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sqlalchemy_event

from app.domain import billing, session_cost, sessions
from app.domain.vocabulary import Activity
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
    return sessions.take(net.db, net.station, report, now=report.at + timedelta(seconds=1))


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
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
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


def test_no_running_cost_is_wanted_of_a_station_that_is_not_set_so(net):
    net.station.quirks = {}
    assert not session_cost.is_told(tell(net, charge()[0]))
