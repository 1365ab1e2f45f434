"""Several at once: one bill per session, numbers without gaps or doubles, one sender per mail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from sqlalchemy import select, text

from app.domain.ground.vocabulary import BillingState
from app.domain.money import receipts, settlements
from app.extensions import db as flask_db
from app.models import Bill, ChargingSession, Receipt, Station
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.fixtures import DATABASES
from tests.support.wait import eventually

pytestmark = pytest.mark.parametrize("database", DATABASES)

LATER = STARTED + timedelta(hours=2)


def at_once(app, act, arguments):
    """Call `act(db, argument)` in a unit of work for each argument, all at the same time."""
    start = Barrier(len(arguments))

    def work(argument):
        with app.app_context():
            start.wait(60)
            with unit_of_work() as db:
                found = act(db, argument)
            flask_db.session.remove()
            return found

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(work, arguments))


@pytest.fixture
def sessions(any_app):
    with unit_of_work() as db:
        net = network(db)
        made = [net.session().id for _ in range(6)]
    return made


def test_a_session_billed_by_many_at_once_has_one_bill(any_app, sessions):
    def bill(db, session_id):
        return lone.settle(db, session_id, now=LATER) is not None

    won = at_once(any_app, bill, [sessions[0]] * 4)
    assert sorted(won) == [False, False, False, True]
    assert flask_db.session.scalars(select(Bill.number)).all() == ["2026-000001"]
    assert len(flask_db.session.scalars(select(Receipt.id)).all()) == 1


def test_numbers_given_at_once_have_no_gap_and_no_double(any_app, sessions):
    at_once(any_app, lambda db, number: lone.settle(db, number, now=LATER) and None, sessions)
    numbers = flask_db.session.scalars(select(Bill.number).order_by(Bill.number)).all()
    assert numbers == [f"2026-{count:06d}" for count in range(1, len(sessions) + 1)]


def test_a_receipt_is_claimed_by_one(any_app, sessions):
    with unit_of_work() as db:
        receipt_id = lone.issue(db, sessions[0], now=LATER).receipt.id

    def claim(db, number):
        return receipts.claim(db, number, domain="example.org", now=LATER) is not None

    assert sorted(at_once(any_app, claim, [receipt_id] * 4)) == [False, False, False, True]


def test_a_payment_told_while_its_session_is_billed_is_weighed(any_app, sessions, database):
    def tell():
        told = settlements.Reported("psp-1", "settled", Decimal("5.36"), LATER, "t0")
        with any_app.app_context(), unit_of_work() as db:
            settlements.take_in(db, db.scalars(select(Station)).one(), told, now=LATER)

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work() as db:
            assert lone.settle(db, sessions[0], now=LATER).facts["payments"] == []
            telling = pool.submit(tell)
            if database == "postgresql":  # SQLite has one writer.
                eventually(lambda: telling.done() or somebody_waits())
        telling.result()
    session = flask_db.session.get(ChargingSession, sessions[0], populate_existing=True)
    assert session.late_evidence_at == LATER


def test_what_is_told_of_a_session_while_another_card_overlaps_it_stays(any_app, database):
    with unit_of_work() as db:
        net = network(db)
        first = net.session(evse=1, billing=BillingState.WAIVED)
        later = STARTED + timedelta(minutes=40)
        second = net.session(evse=1, started_at=later, token="OTHER", driver_id=None)
        decided, other = first.id, second.id

    def settle():
        with any_app.app_context(), unit_of_work() as db:
            lone.settle(db, other, now=LATER)

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work() as db:
            told = db.get_one(ChargingSession, decided, with_for_update=True)
            told.flags = ["guessed_transaction"]
            db.flush()
            settling = pool.submit(settle)
            if database == "postgresql":  # SQLite has one writer.
                settling.result()  # The other session is left to the next round.
        settling.result()
    settle()
    session = flask_db.session.get(ChargingSession, decided, populate_existing=True)
    assert (session.flags, session.late_evidence_at) == (
        ["guessed_transaction", "overlaps_another"],
        LATER,
    )


def test_of_two_that_overlap_the_earlier_is_held_while_somebody_is_at_the_other(any_app, database):
    with unit_of_work() as db:
        net = network(db)
        first = net.session(evse=1)
        later = STARTED + timedelta(minutes=40)
        second = net.session(evse=1, started_at=later, token="OTHER", driver_id=None)
        lone.issue(db, second.id, now=LATER)
        numbers = first.id, second.id

    def settle(number):
        with any_app.app_context(), unit_of_work() as db:
            lone.settle(db, number, now=LATER)

    with ThreadPoolExecutor(1) as pool:
        with unit_of_work() as db:
            db.get_one(ChargingSession, numbers[1], with_for_update=True)
            settling = pool.submit(settle, numbers[0])
            if database == "postgresql":  # SQLite has one writer.
                settling.result()
        settling.result()
    for number in numbers:
        settle(number)
    found = [
        flask_db.session.get(ChargingSession, number, populate_existing=True) for number in numbers
    ]
    assert [(each.billing, "overlaps_another" in each.flags) for each in found] == [
        (BillingState.HELD, True)
    ] * 2


def somebody_waits():
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with flask_db.engine.connect() as other:
        return other.scalar(text(f"{query} AND wait_event_type = 'Lock'"))
