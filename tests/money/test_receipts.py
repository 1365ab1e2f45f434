"""Receipts as rows: queued with the bill, claimed once, postponed, given up, asked for again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground import events
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import Actor, ReceiptState
from app.domain.money import billing, receipts
from app.domain.office import outbox
from app.models import AuditEntry
from tests.support import lone
from tests.support.charging import STARTED, network

GRACE = Actor("Grace Hopper", 7)
LATER = STARTED + timedelta(hours=2)


@pytest.fixture
def net(db):
    return network(db, language="de")


@pytest.fixture
def receipt(db, net):
    return lone.issue(db, net.session().id, now=LATER).receipt


def claim(db, receipt, now=LATER):
    return receipts.claim(db, receipt.id, domain="example.org", now=now)


def log(db, receipt):
    db.expire(receipt)
    return [delivery.event for delivery in receipt.deliveries]


def test_a_receipt_is_queued_in_the_drivers_language(receipt):
    assert (receipt.state, receipt.language) == (ReceiptState.QUEUED, "de")
    assert receipt.recipient == "ada@example.org"


def test_it_is_claimed_once_and_then_sent(db, receipt):
    claimed = claim(db, receipt)
    assert (receipt.state, claimed.attempts) == (ReceiptState.SENDING, 1)
    assert claim(db, receipt) is None
    outbox.settle(db, receipts.KIND, claimed, ReceiptState.SENT, "250 Ok", now=LATER)
    assert (receipt.state, receipt.sent_at) == (ReceiptState.SENT, LATER)
    assert claim(db, receipt) is None
    assert log(db, receipt) == ["queued", "sending", "sent"]


def test_its_message_id_is_the_same_for_ever_and_nobody_elses(db, net, receipt):
    first = claim(db, receipt).message_id
    assert first.startswith("bill-2026-000001.")
    assert first.endswith("@example.org")
    outbox.settle(db, receipts.KIND, receipt, ReceiptState.QUEUED, "451 later", now=LATER)
    again = receipts.claim(db, receipt.id, domain="moved.example", now=LATER + timedelta(minutes=2))
    assert again.message_id == first
    other = lone.issue(db, net.session().id, now=LATER).receipt
    assert other.message_id.split(".")[1] != first.split(".")[1].split("@")[0]


def test_a_definite_failure_is_tried_again_later_and_at_last_given_up(db, receipt):
    now, waits = LATER, []
    while receipt.state is ReceiptState.QUEUED:
        claimed = claim(db, receipt, now)
        outbox.settle(db, receipts.KIND, claimed, ReceiptState.QUEUED, "451 come back", now=now)
        if receipt.next_try_at is None:
            break
        assert claim(db, receipt, receipt.next_try_at - timedelta(seconds=1)) is None
        waits.append(receipt.next_try_at - now)
        now = receipt.next_try_at
    assert receipt.state is ReceiptState.FAILED
    assert tuple(waits) == receipts.BACK_OFF
    assert waits == sorted(waits)
    assert receipt.error == "451 come back"


def test_a_permanent_refusal_is_not_tried_again(db, receipt):
    outbox.settle(
        db, receipts.KIND, claim(db, receipt), ReceiptState.FAILED, "550 no such user", now=LATER
    )
    assert receipt.state is ReceiptState.FAILED
    assert outbox.due(db, receipts.KIND, now=LATER + timedelta(days=9)) == []


def test_an_unclear_outcome_is_left_to_a_person(db, receipt):
    outbox.settle(
        db, receipts.KIND, claim(db, receipt), ReceiptState.UNKNOWN, "the line went dead", now=LATER
    )
    assert receipt.state is ReceiptState.UNKNOWN
    assert outbox.due(db, receipts.KIND, now=LATER + timedelta(days=9)) == []


def test_a_claim_whose_process_is_gone_becomes_unclear(db, receipt):
    claim(db, receipt)
    assert outbox.give_up_stale(db, receipts.KIND, now=LATER + timedelta(minutes=4)) == 0
    assert outbox.give_up_stale(db, receipts.KIND, now=LATER + timedelta(minutes=6)) == 1
    assert receipt.state is ReceiptState.UNKNOWN
    assert outbox.due(db, receipts.KIND, now=LATER + timedelta(days=9)) == []


def test_what_waits_is_found_when_it_is_due(db, receipt):
    assert outbox.due(db, receipts.KIND, now=LATER) == [receipt.id]
    outbox.settle(db, receipts.KIND, claim(db, receipt), ReceiptState.QUEUED, "451", now=LATER)
    assert outbox.due(db, receipts.KIND, now=LATER) == []
    assert outbox.due(db, receipts.KIND, now=LATER + timedelta(minutes=1)) == [receipt.id]


def test_a_person_may_ask_again_and_that_is_audited(db, net, receipt):
    outbox.settle(db, receipts.KIND, claim(db, receipt), ReceiptState.SENT, "250 Ok", now=LATER)
    net.driver.email, net.driver.language = "new@example.org", "en"
    db.flush()
    events.take(db)
    again = receipts.resend(db, GRACE, receipt, now=LATER)
    assert (again.state, again.recipient, again.language) == (
        ReceiptState.QUEUED,
        "new@example.org",
        "en",
    )
    wanted = events.ReceiptWanted(receipt.tenant_id, receipt.id, receipt.bill.session_id)
    assert wanted in events.take(db)
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "receipt.resend"))
    assert entry.actor == "Grace Hopper"


def test_what_is_on_its_way_is_not_sent_beside_itself(db, receipt):
    with pytest.raises(Conflict):
        receipts.resend(db, GRACE, receipt, now=LATER)
    claim(db, receipt)
    with pytest.raises(Conflict):
        receipts.resend(db, GRACE, receipt, now=LATER)


def test_every_mail_that_a_person_asks_for_is_another_mail(db, receipt):
    names = []
    for _ in range(3):
        names.append(claim(db, receipt).message_id)
        outbox.settle(db, receipts.KIND, receipt, ReceiptState.SENT, "250 Ok", now=LATER)
        receipts.resend(db, GRACE, receipt, now=LATER)
        stored = receipt.message_id
        db.expire_all()
        assert receipt.message_id == stored
    assert len(set(names)) == 3
    assert all(name.startswith("bill-2026-000001.") for name in names)


def test_a_mail_that_is_tried_again_stays_the_same_mail(db, receipt):
    outbox.settle(db, receipts.KIND, claim(db, receipt), ReceiptState.SENT, "250 Ok", now=LATER)
    receipts.resend(db, GRACE, receipt, now=LATER)
    first = claim(db, receipt).message_id
    outbox.settle(db, receipts.KIND, receipt, ReceiptState.QUEUED, "451 later", now=LATER)
    assert claim(db, receipt, LATER + timedelta(minutes=2)).message_id == first


def test_a_skipped_one_is_sent_once_somebody_names_an_address(db):
    net = network(db, email=None)
    receipt = lone.issue(db, net.session().id, now=LATER).receipt
    assert receipt.state is ReceiptState.SKIPPED
    with pytest.raises(Invalid):
        receipts.resend(db, GRACE, receipt, now=LATER)
    with pytest.raises(Invalid):
        receipts.resend(db, GRACE, receipt, now=LATER, recipient="nobody")
    receipts.resend(db, GRACE, receipt, now=LATER, recipient="ada@example.org")
    assert claim(db, receipt) is not None
    assert receipt.recipient == "ada@example.org"


def test_a_correction_has_a_receipt_of_its_own(db, net):
    session = net.session()
    first = lone.issue(db, session.id, now=LATER)
    made = billing.correct(db, GRACE, session, reason="r", now=LATER, energy_wh=Decimal(1_000))
    assert made.receipt.id != first.receipt.id
    assert made.receipt.message_id != first.receipt.message_id
