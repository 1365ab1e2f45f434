"""Sessions billed together get the bills that they get one by one, whatever stands beside them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.domain.ground.vocabulary import Activity, BillingState
from app.domain.money import billing
from app.domain.money.billing.assessment import assessed
from app.domain.money.billing.book import book_of
from app.extensions import db as flask_db
from app.models import (
    Bill,
    ChargingSession,
    Connection,
    Connector,
    Receipt,
    Review,
    StationReport,
    Tenant,
)
from app.uow import unit_of_work
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import STARTED, network

LATER = STARTED + timedelta(days=1)

#: A session: at which plug, after how many minutes, how long, and where its register stood.
SESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "plug": st.integers(1, 2),
            "after": st.integers(0, 300),
            "minutes": st.integers(4, 90),
            "first_wh": st.sampled_from([0, 100_000, 104_000, 110_000, 118_000]),
            "wh": st.sampled_from([0, 40, 2_000, 8_000, 10_000, 90_000]),
            "readings": st.integers(0, 4),
            "idle_from": st.none() | st.integers(0, 90),
            "token": st.sampled_from(["A", "B"]),
            "odd": st.sampled_from(["", "", "", "unauthorised", "priceless", "flag", "open end"]),
        }
    ),
    min_size=1,
    max_size=7,
)


def add(net, given):
    """Add a session with its readings and what its plug said."""
    first, odd = Decimal(given["first_wh"]), given["odd"]
    values = {
        "evse": given["plug"],
        "started_at": STARTED + timedelta(minutes=given["after"]),
        "minutes": given["minutes"],
        "meter_start_wh": first,
        "meter_stop_wh": None if odd == "open end" else first + given["wh"],
        "token": given["token"],
        "driver_id": net.driver.id if given["token"] == "A" else None,
        "unauthorised": odd == "unauthorised",
        "flags": ["clock_replaced"] if odd == "flag" else [],
    }
    if odd == "priceless":
        values["tariff_version_id"] = None
    session = net.session(**values)
    for count in range(given["readings"]):
        minute = given["minutes"] * count // 4
        wh = int(first) - 100_000 + given["wh"] * count // 4
        net.reading(session, minute, wh, evse=given["plug"], power_w=float(given["wh"]))
    net.status(session, 0, Activity.CHARGING)
    if given["idle_from"] is not None:
        net.status(session, given["idle_from"], Activity.SUSPENDED_EV)
    return session.id


def bill_of(bill):
    head = ("number", "place", "session_id", "sequence", "energy_wh", "gross_minor", "facts")
    said = [getattr(bill, name) for name in (*head, "proof", "previous_digest", "digest")]
    lines = [(line.position, line.label, line.quantity, line.evidence) for line in bill.lines]
    return said, lines, bill.receipt.state, bill.receipt.error, bill.receipt.recipient


def outcome(db):
    """All that billing decides and writes, but for ids."""
    db.flush()
    db.expire_all()
    said = ("id", "billing", "flags", "energy_wh", "decided_wh", "decided_minor", "revision")
    return {
        "sessions": [
            [getattr(each, name) for name in said]
            for each in db.scalars(select(ChargingSession).order_by(ChargingSession.id))
        ],
        "bills": [bill_of(bill) for bill in db.scalars(select(Bill).order_by(Bill.place))],
        "reviews": db.execute(
            select(Review.session_id, Review.reasons).order_by(Review.session_id)
        ).all(),
        "power": db.execute(
            select(Connector.evse, Connector.measured_power_w).order_by(Connector.evse)
        ).all(),
        "reports": [row.payload for row in db.scalars(select(StationReport))],
    }


class Undone(Exception):
    """Rolls an example back."""


@pytest.fixture
def net(any_app):
    with unit_of_work() as db:
        made = network(db)
        db.add_all(Connector(station_id=made.station.id, evse=evse, connector=1) for evse in (1, 2))
        db.add(
            Connection(
                station_id=made.station.id, node="n", address="a", security_profile=1,
                opened_at=STARTED - timedelta(days=1),
            )
        )  # fmt: skip
        db.flush()
    return made


def test_sessions_billed_together_get_the_bills_that_they_get_one_by_one(net):
    @settings(max_examples=tries(12), deadline=None)
    @given(SESSIONS)
    def check(given):
        with pytest.raises(Undone), unit_of_work() as db:
            ids = [add(net, each) for each in given]
            db.flush()
            together = db.begin_nested()
            billing.settle_all(db, ids, now=LATER)
            in_one = outcome(db)
            together.rollback()
            for number in ids:
                lone.settle(db, number, now=LATER)
            assert outcome(db) == in_one
            raise Undone

    check()


def test_the_sum_alone_is_that_of_the_whole_assessment(net):
    @settings(max_examples=tries(12), deadline=None)
    @given(SESSIONS)
    def check(given):
        with pytest.raises(Undone), unit_of_work() as db:
            sessions = [db.get_one(ChargingSession, add(net, each)) for each in given]
            db.flush()
            for each in sessions:
                whole = assessed(book_of(db, sessions, LATER), each)
                summed = assessed(book_of(db, sessions, LATER), each, sum_only=True)
                assert summed.doubts == whole.doubts
                assert summed.too_little == whole.too_little
                assert (summed.quote is None) == (whole.quote is None)
                if whole.quote is not None and summed.quote is not None:
                    assert summed.quote.taxes == whole.quote.taxes
                    assert summed.quote.gross_minor == whole.quote.gross_minor
            raise Undone

    check()


def test_a_set_leaves_out_who_does_not_wait(net):
    with unit_of_work() as db:
        first, second = net.session(), net.session()
        lone.settle(db, first.id, now=LATER)
        billing.settle_all(db, [first.id, second.id, 4711], now=LATER)
    numbers = flask_db.session().execute(select(Bill.session_id, Bill.number)).all()
    assert sorted(numbers) == [(first.id, "2026-000001"), (second.id, "2026-000002")]
    assert len(flask_db.session().scalars(select(Receipt)).all()) == 2


def test_the_bills_of_a_set_are_one_chain_that_can_be_verified(net):
    with unit_of_work() as db:
        ids = [net.session().id for _ in range(5)]
        billing.settle_all(db, ids, now=LATER)
        tenant_id = db.scalar(select(Tenant.id))
        walk = billing.verify(db, tenant_id)
        assert (walk.count, walk.faults) == (5, [])
        states = {db.get(ChargingSession, number).billing for number in ids}
        assert states == {BillingState.BILLED}
