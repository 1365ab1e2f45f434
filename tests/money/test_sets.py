"""Bills and mails in sets: many nudges are one round, and what cannot be done stops no other."""

import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app import reactions
from app.domain.ground import events
from app.domain.ground.vocabulary import BillingState, ReceiptState
from app.domain.money import billing
from app.extensions import db as flask_db
from app.mails import post_office
from app.models import Bill, ChargingSession, Delivery, Driver, Receipt
from app.process.clock import utc_now
from app.process.queues import QUEUES
from app.tasks.rounds import bill_ended, send_post, settle_waiting
from app.uow import unit_of_work
from tests.conftest import make_app
from tests.support.charging import STARTED, network
from tests.support.mail import MailServer

AN_HOUR_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1, minutes=5)


def soon():
    return time.monotonic() + 60


def numbers():
    flask_db.session.rollback()
    return flask_db.session.scalars(select(Bill.number).order_by(Bill.place)).all()


# Bills


def test_one_that_cannot_be_billed_costs_its_set_nothing_and_leaves_no_gap(any_app):
    with unit_of_work() as db:
        net = network(db)
        for count in range(7):
            zone = "No/Where" if count == 3 else "Europe/Berlin"
            net.session(started_at=AN_HOUR_AGO, timezone=zone)
    settings = any_app.config["SETTINGS"]
    assert settle_waiting(settings, soon()) is False
    assert [number[5:] for number in numbers()] == [f"{count:06d}" for count in range(1, 7)]
    assert settle_waiting(settings, soon()) is False
    assert len(numbers()) == 6
    left = select(ChargingSession.id).where(ChargingSession.billing == BillingState.OPEN)
    assert flask_db.session.scalars(left).all() == [4]


def test_more_than_one_set_is_billed_in_one_round(app):
    with unit_of_work() as db:
        net = network(db)
        made = [net.session(started_at=AN_HOUR_AGO).id for _ in range(45)]
    bill_ended()
    assert len(numbers()) == len(set(numbers())) == len(made)


# Nudges


@pytest.fixture
def nudged(migrated, tmp_path, redis_server):
    """An application with a Redis in which nothing waits; no webhook listens."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    app = make_app(tmp_path, redis_url=redis_server.url)
    app.extensions["redis"].flushdb()
    with app.app_context():
        reactions.needless(reactions.HOOKS)
        yield app
        flask_db.session.remove()
        flask_db.engine.dispose()


def waiting(app):
    reactions.flush(60)
    return sum(app.extensions["redis"].llen(name) for name in QUEUES)


def test_many_ended_sessions_ask_once_until_somebody_begins(nudged):
    reactions.react(events.SessionEnded(1, number, 1) for number in range(50))
    reactions.react([events.SessionEnded(1, 51, 1)])
    assert waiting(nudged) == 1
    reactions.heard(reactions.BILL)
    reactions.react([events.SessionEnded(1, 52, 1)])
    assert waiting(nudged) == 2


def test_bills_and_other_mails_ask_for_one_round_of_the_post(nudged):
    reactions.react([events.BillIssued(1, 1, 1), events.MailWanted(1, 1)])
    reactions.react([events.ReceiptWanted(1, 1, 1)])
    assert waiting(nudged) == 1


def test_who_begins_without_a_redis_begins_all_the_same(app):
    reactions.heard(reactions.BILL)


# Mails


class StrictServer(MailServer):
    """Counts connections, refuses one recipient, and hangs up after some mails."""

    def __init__(self):
        super().__init__()
        self.connections, self.refused, self.most = 0, "", 99

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.connections += 1
        session.host_name, session.mails = hostname, 0
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if session.mails >= self.most:
            return "421 that is enough for one connection"
        session.mails += 1
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def smtp_server():
    server = StrictServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def six(smtp_app):
    """Six receipts of as many drivers that wait."""
    with unit_of_work() as db:
        net = network(db)
        ids = []
        for count in range(6):
            driver = Driver(
                tenant_id=net.site.tenant_id, name=f"Driver {count}", language="de",
                email=f"d{count}@example.org", email_key=f"d{count}@example.org",
                created_at=STARTED,
            )  # fmt: skip
            db.add(driver)
            db.flush()
            ids.append(net.session(driver_id=driver.id).id)
        billing.settle_all(db, ids, now=STARTED + timedelta(hours=2))
    return smtp_app


def states():
    flask_db.session.rollback()
    return flask_db.session.scalars(select(Receipt.state).order_by(Receipt.id)).all()


def recipients(server):
    return [mail["To"].addresses[0].addr_spec for mail in server.messages]


def test_all_mails_that_wait_go_over_one_connection(six, smtp_server):
    send_post()
    assert recipients(smtp_server) == [f"d{count}@example.org" for count in range(6)]
    assert states() == [ReceiptState.SENT] * 6
    assert smtp_server.connections == 1
    said = flask_db.session.scalars(select(Delivery.event).order_by(Delivery.id)).all()
    assert sorted(said) == sorted(["queued", "sending", "sent"] * 6)


def test_a_recipient_that_is_refused_harms_nobody_else(six, smtp_server):
    smtp_server.refused = "d2@example.org"
    send_post()
    assert states() == [ReceiptState.SENT] * 2 + [ReceiptState.FAILED] + [ReceiptState.SENT] * 3
    assert len(smtp_server.messages) == 5


def test_a_server_that_hangs_up_after_some_mails_is_called_again(six, smtp_server):
    smtp_server.most = 2
    send_post()
    assert states() == [ReceiptState.SENT] * 6
    assert len(smtp_server.messages) == 6
    assert smtp_server.connections == 3


def test_a_server_that_is_away_postpones_all_that_wait(six):
    away = replace(six.config["SETTINGS"], smtp_url="smtp://127.0.0.1:1")
    post_office.send_waiting(away, post_office.RECEIPTS, soon(), utc_now)
    assert states() == [ReceiptState.QUEUED] * 6
    attempts = select(Receipt.attempts, Receipt.next_try_at)
    for attempted, next_try_at in flask_db.session.execute(attempts):
        assert attempted == 1
        assert next_try_at > datetime.now(UTC)


def test_a_letter_that_cannot_be_written_stops_no_other(six, smtp_server, monkeypatch):
    write = post_office.letters.receipt

    def fails_once(bill, language):
        if bill.number.endswith("3"):
            raise RuntimeError("this one")
        return write(bill, language)

    monkeypatch.setattr(post_office.letters, "receipt", fails_once)
    send_post()
    assert states() == [ReceiptState.SENT] * 2 + [ReceiptState.QUEUED] + [ReceiptState.SENT] * 3


def test_a_mail_that_was_asked_for_again_meanwhile_is_not_sent_as_it_was(six, smtp_server):
    settings, clock = six.config["SETTINGS"], utc_now
    (written,) = post_office._written(settings, post_office.RECEIPTS, [1], clock)
    with unit_of_work() as db:
        db.get(Receipt, 1).message_id = "another"
    with unit_of_work() as db:
        assert post_office._claim_receipt(db, settings, written, clock()) is None
    assert states()[0] is ReceiptState.QUEUED
