"""After the bill, on both databases: the marks, a stop given by two people, an id used again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.charging import metering
from app.domain.charging import sessions as charging
from app.domain.charging.metering import Metered
from app.domain.charging.sessions import Stop
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Actor, MeterReport, Sample, SessionState, StopReason
from app.domain.money import billing
from app.extensions import db as flask_db
from app.models import AuditEntry, ChargingSession, Station, StrayStop
from app.uow import unit_of_work
from tests.charging.test_transactions_reused import again
from tests.money.test_billing_at_once import at_once
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.transactions import charge

LATER = STARTED + timedelta(hours=2)
RUNS = {"state": SessionState.CHARGING, "ended_at": None, "meter_stop_wh": None}


@pytest.fixture
def number(any_app):
    with unit_of_work() as db:
        return network(db).session().id


def test_late_readings_mark_the_billed_session_and_the_sweep_clears_the_mark(any_app, number):
    with unit_of_work() as db:
        lone.settle(db, number, now=LATER)
    sample = Sample("Energy.Active.Import.Register", Decimal(105_000), "Wh", text="105000")
    report = MeterReport(STARTED + timedelta(minutes=30), (sample,))
    with unit_of_work() as db:
        session = db.get(ChargingSession, number)
        item = Metered(session.station_id, 1, session.transaction_ref, (report,))
        metering.store(db, [item], now=LATER)
    assert billing.unsettled(flask_db.session(), now=LATER) == [number]
    with unit_of_work() as db:
        lone.settle(db, number, now=LATER)
    flask_db.session.rollback()
    assert billing.unsettled(flask_db.session(), now=LATER) == []


def test_a_stray_stop_given_by_two_at_once_is_given_once(any_app):
    with unit_of_work() as db:
        net = network(db)
        numbers = [net.session(**RUNS).id, net.session(**RUNS).id]
        at = STARTED + timedelta(hours=1)
        stop = Stop(
            transaction_ref="9999", meter_stop_wh=Decimal(109_000), ended_at=at,
            reason=StopReason.LOCAL, word="Local", token=None, payload={"timestamp": str(at)},
        )  # fmt: skip
        lone.end(db, net.station, stop, now=LATER)

    def give(db, session_id):
        stray, session = db.scalar(select(StrayStop)), db.get(ChargingSession, session_id)
        try:
            charging.assign_stray(db, Actor("Grace"), stray, session, note="r", now=LATER)
        except DomainError:
            return False
        return True

    assert sorted(at_once(any_app, give, numbers)) == [False, True]
    entries = select(AuditEntry).where(AuditEntry.action == "stray_stop.assign")
    assert len(flask_db.session.scalars(entries).all()) == 1


def test_an_id_used_again_is_two_sessions(any_app):
    for report in charge() + again():
        with unit_of_work() as db:
            if db.scalar(select(Station.id)) is None:
                network(db)
            station = db.scalars(select(Station)).one()
            lone.take(db, station, report, now=LATER + timedelta(hours=3))
    rows = flask_db.session.scalars(select(ChargingSession).order_by(ChargingSession.started_at))
    assert [(row.transaction_ref, row.meter_stop_wh) for row in rows] == [
        ("tx-1#1", 110_000),
        ("tx-1", 113_000),
    ]
