"""Several at once: one bill per session, numbers without gaps or doubles, one sender per mail."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from app.domain.money import receipts
from app.extensions import db as flask_db
from app.models import Bill, Receipt
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.fixtures import DATABASES

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
