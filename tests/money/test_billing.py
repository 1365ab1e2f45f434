"""Billing: one bill per ended session, held where in doubt, and never changed afterwards."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.domain.ground import events
from app.domain.ground.vocabulary import (
    Activity,
    BillingState,
    BillKind,
    ReceiptState,
    SessionState,
)
from app.domain.money import billing
from app.domain.money.billing.ledger import take
from app.extensions import db as flask_db
from app.models import Bill, BillLine, Review
from app.text import bill_text
from app.text.writers import Writer
from app.uow import unit_of_work
from tests.support import lone
from tests.support.charging import STARTED, network

LATER = STARTED + timedelta(hours=2)


def issued(db, session, now=LATER, hold_h=24):
    return lone.issue(db, session.id, now=now, provisional_hold_h=hold_h)


def test_an_ended_session_gets_a_bill_that_can_be_checked_by_hand(db, net):
    session = net.session()
    for minute, wh in ((0, 0), (30, 6_000), (50, 10_000)):
        net.reading(session, minute, wh)
    net.status(session, 0, Activity.CHARGING)
    net.status(session, 40, Activity.SUSPENDED_EV)
    bill = issued(db, session)
    # 0.50 to start, 10 kWh x 0.40 = 4.00, 20 idle minutes of which 10 are free = 1.00
    assert [line.net_minor for line in bill.lines] == [50, 400, 100]
    assert (bill.net_minor, bill.tax_minor, bill.gross_minor) == (550, 105, 655)
    assert bill.number == "2026-000001"
    assert bill.kind is BillKind.BILL
    assert session.billing is BillingState.BILLED
    assert session.energy_wh == 10_000


def test_what_the_lines_rest_on_is_kept_with_them(db, net):
    session = net.session()
    bill = issued(db, session)
    energy = next(line for line in bill.lines if line.kind == "energy")
    (part,) = energy.evidence["parts"]
    assert (part["from_at"], part["to_at"]) == (
        "2026-03-02T09:00:00+00:00",
        "2026-03-02T10:00:00+00:00",
    )
    assert [Decimal(part[f"{end}_register_wh"]) for end in ("from", "to")] == [100_000, 110_000]
    assert bill.facts["tariff_version"] == 3


def test_the_last_register_is_told_as_it_was_read_though_whole_watt_hours_are_billed(db, net):
    bill = issued(db, net.session(wh="9999.6"))
    energy = next(line for line in bill.lines if line.kind == "energy")
    assert energy.quantity == 10
    said = str(bill_text.in_words(bill, Writer("en", "UTC")))
    assert said.count("100.000 → 109.9996 kWh") == 2, "its line and its facts"


def test_a_bill_is_told_to_whoever_sends_receipts(db, net):
    session = net.session()
    events.take(db)
    bill = issued(db, session)
    assert events.BillIssued(bill.tenant_id, bill.id, session.id) in events.take(db)


def test_a_second_nudge_bills_nothing(db, net):
    session = net.session()
    assert issued(db, session) is not None
    assert issued(db, session) is None
    assert lone.settle(db, session.id, now=LATER) is None
    assert len(db.scalars(select(Bill)).all()) == 1


def test_a_running_session_and_an_unknown_one_are_left_alone(db, net):
    session = net.session(state=SessionState.CHARGING, ended_at=None, meter_stop_wh=None)
    assert issued(db, session) is None
    assert lone.issue(db, 4711, now=LATER) is None


def test_the_running_cost_is_the_bill_of_this_moment(db, net):
    session = net.session(state=SessionState.CHARGING, ended_at=None, meter_stop_wh=None)
    net.reading(session, 30, 5_000)
    quote = billing.running_quote(db, session, STARTED + timedelta(minutes=30))
    assert quote.net_minor == 50 + 200
    session.tariff_version_id = None
    db.flush()
    db.expire(session)
    assert billing.running_quote(db, session, LATER) is None


# Numbers


def test_numbers_count_within_the_year_of_the_sites_calendar(db, net):
    new_year = STARTED.replace(year=2027, month=1, day=1, hour=0, minute=0)
    sessions = [net.session() for _ in range(3)]
    before = issued(db, sessions[0], now=new_year - timedelta(hours=3))
    berlin = issued(db, sessions[1], now=new_year - timedelta(minutes=30))
    after = issued(db, sessions[2], now=new_year)
    numbers = [before.number, berlin.number, after.number]
    assert numbers == ["2026-000001", "2027-000001", "2027-000002"]


def test_a_number_that_was_rolled_back_is_given_again(any_app):
    with unit_of_work() as db:
        tenant_id = network(db).site.tenant_id
    with pytest.raises(RuntimeError), unit_of_work() as db:
        assert list(take(db, tenant_id, 2026, 1)) == [1]
        raise RuntimeError
    with unit_of_work() as db:
        assert list(take(db, tenant_id, 2026, 1)) == [1]
        assert list(take(db, tenant_id, 2026, 2)) == [2, 3]


# Held


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"unauthorised": True}, "unauthorised"),
        ({"tariff_version_id": None}, "missing_price"),
        ({"flags": ["clock_replaced"]}, "clock_replaced"),
        ({"flags": ["guessed_transaction"]}, "guessed_transaction"),
        ({"wh": 910_000}, "end_unexplained"),
        ({"meter_stop_wh": Decimal(5)}, "stop_below_start"),
    ],
)
def test_what_is_in_doubt_is_held_and_not_billed(db, net, given, reason):
    session = net.session(**given)
    net.reading(session, 30, 3_000)
    review = issued(db, session)
    assert isinstance(review, Review)
    assert reason in review.reasons
    assert session.billing is BillingState.HELD
    assert db.scalars(select(Bill)).all() == []
    assert events.BillHeld(session.tenant_id, session.id) in events.take(db)


def test_what_only_deserves_mention_holds_nothing(db, net):
    bill = issued(db, net.session(flags=["offline_report"]))
    assert isinstance(bill, Bill)


def test_an_unreadable_tariff_holds_the_bill_instead_of_failing_for_ever(db, net):
    net.version.definition = {"schema": 1, "currency": "no"}
    db.flush()
    assert issued(db, net.session()).reasons == ["unreadable_price"]


def test_an_assumed_end_waits_for_the_chargers_own(db, net):
    session = net.session(provisional=True, meter_stop_wh=None, flags=["stop_missing"])
    net.reading(session, 55, 9_000)
    ended = session.ended_at
    assert issued(db, session, now=ended + timedelta(hours=23)) is None
    assert session.billing is BillingState.OPEN
    review = issued(db, session, now=ended + timedelta(hours=24))
    assert "stop_missing" in review.reasons


# Nothing to pay


def test_a_session_without_energy_costs_nothing_and_sends_no_mail(db, net):
    free_start = [part for part in net.version.definition["components"] if part["kind"] != "start"]
    net.version.definition = {**net.version.definition, "components": free_start}
    db.flush()
    bill = issued(db, net.session(wh=0))
    assert (bill.gross_minor, bill.energy_wh) == (0, 0)
    assert bill.receipt.state is ReceiptState.SKIPPED
    assert bill.receipt.error == "nothing to pay"


def test_a_session_without_energy_still_costs_its_start_fee(db, net):
    bill = issued(db, net.session(wh=0))
    assert bill.net_minor == 50
    assert bill.receipt.state is ReceiptState.QUEUED


def test_a_driver_without_an_address_gets_no_mail_and_the_bill_says_so(db):
    net = network(db, email=None)
    bill = issued(db, net.session())
    assert (bill.receipt.state, bill.receipt.error) == (ReceiptState.SKIPPED, "no address")


# For ever


@pytest.mark.parametrize("statement", ["UPDATE bills SET gross_minor = 1", "DELETE FROM bills"])
@pytest.mark.parametrize("table", ["bills", "bill_lines"])
def test_the_database_itself_refuses_to_change_a_bill(any_app, statement, table):
    with unit_of_work() as db:
        lone.issue(db, network(db).session().id, now=LATER)
    statement = statement.replace("bills", table)
    with pytest.raises(DBAPIError, match="only ever added"):
        with unit_of_work() as db:
            db.execute(text(statement))
    db = flask_db.session()
    assert db.scalars(select(Bill.gross_minor)).all() == [536]
    assert len(db.scalars(select(BillLine.id)).all()) == 2
