"""The review inbox: approved, corrected or waived, with a reason, once."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, BillingState, BillKind, ReceiptState
from app.domain.money import reviews
from app.domain.network import tenants
from app.models import AuditEntry, Bill, StrayStop, Tariff, TariffVersion, Tenant
from app.queries.ground.paging import Wish
from app.queries.money import reviews as queries
from tests.support import lone
from tests.support.charging import PRICES, STARTED

GRACE = Actor("Grace Hopper", 7)
LATER = STARTED + timedelta(hours=2)


def hold(db, net, **given):
    session = net.session(**{"unauthorised": True, **given})
    return session, lone.issue(db, session.id, now=LATER)


def test_waiting_ones_are_counted(db, net):
    assert queries.waiting(db, Wish()).total == 0
    _, review = hold(db, net)
    assert queries.waiting(db, Wish()).total == 1
    reviews.waive(db, GRACE, review, note="goodwill", now=LATER)
    assert queries.waiting(db, Wish()).total == 0


def test_approving_bills_what_was_measured_and_mails_it(db, net):
    session, review = hold(db, net)
    bill = reviews.approve(db, GRACE, review, note="it was our technician", now=LATER)
    assert (bill.energy_wh, bill.net_minor) == (10_000, 450)
    assert bill.issued_by == "Grace Hopper"
    assert bill.receipt.state is ReceiptState.QUEUED
    assert session.billing is BillingState.BILLED
    assert (review.decision, review.decided_by, review.note) == (
        "approved",
        "Grace Hopper",
        "it was our technician",
    )


def test_correcting_bills_the_energy_that_was_named(db, net):
    session, review = hold(db, net, wh=910_000)
    bill = reviews.approve(
        db, GRACE, review, energy_wh=Decimal("9100.5"), note="a digit too many", now=LATER
    )
    assert bill.energy_wh == Decimal("9100.5")
    assert session.energy_wh == Decimal("9100.5")
    assert bill.facts["corrected"] is True
    assert review.corrected_energy_wh == Decimal("9100.5")


def test_the_most_that_a_plug_can_give_is_not_approved_as_measured(db, net):
    session, review = hold(db, net, wh=910_000)
    with pytest.raises(Invalid, match="name the right energy") as refused:
        reviews.approve(db, GRACE, review, note="go on", now=LATER)
    assert refused.value.field == "energy_kwh"
    tally = reviews.approve_all(db, GRACE, [review], note="all of them", now=LATER)
    assert (tally.changed, len(tally.refused)) == (0, 1)
    assert session.billing is BillingState.HELD
    assert db.scalars(select(Bill)).all() == []


def test_waiving_charges_nothing_and_mails_nothing(db, net):
    session, review = hold(db, net)
    reviews.waive(db, GRACE, review, note="goodwill", now=LATER)
    assert session.billing is BillingState.WAIVED
    assert db.scalars(select(Bill)).all() == []
    assert lone.settle(db, session.id, now=LATER) is None


def test_every_decision_is_audited_with_its_reason(db, net):
    _, review = hold(db, net)
    reviews.waive(db, GRACE, review, note="goodwill", now=LATER)
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "review.decide"))
    assert (entry.actor, entry.note, entry.after["decision"]) == (
        "Grace Hopper",
        "goodwill",
        "waived",
    )


@pytest.mark.parametrize("note", ["", " ", "x" * 301])
def test_no_decision_without_a_reason(db, net, note):
    _, review = hold(db, net)
    with pytest.raises(Invalid):
        reviews.approve(db, GRACE, review, note=note, now=LATER)
    with pytest.raises(Invalid):
        reviews.approve(db, GRACE, review, energy_wh=Decimal(1), note=note, now=LATER)
    with pytest.raises(Invalid):
        reviews.waive(db, GRACE, review, note=note, now=LATER)
    assert review.decided_at is None


def test_the_first_decision_stands(db, net):
    _, review = hold(db, net)
    reviews.waive(db, GRACE, review, note="goodwill", now=LATER)
    with pytest.raises(Conflict, match="Grace Hopper has decided this already: waived"):
        reviews.approve(db, Actor("Otto"), review, note="no", now=LATER)


def test_a_session_without_a_price_needs_a_tariff_chosen(db, net):
    session, review = hold(db, net, tariff_version_id=None, unauthorised=False)
    with pytest.raises(Invalid, match="no price"):
        reviews.approve(db, GRACE, review, note="n", now=LATER)
    bill = reviews.approve(db, GRACE, review, note="n", now=LATER, tariff_version_id=net.version.id)
    assert bill.net_minor == 450
    assert session.tariff_version_id == net.version.id
    assert "chosen in review by Grace Hopper" in session.tariff_why


def test_another_currency_or_another_tenants_tariff_is_no_choice(db, net):
    other = Tenant(name="Somebody else", created_at=STARTED)
    db.add(other)
    db.flush()
    _, review = hold(db, net, tariff_version_id=None)
    for tenant_id, currency in ((other.id, "EUR"), (net.site.tenant_id, "CHF")):
        tariff = Tariff(
            tenant_id=tenant_id, name=f"T{currency}", name_key=currency, currency=currency,
            created_at=STARTED,
        )  # fmt: skip
        db.add(tariff)
        db.flush()
        definition = {**PRICES, "currency": currency}
        version = TariffVersion(
            tariff_id=tariff.id, number=1, definition=definition, created_at=STARTED
        )
        db.add(version)
        db.flush()
        with pytest.raises(Invalid):
            reviews.approve(db, GRACE, review, note="n", now=LATER, tariff_version_id=version.id)


def test_waiving_after_a_bill_takes_the_bill_back(db, net):
    session, review = hold(db, net)
    bill = reviews.approve(db, GRACE, review, note="n", now=LATER)
    session.billing, review.decided_at = BillingState.HELD, None
    db.flush()
    reviews.waive(db, GRACE, review, note="after all", now=LATER)
    credit = db.scalar(select(Bill).where(Bill.kind == BillKind.CREDIT))
    assert credit.gross_minor == -bill.gross_minor


def test_a_stop_of_no_session_is_put_aside_once_with_a_reason(db, net):
    stray = StrayStop(
        station_id=net.station.id, transaction_ref="0", ended_at=STARTED, received_at=STARTED,
        payload={}, digest="d",
    )  # fmt: skip
    db.add(stray)
    db.flush()
    with pytest.raises(Invalid):
        reviews.dismiss_stray(db, GRACE, stray, note="", now=LATER)
    reviews.dismiss_stray(db, GRACE, stray, note="a test of ours", now=LATER)
    assert stray.outcome == "dismissed"
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "stray_stop.dismiss"))
    assert entry.tenant_id == tenants.first(db, now=LATER).id
    with pytest.raises(Conflict):
        reviews.dismiss_stray(db, GRACE, stray, note="again", now=LATER)
