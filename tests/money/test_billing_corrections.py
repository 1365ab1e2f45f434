"""Corrections: a credit and a new bill, adding up to what is right; late stops; recounts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.domain.access import drivers
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, BillingState, BillKind, ReceiptState
from app.domain.money import billing
from app.domain.money.billing.settle import NOTED
from app.models import AuditEntry, Bill, Review
from app.queries.access import drivers as driver_queries
from app.queries.ground.paging import Wish
from app.queries.money import bills
from tests.support import lone
from tests.support.chance import tries
from tests.support.charging import STARTED

GRACE = Actor("Grace Hopper", 7, "192.0.2.7")
LATER = STARTED + timedelta(hours=2)
DAYS_LATER = STARTED + timedelta(days=3)


@pytest.fixture
def billed(db, net):
    session = net.session()
    net.reading(session, 55, 9_000)
    lone.issue(db, session.id, now=LATER)
    return session


def chain(db, session):
    return db.scalars(
        select(Bill).where(Bill.session_id == session.id).order_by(Bill.sequence)
    ).all()


def sums(db, session):
    return db.execute(
        select(
            func.sum(Bill.energy_wh),
            func.sum(Bill.net_minor),
            func.sum(Bill.tax_minor),
            func.sum(Bill.gross_minor),
        ).where(Bill.session_id == session.id)
    ).one()


def test_a_bill_stays_with_whom_it_was_issued_to_and_its_correction_goes_to_whose_it_is(
    db, net, billed
):
    (bill,) = chain(db, billed)
    assert bill.driver is net.driver
    other = drivers.add(db, GRACE, net.site.tenant_id, name="Bob", email="b@x.org", now=LATER)
    billed.driver_id = other.id  # It was told anew.
    db.flush()
    billing.correct(db, GRACE, billed, reason="Bob's", now=DAYS_LATER)
    assert [each.driver.name for each in chain(db, billed)] == [net.driver.name] * 2 + ["Bob"]
    assert [each.receipt.recipient for each in chain(db, billed)[1:]] == [
        net.driver.email,
        "b@x.org",
    ]
    for whose, numbers in ((net.driver, 2), (other, 1)):
        found = bills.page(db, bills.Filter(driver_id=whose.id), Wish())
        assert len(found.rows) == numbers
        assert bills.page(db, bills.Filter(q=whose.name), Wish()).rows == found.rows
        gross = sum(each.gross_minor for each in found)
        assert [gross] == [one.gross_minor for one in driver_queries.sums(db, whose)]
    assert driver_queries.sums(db, net.driver)[0].energy_wh == 0


def test_a_credit_takes_its_bills_minutes_out_of_the_sums(db, billed):
    def minutes():
        return bills.totals(db, bills.Filter())[0].duration_s

    (bill,) = chain(db, billed)
    assert minutes() == bill.duration_s == (billed.ended_at - billed.started_at).total_seconds()
    billing.refund(db, GRACE, billed, reason="a gift", now=DAYS_LATER)
    assert minutes() == 0


def test_a_correction_is_a_credit_and_a_new_bill(db, billed):
    right = billing.correct(
        db, GRACE, billed, reason="meter exchanged", now=DAYS_LATER, energy_wh=Decimal(5_000)
    )
    first, credit, correction = chain(db, billed)
    assert correction is right
    assert [bill.kind for bill in (first, credit, correction)] == list(BillKind)
    assert [bill.number[-1] for bill in (first, credit, correction)] == ["1", "2", "3"]
    assert (credit.corrects_id, correction.corrects_id) == (first.id, credit.id)
    assert credit.gross_minor == -first.gross_minor
    assert [line.gross_minor for line in credit.lines] == [
        -line.gross_minor for line in first.lines
    ]
    assert correction.energy_wh == billed.energy_wh == 5_000
    assert correction.net_minor == 50 + 200
    assert correction.issued_by == "Grace Hopper"


def test_the_two_are_told_in_one_mail(db, billed):
    billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=Decimal(5_000))
    _, credit, correction = chain(db, billed)
    assert credit.receipt.state is ReceiptState.SKIPPED
    assert correction.receipt.state is ReceiptState.QUEUED


def test_a_correction_is_audited_with_its_reason(db, billed):
    billing.correct(db, GRACE, billed, reason="meter exchanged", now=LATER, energy_wh=Decimal(1))
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "bill.correct"))
    assert (entry.actor, entry.note) == ("Grace Hopper", "meter exchanged")


@pytest.mark.parametrize("reason", ["", "   ", "a\r\nb", "x" * 301])
def test_a_correction_needs_a_reason(db, billed, reason):
    with pytest.raises(Invalid):
        billing.correct(db, GRACE, billed, reason=reason, now=LATER, energy_wh=Decimal(1))


@pytest.mark.parametrize("energy", ["-1", "2000001", "NaN"])
def test_an_impossible_energy_is_refused(db, billed, energy):
    with pytest.raises(Invalid):
        billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=Decimal(energy))


def test_a_correction_that_changes_nothing_is_refused(db, billed):
    with pytest.raises(Conflict, match="would not change"):
        billing.correct(db, GRACE, billed, reason="r", now=LATER)


def test_a_bill_that_was_taken_back_cannot_be_corrected(db, billed):
    credit = billing.refund(db, GRACE, billed, reason="out of order", now=LATER)
    assert credit.receipt.state is ReceiptState.QUEUED
    assert sums(db, billed) == (0, 0, 0, 0)
    assert billed.billing is BillingState.WAIVED
    assert billing.standing(db, billed) is None
    with pytest.raises(Conflict):
        billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=Decimal(1))


@settings(
    max_examples=tries(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    energies=st.lists(
        st.decimals(0, 60_000, places=3, allow_nan=False), min_size=1, max_size=5, unique=True
    )
)
def test_whatever_is_corrected_the_bills_add_up_to_the_last_one(db, net, energies):
    session = net.session(wh=61_000, minutes=300)
    lone.issue(db, session.id, now=LATER)
    for energy in energies:
        last = billing.correct(db, GRACE, session, reason="r", now=LATER, energy_wh=energy)
    assert sums(db, session) == (
        last.energy_wh,
        last.net_minor,
        last.tax_minor,
        last.gross_minor,
    )
    for bill in chain(db, session):
        assert sum(line.gross_minor for line in bill.lines) == bill.gross_minor
        assert bill.net_minor + bill.tax_minor == bill.gross_minor
    assert billing.standing(db, session) is last


# Late stops


def assumed(db, net, **given):
    """A session that was closed without a stop, approved by nobody but billed all the same."""
    session = net.session(provisional=True, meter_stop_wh=None, flags=["stop_missing"], **given)
    net.reading(session, 55, 9_000)
    return session


def stop_arrives(db, session, wh, minutes=60):
    session.provisional = False
    session.flags = [*(f for f in session.flags if f != "stop_missing"), "late_stop"]
    session.meter_stop_wh = Decimal(100_000 + wh)
    session.ended_at = STARTED + timedelta(minutes=minutes)
    session.stop_received_at = session.late_evidence_at = DAYS_LATER
    db.flush()


@pytest.fixture
def approved(db, net):
    from app.domain.money import reviews

    session = assumed(db, net)
    review = lone.issue(db, session.id, now=LATER + timedelta(days=1))
    reviews.approve(db, GRACE, review, note="looks right", now=LATER + timedelta(days=1))
    return session


def test_a_late_stop_within_the_hold_is_simply_billed(db, net):
    session = assumed(db, net)
    assert lone.settle(db, session.id, now=LATER) is None
    stop_arrives(db, session, 9_500)
    assert lone.settle(db, session.id, now=DAYS_LATER).energy_wh == 9_500
    assert len(chain(db, session)) == 1


def test_a_late_stop_of_a_held_session_is_billed_without_a_person(db, net):
    session = assumed(db, net)
    review = lone.settle(db, session.id, now=LATER + timedelta(days=1))
    assert isinstance(review, Review)
    stop_arrives(db, session, 9_500)
    bill = lone.settle(db, session.id, now=DAYS_LATER)
    assert bill.energy_wh == 9_500
    assert (review.decision, review.decided_by) == ("settled", "system")
    assert session.billing is BillingState.BILLED


def test_a_late_stop_of_a_billed_session_credits_and_bills_anew_once(db, approved):
    stop_arrives(db, approved, 9_500)
    correction = lone.settle(db, approved.id, now=DAYS_LATER)
    assert [bill.kind for bill in chain(db, approved)] == list(BillKind)
    assert correction.energy_wh == 9_500
    assert lone.settle(db, approved.id, now=DAYS_LATER) is None
    assert len(chain(db, approved)) == 3
    assert (
        sums(db, approved).gross_minor if False else sums(db, approved)[3] == correction.gross_minor
    )


def test_a_late_stop_that_changes_cents_is_noted_and_no_more(db, approved):
    stop_arrives(db, approved, 9_100)
    assert lone.settle(db, approved.id, now=DAYS_LATER) is None
    assert NOTED in approved.flags
    assert len(chain(db, approved)) == 1
    assert db.scalar(select(AuditEntry).where(AuditEntry.action == "session.late_stop"))
    assert lone.settle(db, approved.id, now=DAYS_LATER) is None


def test_a_late_stop_that_is_in_doubt_goes_back_to_a_person(db, approved):
    stop_arrives(db, approved, 900_000)
    review = lone.settle(db, approved.id, now=DAYS_LATER)
    assert "end_unexplained" in review.reasons
    assert "late_stop_after_decision" in review.reasons
    assert approved.billing is BillingState.HELD
    assert len(chain(db, approved)) == 1
    assert lone.settle(db, approved.id, now=DAYS_LATER) is None


def test_what_a_person_set_is_not_overturned_by_a_late_stop(db, approved):
    billing.correct(db, GRACE, approved, reason="r", now=LATER, energy_wh=Decimal(3_000))
    stop_arrives(db, approved, 9_500)
    assert isinstance(lone.settle(db, approved.id, now=DAYS_LATER), Review)
    assert billing.standing(db, approved).energy_wh == 3_000


def test_a_stop_that_was_never_late_changes_nothing(db, billed):
    assert lone.settle(db, billed.id, now=DAYS_LATER) is None
    assert len(chain(db, billed)) == 1


# Counting again


def recount(db, net):
    return list(billing.recompute(db, tenant_id=net.site.tenant_id, now=DAYS_LATER))


def test_a_recount_confirms_what_was_billed(db, net, billed):
    assert recount(db, net) == []


def test_a_recount_tells_the_difference_and_changes_nothing(db, net, billed):
    billed.meter_stop_wh = Decimal(109_500)
    db.flush()
    (found,) = recount(db, net)
    assert (found.billed_wh, found.energy_wh) == (10_000, 9_500)
    assert len(chain(db, billed)) == 1


def test_a_difference_is_corrected_with_a_reason(db, net, billed):
    billed.meter_start_wh = Decimal(99_000)
    db.flush()
    (found,) = recount(db, net)
    assert found.correctable
    made = billing.correct_difference(db, GRACE, billed.id, reason="start read anew", now=LATER)
    assert made.energy_wh == 11_000
    assert recount(db, net) == []
    assert billing.correct_difference(db, GRACE, billed.id, reason="again", now=LATER) is None


def test_a_recount_in_doubt_is_told_but_left_to_a_person(db, net, billed):
    billed.unauthorised = True
    billed.meter_start_wh = Decimal(99_000)
    db.flush()
    (found,) = recount(db, net)
    assert found.doubts == ("unauthorised",)
    assert billing.correct_difference(db, GRACE, billed.id, reason="r", now=LATER) is None


def test_what_a_person_decided_stays_decided_in_a_recount(db, net, billed):
    billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=Decimal(3_000))
    assert recount(db, net) == []
