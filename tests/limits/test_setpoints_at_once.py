"""Setpoints that two wish for at once, or one while a worker takes the last, on PostgreSQL."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.ground.vocabulary import Order, SessionState
from app.domain.limits import setpoints
from app.extensions import db as flask_db
from app.models import Setpoint, Station
from app.uow import unit_of_work
from tests.support import sockets
from tests.support.beside import beside
from tests.support.charging import network
from tests.support.energy import ADA

pytestmark = pytest.mark.postgres
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def station(postgres_app):
    with unit_of_work() as db:
        net = network(db)
        orders = [Order.SET_PROFILE.value]
        sockets.connect(db, net.station, protocol="ocpp2.1", orders=orders, now=NOW)
        running = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}
        net.session(evse=1, **running)
        return net.station.id


def want(station, amperes):
    with unit_of_work() as db:
        wish_for(db, station, amperes)


def wish_for(db, station, amperes):
    wish = {"limit": Decimal(amperes), "unit": "A", "phases": 3, "now": NOW, "ttl_s": 60}
    setpoints.want(db, ADA, db.get_one(Station, station), 1, **wish)
    db.flush()


def test_two_first_wishes_are_both_counted(postgres_app, station):
    with unit_of_work() as db:
        wish_for(db, station, 16)
        done = beside(postgres_app, lambda: want(station, 10))
    done()
    row = flask_db.session().query(Setpoint).one()
    assert (row.wanted, row.state, row.document["periods"][0]["limit"]) == (2, "waiting", "10.0")


def test_a_wish_while_a_worker_takes_the_last_is_sent_after_it(postgres_app, station):
    want(station, 16)
    with unit_of_work() as db:
        [(number, _)] = setpoints.due(db, now=NOW)
        here = db.get_one(Station, station).connection_id
        taken = setpoints.claim(db, number, here, now=NOW)
        db.flush()
        done = beside(postgres_app, lambda: want(station, 10))
    done()
    row = flask_db.session().query(Setpoint).one()
    assert (taken.wanted, row.wanted, row.state) == (1, 2, "waiting")
