"""Transactions of 2.x: whatever order their events come in, one session and the same bill."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, SessionState, StopReason
from app.models import ChargingSession, MeterReading, TransactionEvent
from tests.support import lone
from tests.support.chance import at_landing, tries
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, STREAMS, charge, event, register

HEARD = BEGAN + timedelta(hours=2)
LATER = BEGAN + timedelta(days=3)

#: The rows that a trial adds are rolled back before the next one.
MANY_TRIALS = settings(
    max_examples=tries(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def net(db):
    net = network(db)
    net.site.tariff = net.version.tariff
    tags.add(db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id)
    return net


def tell(db, net, reports):
    for report in reports:
        lone.take(db, net.station, report, now=HEARD)
    (session,) = db.scalars(select(ChargingSession)).all()
    return session


def of_bill(bill):
    """What a driver sees of a bill, or what a reviewer sees of a doubt."""
    if not hasattr(bill, "lines"):
        return sorted(bill.reasons)
    lines = [(line.kind, line.quantity, line.net_minor) for line in bill.lines]
    spans = bill.facts["charging_s"], bill.facts["idle_s"]
    return bill.energy_wh, bill.gross_minor, lines, spans


def outcome(db, net, reports):
    """Tell the events in this order in a trial; return the session's facts and its bill."""
    with db.begin_nested() as trial:
        session = tell(db, net, reports)
        bill = of_bill(lone.settle(db, session.id, now=LATER))
        assert lone.settle(db, session.id, now=LATER) is None
        facts = (
            *(session.started_at, session.ended_at, session.evse, session.token, session.driver_id),
            *(session.meter_start_wh, session.meter_stop_wh, session.unauthorised),
            *(session.stop_reason, session.stop_token, session.last_seq_no, session.bill_after),
        )
        counts = [
            db.scalar(select(func.count(model.id))) for model in (MeterReading, TransactionEvent)
        ]
        trial.rollback()
    db.expire_all()
    return facts, counts, bill


def test_a_transaction_in_order_is_billed_at_once(db, net):
    session = tell(db, net, charge())
    assert (session.state, session.bill_after) == (SessionState.ENDED, None)
    assert (session.meter_start_wh, session.meter_stop_wh) == (100_000, 110_000)
    assert session.stop_reason is StopReason.EV_DISCONNECTED
    assert session.driver_id == net.driver.id
    bill = lone.settle(db, session.id, now=HEARD)
    # 0.50 + 10 kWh x 0.40; the ten idle minutes are free; 19 % on top
    assert (bill.net_minor, bill.gross_minor) == (450, 536)
    assert (bill.facts["charging_s"], bill.facts["idle_s"]) == (49 * 60, 10 * 60)


@pytest.mark.parametrize(
    "stream",
    [STREAMS[0], *at_landing(*STREAMS[1:])],
    ids=lambda stream: stream.__name__,
)
def test_te_permutations(db, net, stream):
    """Every order, with repeats, gives the session and the bill of the right order (FIELD X17)."""
    reports = stream()
    right = outcome(db, net, reports)

    @MANY_TRIALS
    @given(
        order=st.permutations(range(len(reports))),
        again=st.lists(st.integers(0, len(reports) - 1), max_size=4),
    )
    def try_it(order, again):
        assert outcome(db, net, [reports[place] for place in [*order, *again]]) == right

    try_it()


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.__name__)
def test_the_right_order_of_each_stream_is_a_bill_of_ten_kilowatt_hours(db, net, stream):
    _, _, bill = outcome(db, net, stream())
    energy_wh, gross_minor, *_ = bill
    expected = 9_000 if stream.__name__ == "split" else 10_000
    assert energy_wh == expected
    assert gross_minor == round((50 + expected * 4 / 100) * 1.19)


@pytest.mark.landing
@MANY_TRIALS
@given(order=st.permutations(range(6)), dropped=st.sets(st.sampled_from([2, 3]), min_size=1))
def test_events_that_a_station_dropped_change_no_energy(db, net, order, dropped):
    """Events between the ends may be dropped (E04.FR.07); the bill waits a while for them."""
    with db.begin_nested() as trial:
        reports = charge()
        session = tell(db, net, [reports[place] for place in order if place not in dropped])
        assert "events_missing" in session.flags
        assert lone.settle(db, session.id, now=HEARD) is None
        bill = lone.settle(db, session.id, now=LATER)
        assert (bill.energy_wh, bill.gross_minor) == (10_000, 536)
        trial.rollback()
    db.expire_all()


def test_a_number_beyond_the_end_is_missed_the_same_before_and_after_it(db, net):
    beyond = event("updated", 9, 55, register(55, 110_000))
    *begun, ended = charge()
    before, after = (
        outcome(db, net, told) for told in ([*begun, beyond, ended], [*charge(), beyond])
    )
    assert before == after
    assert before[0][-1] is not None  # the bill waits for those between them
