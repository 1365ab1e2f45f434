"""Evidence outlives what the product does: housekeeping, migrations, late truth, people leaving."""

from datetime import timedelta
from decimal import Decimal

import pytest
from flask_migrate import downgrade, upgrade
from sqlalchemy import func, inspect, select

from app.config import Settings
from app.domain.access import drivers, tags
from app.domain.charging.sessions.stops import Stop
from app.domain.ground.vocabulary import SYSTEM, Activity, BillingState, BillKind, StopReason
from app.domain.money import billing
from app.domain.network import sites
from app.extensions import db as flask_db
from app.models import (
    Bill,
    ChargingSession,
    MeterReading,
    StatusEvent,
    TransactionEvent,
    session_revisions,
)
from app.tasks.tidying import forget_rows
from app.uow import unit_of_work
from app.web import scope
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.fixtures import SQLITE_BY_DAY
from tests.support.processes import ROOT
from tests.support.transactions import BEGAN, CARD, charge, event

LATER = STARTED + timedelta(hours=2)
MIGRATIONS = str(ROOT / "migrations")


@pytest.fixture
def net(any_app):
    with unit_of_work() as db:
        return network(db)


def billed(net, **given):
    """Bill a session with a reading and a status; return its id."""
    with unit_of_work() as db:
        session = net.session(**given)
        net.reading(session, 30, 5_000)
        net.status(session, 10, Activity.CHARGING)
        assert isinstance(lone.issue(db, session.id, now=LATER + timedelta(days=1)), Bill)
        return session.id


def faults(net):
    db = flask_db.session()
    db.rollback()
    return [str(fault) for fault in billing.verify(db, net.site.tenant_id).faults]


def kept_rows():
    db = flask_db.session()
    tables = (Bill, ChargingSession, MeterReading, StatusEvent, TransactionEvent)
    return [db.scalar(select(func.count(table.id))) for table in tables]


def test_housekeeping_removes_nothing_that_a_bill_needs_however_old(net):
    billed(net)
    before = kept_rows()
    forget_rows(Settings(), now=LATER + timedelta(days=40_000))
    assert kept_rows() == before
    assert faults(net) == []


def test_a_driver_who_leaves_takes_no_evidence_along(net):
    billed(net)
    with unit_of_work() as db:
        drivers.archive(db, SYSTEM, net.driver, now=LATER)
    assert faults(net) == []


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_bills_from_before_the_chain_are_brought_into_it_in_their_order(net):
    numbers = [billed(net) for _ in range(3)]
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, numbers[1])
        billing.refund(db, SYSTEM, session, reason="A courtesy.", now=LATER)
    db = flask_db.session()
    digests = db.scalars(select(Bill.digest).order_by(Bill.id)).all()
    assert len(set(digests)) == 4
    db.rollback()
    flask_db.session.remove()
    downgrade(directory=MIGRATIONS, revision="0007")
    assert "session_revisions" not in inspect(flask_db.engine).get_table_names()
    upgrade(directory=MIGRATIONS)
    assert flask_db.session().scalars(select(Bill.digest).order_by(Bill.id)).all() == digests
    tenant_id = flask_db.session().scalars(select(Bill.tenant_id)).first()
    assert billing.verify(flask_db.session(), tenant_id).faults == []


def test_a_stop_that_comes_after_the_bill_is_written_down_and_the_bill_still_verifies(net):
    number = billed(net, provisional=True)
    with unit_of_work() as db:
        session = db.get_one(ChargingSession, number)
        stop = Stop(
            transaction_ref=session.transaction_ref, meter_stop_wh=Decimal(115_000),
            ended_at=LATER, reason=StopReason.LOCAL, word="Local", token=None, payload={},
        )  # fmt: skip
        lone.end(db, net.station, stop, now=LATER + timedelta(days=2))
    db = flask_db.session()
    kept = db.execute(select(session_revisions).order_by(session_revisions.c.id)).all()
    assert (kept[0].meter_stop_wh, kept[0].provisional) == (110_000, True)
    assert db.get_one(ChargingSession, number).meter_stop_wh == 115_000
    assert faults(net) == []
    with unit_of_work() as db:
        lone.settle(db, number, now=LATER + timedelta(days=2))
    bills = flask_db.session().scalars(select(Bill).order_by(Bill.place)).all()
    assert bills[0].kind is BillKind.BILL
    assert faults(net) == []


def test_events_told_after_the_bill_are_kept_and_the_bill_still_verifies(net):
    reports = charge()
    with unit_of_work() as db:
        net.site.tariff = net.version.tariff
        tags.add(
            db, SYSTEM, net.site.tenant_id, now=BEGAN, value=CARD.value, driver_id=net.driver.id
        )
        for report in reports:
            taken = lone.take(db, net.station, report, now=BEGAN + timedelta(hours=2))
        number = taken.session.id
        lone.settle(db, number, now=BEGAN + timedelta(hours=3))
        assert taken.session.billing is BillingState.BILLED
    for late in (event("updated", 6, 55), event("ended", 7, 70), reports[3]):
        with unit_of_work() as db:
            lone.take(db, net.station, late, now=BEGAN + timedelta(hours=4))
        with unit_of_work() as db:
            lone.settle(db, number, now=BEGAN + timedelta(hours=4))
        assert faults(net) == []
    rows = select(func.count(TransactionEvent.id))
    assert flask_db.session().scalar(rows) == len(reports) + 2


def test_staff_of_one_site_do_not_break_the_chain_of_all_sites(net):
    first = billed(net)
    with unit_of_work() as db:
        other = sites.add(
            db, SYSTEM, net.site.tenant_id, now=STARTED,
            name="Kerb", timezone="Europe/Berlin", currency="EUR",
        )  # fmt: skip
        other_id = other.id
    billed(net, site_id=other_id)
    reach = scope.Scope(net.site.tenant_id, frozenset({net.site.id}))
    with unit_of_work() as db:
        scope.narrow(db, reach)
        session = db.get_one(ChargingSession, first)
        credit = billing.refund(db, SYSTEM, session, reason="A courtesy.", now=LATER)
        assert billing.faults_of(db, credit) == []
        scope.narrow(db, None)
    assert faults(net) == []
