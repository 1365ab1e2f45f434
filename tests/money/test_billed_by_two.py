"""Sessions that lie within each other are billed by two at once, on PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import BillingState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import ChargingSession
from app.uow import unit_of_work
from tests.support.beside import beside
from tests.support.charging import STARTED, network

pytestmark = pytest.mark.postgres

LATER = STARTED + timedelta(hours=2)


def test_sessions_of_one_plug_that_are_billed_by_two_wait_for_each_other_in_no_circle(
    postgres_app,
):
    with unit_of_work() as db:
        net = network(db)
        cards = [net.session(evse=1, token=card, driver_id=None).id for card in "ABC"]
    first, middle, last = cards

    def bill_the_others():
        with unit_of_work() as db:
            return billing.settle_all(db, [first, last], now=LATER)

    with unit_of_work() as db:
        db.get_one(ChargingSession, middle, with_for_update=True)
        done = beside(postgres_app, bill_the_others)
        billing.settle_all(db, [middle], now=LATER)
    assert set(done()) == {first}, "the one with the higher number is left to the next round"
    with unit_of_work() as db:
        assert last in billing.settle_all(db, [first, last], now=LATER)
    rows = flask_db.session.scalars(select(ChargingSession)).all()
    assert {row.billing for row in rows} == {BillingState.HELD}
    assert all("overlaps_another" in row.flags for row in rows)
