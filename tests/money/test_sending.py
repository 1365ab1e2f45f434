"""Receipts leave once: whatever is repeated, refused, cut off or killed on the way."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from app.domain.ground.vocabulary import Actor, ReceiptState
from app.domain.money import receipts
from app.domain.office import outbox
from app.extensions import db as flask_db
from app.mails import post_office
from app.process.clock import utc_now
from app.tasks.rounds import send_post
from app.uow import unit_of_work
from tests.support.mail import MailServer, send_receipt
from tests.support.wait import eventually

ROOT = Path(__file__).parent.parent.parent


def test_a_receipt_arrives_with_all_that_belongs_to_it(smtp_app, smtp_server, make_receipt, look):
    number = make_receipt()
    send_receipt(number)
    (mail,) = smtp_server.messages
    assert mail["To"] == "Ada Lovelace <ada@example.org>"
    assert mail["From"] == "Ampdesk <bills@charge.example>"
    assert mail["Subject"] == "Receipt 2026-000001: 10.000 kWh, €5.36"
    assert mail["Message-ID"] == f"<{look(number).message_id}>"
    assert mail["Message-ID"].endswith("@charge.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for body in (text, html):
        assert "10.000 kWh" in body
        assert "€5.36" in body
        assert "100.000 → 110.000" in body
        assert "Kerb" in body
    assert look(number).state is ReceiptState.SENT
    assert look(number).deliveries[-1].detail == "250 kept"


def test_the_same_nudge_many_times_sends_one_mail(smtp_app, smtp_server, make_receipt):
    number = make_receipt()
    for _ in range(3):
        send_receipt(number)
        send_post()
    assert len(smtp_server.messages) == 1


def test_many_senders_at_once_send_one_mail(smtp_app, smtp_server, make_receipt):
    number = make_receipt()

    def work(_):
        with smtp_app.app_context():
            settings = smtp_app.config["SETTINGS"]
            post_office.send(settings, post_office.RECEIPTS, [number], utc_now)
            flask_db.session.remove()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(smtp_server.messages) == 1


def test_an_unknown_receipt_is_nothing_to_do(smtp_app, smtp_server):
    send_receipt(4711)
    assert smtp_server.messages == []


def test_asking_again_sends_another_mail(smtp_app, smtp_server, make_receipt, look):
    number = make_receipt()
    send_receipt(number)
    with unit_of_work() as db:
        receipts.resend(db, Actor("Grace"), look(number), now=utc_now())
    send_receipt(number)
    first, second = smtp_server.messages
    assert first["Message-ID"] != second["Message-ID"]


# Refused


def test_a_server_that_is_busy_is_asked_again_later(smtp_app, smtp_server, make_receipt, look):
    number = make_receipt()
    smtp_server.refusal = "451 come back later"
    send_receipt(number)
    assert look(number).state is ReceiptState.QUEUED
    assert look(number).error == "451 come back later"
    assert look(number).next_try_at > datetime.now(UTC)
    smtp_server.refusal = None
    send_receipt(number)
    assert smtp_server.messages == []
    in_a_while = lambda: datetime.now(UTC) + timedelta(minutes=2)  # noqa: E731
    post_office.send(smtp_app.config["SETTINGS"], post_office.RECEIPTS, [number], in_a_while)
    assert len(smtp_server.messages) == 1


def test_a_server_that_refuses_for_good_is_not_asked_again(
    smtp_app, smtp_server, make_receipt, look
):
    number = make_receipt()
    smtp_server.refusal = "554 no"
    send_receipt(number)
    assert look(number).state is ReceiptState.FAILED


def test_a_server_that_is_away_is_asked_again_later(smtp_app, make_receipt, look):
    number = make_receipt()
    away = replace(smtp_app.config["SETTINGS"], smtp_url="smtp://127.0.0.1:1")
    post_office.send(away, post_office.RECEIPTS, [number], utc_now)
    assert look(number).state is ReceiptState.QUEUED
    assert "cannot be reached" in look(number).error
    assert look(number).attempts == 1


def test_a_database_that_is_lost_is_no_fault_of_each_mail(
    smtp_app, smtp_server, make_receipt, caplog
):
    number, tried = make_receipt(), []

    def lost(_settings, receipt, _now):
        tried.append(receipt.id)
        raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    def thrice(db, numbers):
        return 3 * list(receipts.waiting(db, numbers))

    kind = replace(post_office.RECEIPTS, read=thrice, write=lost)
    with pytest.raises(OperationalError):
        post_office.send(smtp_app.config["SETTINGS"], kind, [number], utc_now)
    assert tried == [number]
    assert "cannot be written" not in caplog.text
    flask_db.session.rollback()
    send_post()
    assert len(smtp_server.messages) == 1


@pytest.mark.parametrize("address", ["no address", "a@b\r\nBcc: x@y.example", "@"])
def test_an_address_that_cannot_be_one_fails_at_once(
    smtp_app, smtp_server, make_receipt, look, address
):
    number = make_receipt(email=address)
    send_receipt(number)
    assert look(number).state is ReceiptState.FAILED
    assert smtp_server.messages == []


# Cut off


class CuttingServer(MailServer):
    """Takes the whole mail and hangs up without a word."""

    async def handle_DATA(self, server, session, envelope):
        answer = await super().handle_DATA(server, session, envelope)
        server.transport.abort()
        return answer


class HangingServer(MailServer):
    """Says nothing any more at one step, until it is let go."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.reached = threading.Event()
        self.hangs = True

    async def hang(self, step):
        if step == self.step and self.hangs:
            self.reached.set()
            while self.hangs:
                await asyncio.sleep(0.02)

    async def handle_RCPT(self, server, session, envelope, address, options):
        await self.hang("RCPT")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = await super().handle_DATA(server, session, envelope)
        await self.hang("DATA")
        return answer


