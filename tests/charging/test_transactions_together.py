"""Transactions of many stations at once, on whatever road: the same rows as one event by one."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.access import tags
from app.domain.charging import sessions
from app.domain.charging.sessions import Told
from app.domain.charging.sessions.unordered import take_unordered
from app.domain.ground import events
from app.domain.ground.vocabulary import SYSTEM
from app.extensions import db as flask_db
from app.models import (
    Authorisation,
    ChargingSession,
    Connector,
    MeterReading,
    Station,
    StatusEvent,
    TransactionEvent,
)
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import network
from tests.support.transactions import BEGAN, CARD, STREAMS

HOW_MANY = 3
#: The first hears all as it happens, the others late: what is plain for one is odd for another.
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.usefixtures("any_app")


@st.composite
def talks(draw):
    """What a station tells, event by event: in order, or with some of them moved or repeated."""
    told = list(draw(st.sampled_from(STREAMS))())
    for place in draw(st.lists(st.integers(0, len(told) - 2), max_size=2)):
        told[place], told[place + 1] = told[place + 1], told[place]
    if draw(st.booleans()):
        told.insert(draw(st.integers(0, len(told))), draw(st.sampled_from(told)))
    return told


@pytest.fixture
def stations(any_app):
    net = network(flask_db.session())
    net.site.tariff = net.version.tariff
    tags.add(
        net.db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id
    )
    made = [net.station]
    for number in range(1, HOW_MANY):
        place = {"tenant_id": net.site.tenant_id, "site_id": net.site.id, "created_at": BEGAN}
        made.append(Station(identity=f"CP-{number}X", identity_key=f"cp-{number}x", **place))
    net.db.add_all(made)
    net.db.flush()
    return made


def rows(db):
    """All rows that events touch, but for their ids and counts of writing; and what is told."""
    found = []
    kinds = (ChargingSession, TransactionEvent, MeterReading, Authorisation, Connector, StatusEvent)
    left_out = {"id", "revision", "session_id"}
    for kind in kinds:
        columns = [one for one in kind.__table__.c if one.name not in left_out]
        told = [row._asdict() for row in db.execute(select(*columns))]
        found.append(sorted(told, key=repr))
    return found, {type(one) for one in events.take(db)}


def together(db, told):
    sessions.take_all(db, told)


def alone(db, told):
    for one in told:
        lone.take(db, one.station, one.report, now=one.now)


def anew(db, told):
    """Each told anew from all that was told before."""
    for one in told:
        take_unordered(db, one.station, one.report, now=one.now)


@pytest.mark.landing
@settings(
    max_examples=tries(15),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(st.lists(talks(), min_size=HOW_MANY, max_size=HOW_MANY), st.booleans())
def test_events_give_the_same_rows_on_every_road(stations, said, as_it_happens):
    db = flask_db.session()
    found = []
    for way in (together, alone, anew):
        events.take(db)
        with db.begin_nested() as savepoint:
            for turn in range(max(map(len, said))):
                pairs = [
                    (station, talk[turn])
                    for station, talk in zip(stations, said, strict=True)
                    if turn < len(talk)
                ]
                late = timedelta() if as_it_happens else timedelta(hours=3)
                way(db, [Told(station, it, it.at + late + SECOND) for station, it in pairs])
            db.flush()
            found.append(rows(db))
            savepoint.rollback()
        db.expire_all()
    at_once, one_by_one, told_anew = found
    assert at_once == one_by_one
    assert one_by_one == told_anew
