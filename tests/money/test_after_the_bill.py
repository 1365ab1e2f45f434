"""What arrives when a session was billed: a person sees both figures, and nothing is dropped."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.charging import metering, sessions
from app.domain.charging.metering import Metered
from app.domain.charging.sessions import Stop
from app.domain.ground.errors import Conflict, NotFound
from app.domain.ground.vocabulary import (
    SYSTEM,
    Actor,
    BillingState,
    MeterReport,
    ReceiptState,
    Role,
    Sample,
    SessionState,
    StopReason,
)
from app.domain.money import billing, reviews
from app.domain.office import staff
from app.models import AuditEntry, Bill, Review, Station, StrayStop, Tenant
from tests.support import lone, seed
from tests.support.charging import STARTED

GRACE = Actor("Grace Hopper", 7)
ENDED = STARTED + timedelta(hours=1)
LATER = STARTED + timedelta(hours=2)
DAYS_LATER = STARTED + timedelta(days=3)


@pytest.fixture
def billed(db, net):
    session = net.session()
    lone.issue(db, session.id, now=LATER)
    return session


def stop(session, wh, at=ENDED, ref=""):
    reference = ref or session.transaction_ref
    return Stop(
        transaction_ref=reference, meter_stop_wh=Decimal(wh), ended_at=at,
        reason=StopReason.LOCAL, word="Local", token=None,
        payload={"transactionId": reference, "timestamp": at.isoformat()},
    )  # fmt: skip


def tell_stop(db, net, told, now=DAYS_LATER):
    return lone.end(db, net.station, told, now=now)[0]


def test_a_second_stop_with_another_register_goes_to_review_with_both(db, net, billed):
    tell_stop(db, net, stop(billed, 105_000))
    review = lone.settle(db, billed.id, now=DAYS_LATER)
    assert review.reasons == ["ends_contradict", "late_stop_after_decision"]
    (other,) = billing.other_ends(db, billed, DAYS_LATER)
    assert (other.energy_wh, other.register_wh) == (5_000, 105_000)
    assert other.gross_minor < billing.standing(db, billed).gross_minor
    assert billed.meter_stop_wh == 110_000


def test_the_same_second_stop_again_opens_no_second_review(db, net, billed):
    tell_stop(db, net, stop(billed, 105_000))
    review = lone.settle(db, billed.id, now=DAYS_LATER)
    reviews.keep(db, GRACE, review, note="the first is right", now=DAYS_LATER)
    tell_stop(db, net, stop(billed, 105_000))
    assert lone.settle(db, billed.id, now=DAYS_LATER) is None
    assert billed.billing is BillingState.BILLED
    assert len(db.scalars(select(Bill)).all()) == 1


def test_two_stops_that_differ_hold_the_first_bill(db, net):
    session = net.session()
    tell_stop(db, net, stop(session, 105_000), now=LATER)
    review = lone.settle(db, session.id, now=LATER)
    assert isinstance(review, Review)
    assert "ends_contradict" in review.reasons


def test_a_stop_told_again_a_second_later_is_no_contradiction(db, net):
    session = net.session()
    tell_stop(db, net, stop(session, 110_000, ENDED + timedelta(seconds=1)), now=LATER)
    assert isinstance(lone.settle(db, session.id, now=LATER), Bill)


def test_a_small_difference_is_noted_with_its_amount_and_never_dropped(db, net, billed):
    tell_stop(db, net, stop(billed, 110_100))
    assert lone.settle(db, billed.id, now=DAYS_LATER) is None
    assert "late_stop_noted" in billed.flags
    assert db.scalar(select(AuditEntry).where(AuditEntry.action == "session.late_stop"))


def test_the_tenant_says_what_is_small(db, net, billed):
    db.get(Tenant, net.site.tenant_id).late_below_minor = 0
    tell_stop(db, net, stop(billed, 110_100))
    assert isinstance(lone.settle(db, billed.id, now=DAYS_LATER), Review)


def report(minute, wh):
    sample = Sample("Energy.Active.Import.Register", Decimal(wh), "Wh", text=str(wh))
    return MeterReport(STARTED + timedelta(minutes=minute), (sample,))


def test_late_readings_mark_a_billed_session_and_the_sweep_finds_it(db, net, billed):
    item = Metered(net.station.id, 1, billed.transaction_ref, (report(30, 105_000),))
    metering.store(db, [item], now=DAYS_LATER)
    db.refresh(billed)
    assert billed.late_evidence_at == DAYS_LATER
    assert billed.id in billing.unsettled(db, now=DAYS_LATER)
    # They change neither the energy nor the price.
    assert lone.settle(db, billed.id, now=DAYS_LATER) is None
    assert billed.id not in billing.unsettled(db, now=DAYS_LATER)


def test_readings_of_a_running_session_mark_nothing(db, net):
    session = net.session(state=SessionState.CHARGING, ended_at=None, meter_stop_wh=None)
    item = Metered(net.station.id, 1, session.transaction_ref, (report(30, 105_000),))
    metering.store(db, [item], now=LATER)
    db.refresh(session)
    assert session.late_evidence_at is None


def test_late_readings_that_change_the_energy_of_a_bill_go_to_review(db, net):
    session = net.session(meter_stop_wh=None)
    net.reading(session, 50, 5_000)
    review = lone.issue(db, session.id, now=LATER)
    reviews.approve(db, GRACE, review, note="it is all there is", now=LATER)
    item = Metered(net.station.id, 1, session.transaction_ref, (report(59, 109_000),))
    metering.store(db, [item], now=DAYS_LATER)
    db.refresh(session)
    again = lone.settle(db, session.id, now=DAYS_LATER)
    assert "late_stop_after_decision" in again.reasons
    assert billing.standing(db, session).energy_wh == 5_000
    reviews.approve(db, GRACE, again, note="these are right", now=DAYS_LATER)
    assert billing.standing(db, session).energy_wh == 9_000


def test_a_bill_that_is_kept_keeps_its_energy(app, db, net):
    session = ended_by_hand(db, net)
    bill = reviews.bill_now(db, GRACE, session, note="the driver asks for it", now=LATER)
    for minute, wh in ((70, 112_000), (80, 112_000)):
        item = Metered(net.station.id, 1, session.transaction_ref, (report(minute, wh),))
        metering.store(db, [item], now=DAYS_LATER)
        db.refresh(session)
        if review := lone.settle(db, session.id, now=DAYS_LATER):
            reviews.keep(db, GRACE, review, note="no other car was there", now=DAYS_LATER)
        assert (session.energy_wh, session.decided_wh) == (bill.energy_wh, 12_000)
    said = f"What was told later differs from bill {bill.number} by +3.000 kWh"
    who = {"email": "g@x.y", "name": "Grace", "role": Role.VIEWER, "tenant_id": session.tenant_id}
    client = seed.signed_in(app, staff.create(db, SYSTEM, now=LATER, **who))
    assert said in client.get(f"/sessions/{session.id}").text


def test_a_small_difference_leaves_the_energy_as_it_was_billed(db, net):
    session = ended_by_hand(db, net)
    bill = reviews.bill_now(db, GRACE, session, note="the driver asks for it", now=LATER)
    tell_stop(db, net, stop(session, 109_100))
    assert lone.settle(db, session.id, now=DAYS_LATER) is None
    assert session.energy_wh == bill.energy_wh == 9_000


def test_late_readings_of_a_billed_assumed_end_go_to_review(db, net):
    session = ended_by_hand(db, net)
    reviews.bill_now(db, GRACE, session, note="the driver asks for it", now=LATER)
    item = Metered(net.station.id, 1, session.transaction_ref, (report(70, 112_000),))
    metering.store(db, [item], now=DAYS_LATER)
    db.refresh(session)
    review = lone.settle(db, session.id, now=DAYS_LATER)
    assert "late_stop_after_decision" in review.reasons
    assert session.energy_wh == 12_000
    assert billing.standing(db, session).energy_wh == 9_000


def test_a_waived_session_goes_to_a_person_again_when_more_is_told(db, net):
    session = net.session(meter_stop_wh=None)
    net.reading(session, 50, 5_000)
    review = lone.issue(db, session.id, now=LATER)
    reviews.waive(db, GRACE, review, note="goodwill", now=LATER)
    item = Metered(net.station.id, 1, session.transaction_ref, (report(59, 109_000),))
    metering.store(db, [item], now=DAYS_LATER)
    db.refresh(session)
    assert isinstance(lone.settle(db, session.id, now=DAYS_LATER), Review)


def test_a_correction_to_zero_is_told(db, net):
    net.version.definition = {
        **net.version.definition,
        "components": [{"kind": "energy", "price": "0.40"}],
    }
    session = net.session()
    lone.issue(db, session.id, now=LATER)
    made = billing.correct(
        db, GRACE, session, reason="nobody charged", now=LATER, energy_wh=Decimal(0)
    )
    assert (made.gross_minor, made.energy_wh) == (0, 0)
    assert made.receipt.state is ReceiptState.QUEUED


def test_only_the_bill_that_stands_can_be_corrected_or_taken_back(db, billed):
    first = billing.standing(db, billed)
    wh = Decimal(5_000)
    second = billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=wh, named=first)
    with pytest.raises(Conflict, match=f"{first.number} does not stand; bill {second.number} does"):
        billing.correct(db, GRACE, billed, reason="r", now=LATER, energy_wh=Decimal(1), named=first)
    with pytest.raises(Conflict, match=f"bill {second.number} does"):
        billing.refund(db, GRACE, billed, reason="r", now=LATER, named=first)


# Billing an assumed end at once


def ended_by_hand(db, net):
    session = net.session(state=SessionState.CHARGING, ended_at=None, meter_stop_wh=None)
    net.reading(session, 55, 9_000)
    sessions.close_provisionally(db, session, now=LATER, actor=GRACE, remark="charger is gone")
    return session


def test_a_session_ended_by_hand_is_billed_at_once_when_a_person_says_so(db, net):
    session = ended_by_hand(db, net)
    assert lone.settle(db, session.id, now=LATER) is None
    bill = reviews.bill_now(db, GRACE, session, note="the driver asks for it", now=LATER)
    assert (bill.energy_wh, bill.issued_by) == (9_000, "Grace Hopper")
    assert bill.receipt.state is ReceiptState.QUEUED
    with pytest.raises(Conflict):
        reviews.bill_now(db, GRACE, session, note="again", now=LATER)


def test_another_doubt_still_holds_it(db, net):
    session = ended_by_hand(db, net)
    session.unauthorised = True
    review = reviews.bill_now(db, GRACE, session, note="the driver asks for it", now=LATER)
    assert isinstance(review, Review)
    assert review.decided_at is None


# Stray stops


def stray(db, net, session, wh=109_500):
    tell_stop(db, net, stop(session, wh, ref="9999"), now=LATER)
    return db.scalar(select(StrayStop))


def test_a_stray_stop_ends_the_session_that_it_is_given_to(db, net):
    session = net.session(state=SessionState.CHARGING, ended_at=None, meter_stop_wh=None)
    row = stray(db, net, session)
    assert sessions.candidates(db, row) == [session]
    for _ in range(2):
        sessions.assign_stray(db, GRACE, row, session, note="by its register", now=LATER)
    assert (session.meter_stop_wh, session.ended_at) == (109_500, ENDED)
    assert (row.outcome, row.session_id) == ("matched", session.id)
    assert lone.settle(db, session.id, now=LATER).energy_wh == 9_500
    entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "stray_stop.assign")).all()
    assert [entry.note for entry in entries] == ["by its register"]


def test_a_stray_stop_of_a_billed_session_goes_to_review(db, net, billed):
    row = stray(db, net, billed, wh=105_000)
    sessions.assign_stray(db, GRACE, row, billed, note="by its register", now=DAYS_LATER)
    review = lone.settle(db, billed.id, now=DAYS_LATER)
    assert "ends_contradict" in review.reasons
    assert [end.energy_wh for end in billing.other_ends(db, billed, DAYS_LATER)] == [5_000]


def test_a_stray_stop_is_given_to_no_session_of_another_station(db, net, billed):
    row = stray(db, net, billed)
    other = Station(
        tenant_id=net.site.tenant_id, site_id=net.site.id, identity="CP-2",
        identity_key="cp-2", created_at=STARTED,
    )  # fmt: skip
    db.add(other)
    db.flush()
    row.station_id = other.id
    with pytest.raises(NotFound):
        sessions.assign_stray(db, GRACE, row, billed, note="r", now=LATER)