@pytest.fixture
def smtp_server(request):
    """The SMTP server; a test may name another kind of it by a parameter."""
    server = getattr(request, "param", MailServer)()
    server.start()
    yield server
    server.hangs = False
    server.stop()


@pytest.mark.parametrize("smtp_server", [CuttingServer], indirect=True)
def test_a_line_that_dies_after_the_mail_leaves_it_to_a_person(
    smtp_app, smtp_server, make_receipt, look
):
    number = make_receipt()
    send_receipt(number)
    assert look(number).state is ReceiptState.UNKNOWN
    send_receipt(number)
    assert (
        outbox.due(flask_db.session(), receipts.KIND, now=datetime.now(UTC) + timedelta(days=9))
        == []
    )
    assert len(smtp_server.messages) == 1


# Killed


SENDER = """
import gc
gc.disable()
import sys
from pathlib import Path
from app import create_app
from app.process.clock import utc_now
from app.mails import post_office
from app.config import Settings

folder, url, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
settings = Settings(data_dir=folder, redis_url="redis://127.0.0.1:1/0", smtp_url=url)
with create_app(settings=settings).app_context():
    post_office.send(settings, post_office.RECEIPTS, [number], utc_now)
"""


def kill_while_sending(app, server, number):
    """Have another process send a receipt and kill it at the step where the server hangs."""
    folder = app.config["SETTINGS"].data_dir
    command = [sys.executable, "-c", SENDER, str(folder), server.url, str(number)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        eventually(server.reached.is_set, what="the sender reached the step")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    server.hangs = False


@pytest.mark.landing
@pytest.mark.parametrize("smtp_server", [lambda: HangingServer("RCPT")], indirect=True)
def test_a_sender_killed_before_the_mail_left_is_replaced_by_the_next(
    smtp_app, smtp_server, make_receipt, look
):
    number = make_receipt()
    kill_while_sending(smtp_app, smtp_server, number)
    assert look(number).state is ReceiptState.QUEUED
    send_receipt(number)
    assert len(smtp_server.messages) == 1
    assert look(number).state is ReceiptState.SENT


@pytest.mark.landing
@pytest.mark.parametrize("smtp_server", [lambda: HangingServer("DATA")], indirect=True)
def test_a_sender_killed_while_the_mail_left_is_never_repeated(
    smtp_app, smtp_server, make_receipt, look
):
    number = make_receipt()
    kill_while_sending(smtp_app, smtp_server, number)
    assert look(number).state is ReceiptState.SENDING
    send_receipt(number)
    with unit_of_work() as db:
        outbox.give_up_stale(db, receipts.KIND, now=datetime.now(UTC) + timedelta(minutes=6))
    assert look(number).state is ReceiptState.UNKNOWN
    send_receipt(number)
    assert len(smtp_server.messages) == 1
