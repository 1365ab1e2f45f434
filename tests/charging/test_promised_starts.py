"""Starts that were answered while the database was away: with the id that was promised, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from app.domain.access import tags
from app.domain.charging import sessions
from app.domain.ground.vocabulary import SYSTEM, BillingState, ConnectorRef, StopReason, Token
from app.extensions import db as flask_db
from app.models import Authorisation, Bill, ChargingSession, Review, Station, Tag
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network

CARD = "04A2B3"
WORKERS = 4


@pytest.fixture
def place(any_app):
    with unit_of_work() as db:
        made = network(db)
        made.site.tariff_id = made.version.tariff_id
        tags.add(db, SYSTEM, made.station.tenant_id, value=CARD, now=STARTED)
    return flask_db.session


def start(number, promised=None, **more):
    more = {"let_in": promised is not None} | more
    return sessions.Start(
        ConnectorRef(1),
        Token(CARD),
        Decimal(100),
        STARTED + timedelta(hours=number),
        f"{number}",
        promised_ref=promised and str(promised),
        **more,
    )


def begin(told, now=None):
    with unit_of_work() as db:
        station = db.scalars(select(Station)).one()
        return lone.begin(db, station, told, now=now or told.started_at).session.id


def leased(count):
    with unit_of_work() as db:
        return sessions.lease_refs(db, count)


def refs():
    query = select(ChargingSession.transaction_ref).order_by(ChargingSession.id)
    return [int(ref) for ref in flask_db.session.scalars(query)]


def test_a_session_gets_the_id_that_its_charger_was_told(place):
    [promised] = leased(1)
    number = begin(start(0, promised))
    session = flask_db.session.get(ChargingSession, number)
    assert session.transaction_ref == str(promised)
    assert session.flags == ["let_in_away"]
    assert not session.unauthorised


def test_leased_ids_and_those_that_the_database_makes_never_meet(place):
    first = leased(3)
    begin(start(0))
    more = leased(2)
    begin(start(1))
    for number, promised in enumerate([*reversed(first), *more], 2):
        begin(start(number, promised))
    begin(start(9))
    told = refs()
    assert len(set(told)) == len(told) == 8
    assert set(told) >= {*first, *more}


def test_the_same_start_again_is_the_same_session_with_the_id_told_last(place):
    one, other = leased(2)
    number = begin(start(0, one))
    assert begin(start(0, one)) == number
    assert begin(start(0)) == number
    assert refs() == [one]
    assert begin(start(0, other)) == number
    assert refs() == [other]
    assert flask_db.session.scalar(select(func.count(ChargingSession.id))) == 1


def test_a_start_that_was_stored_before_the_outage_has_the_id_told_in_it(place):
    number = begin(start(0))
    [promised] = leased(1)
    assert begin(start(0, promised)) == number
    assert refs() == [promised]


@pytest.mark.parametrize("blocked", [False, True])
def test_a_tag_that_was_blocked_meanwhile_holds_the_bill(place, blocked):
    if blocked:
        with unit_of_work() as db:
            tags.block(db, SYSTEM, db.scalars(select(Tag)).one(), now=STARTED)
    [promised] = leased(1)
    number = begin(start(0, promised))
    ended = STARTED + timedelta(hours=1)
    stop = sessions.Stop(str(promised), Decimal(9_100), ended, StopReason.LOCAL, None, None, {})
    with unit_of_work() as db:
        station = db.scalars(select(Station)).one()
        lone.end(db, station, stop, now=ended)
    with unit_of_work() as db:
        lone.settle(db, number, now=ended + timedelta(days=2))
    session = flask_db.session.get(ChargingSession, number)
    assert session.unauthorised is blocked
    assert "let_in_away" in session.flags
    state = BillingState.HELD if blocked else BillingState.BILLED
    assert session.billing is state
    count = {one: flask_db.session.query(one).count() for one in (Bill, Review, Authorisation)}
    assert count == {Bill: not blocked, Review: blocked, Authorisation: 1}


def test_workers_that_lease_at_once_get_other_ids(any_app, place):
    def lease(_):
        with any_app.app_context():
            return leased(50)

    with ThreadPoolExecutor(WORKERS) as pool:
        given = [number for block in pool.map(lease, range(20)) for number in block]
    assert len(set(given)) == len(given) == 1_000
    assert begin(start(0)) > 0
    assert refs()[0] not in given
