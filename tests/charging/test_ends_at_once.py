"""A charger's stop against an end by hand in the same moment: the charger's own is kept."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.charging import sessions as charging
from app.domain.charging.sessions import Stop
from app.domain.ground.errors import Conflict
from app.domain.ground.vocabulary import Actor, SessionState, StopReason
from app.extensions import db as flask_db
from app.models import ChargingSession, Station
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network

ENDED = STARTED + timedelta(hours=1)
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}
STOP = Stop(
    transaction_ref="t0", meter_stop_wh=Decimal(112_000), ended_at=ENDED, reason=StopReason.LOCAL,
    word="Local", token=None, payload={"timestamp": str(ENDED), "transactionId": 1},
)  # fmt: skip


@pytest.fixture
def number(any_app):
    with unit_of_work() as db:
        net = network(db)
        session = net.session(**RUNS)
        net.reading(session, 30, 6_000)
        return session.id


def by_hand(db, session):
    charging.close_provisionally(db, session, now=ENDED, actor=Actor("Grace"), remark="r")


def stop_elsewhere(app):
    """Store the charger's stop by a connection of its own, as soon as the database lets it."""

    def store():
        with app.app_context(), unit_of_work() as db:
            lone.end(db, db.query(Station).one(), STOP, now=ENDED)

    thread = threading.Thread(target=store)
    thread.start()
    return thread


def test_a_stop_that_comes_while_a_person_ends_its_session_is_kept(any_app, number):
    with unit_of_work() as db:
        seen = db.get(ChargingSession, number)
        assert seen.state is SessionState.CHARGING
        storing = stop_elsewhere(any_app)
        if db.connection().dialect.name == "postgresql":
            # SQLite has one writer: there it waits for the person.
            storing.join(timeout=60)
            with pytest.raises(Conflict):
                by_hand(db, seen)
        else:
            by_hand(db, seen)
    storing.join(timeout=60)
    session = flask_db.session.get(ChargingSession, number, populate_existing=True)
    assert (session.meter_stop_wh, session.ended_at) == (112_000, ENDED)
    assert session.provisional is False
    assert session.energy_wh == 12_000
