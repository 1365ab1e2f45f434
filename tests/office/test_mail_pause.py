"""A mail server that takes no mail at all pauses all mail; one recipient's refusal is its own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import AlertKind, ReceiptState
from app.domain.office import housekeeping, outbox
from app.extensions import db as flask_db
from app.mails import post_office
from app.models import Receipt, SystemMark
from app.queries.office import conditions
from app.tasks.rounds import send_post
from app.uow import unit_of_work
from app.views.office.home import down
from app.web import system
from tests.support import lone
from tests.support.charging import STARTED, network
from tests.support.mail import MailServer

AWAY = "smtp://127.0.0.1:1"


class Refusing(MailServer):
    """Refuses everything at a stage (MAIL, EHLO) until told otherwise; counts who calls."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.said, self.calls = "", "550 5.7.1 your address is on a list", 0

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.calls += 1
        session.host_name = hostname
        return [self.said] if self.stage == "EHLO" else responses

    async def handle_HELO(self, server: Any, session: Any, envelope: Any, hostname: str) -> str:
        session.host_name = hostname
        return self.said if self.stage == "EHLO" else "250 hello"

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.stage == "MAIL":
            return self.said
        envelope.mail_from = address
        return "250 OK"


@pytest.fixture
def smtp_server():
    server = Refusing()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def two(smtp_app):
    """An application in which two receipts wait."""
    with unit_of_work() as db:
        net = network(db)
        for _ in range(2):
            lone.issue(db, net.session().id, now=STARTED)
    return smtp_app


def receipts():
    flask_db.session.rollback()
    query = select(Receipt.state, Receipt.attempts).order_by(Receipt.id)
    return flask_db.session.execute(query).all()


def paused(now=None):
    flask_db.session.rollback()
    return outbox.paused_until(flask_db.session(), now=now or datetime.now(UTC))


def post(app, now, url=None):
    settings = app.config["SETTINGS"]
    settings = replace(settings, smtp_url=url) if url else settings
    for kind in (post_office.MAILS, post_office.RECEIPTS):
        post_office.send_waiting(settings, kind, float("inf"), lambda: now)


@pytest.mark.parametrize("stage", ["MAIL", "EHLO"])
def test_a_server_that_refuses_all_pauses_mail_and_costs_none_a_try(two, smtp_server, stage):
    smtp_server.stage = stage
    send_post()
    send_post()
    assert receipts() == [(ReceiptState.QUEUED, 0)] * 2
    assert paused() > datetime.now(UTC)
    assert smtp_server.calls == 1, "the second round did not call"


def test_pauses_grow_up_to_half_an_hour_and_end_by_themselves(two, smtp_server):
    smtp_server.stage, now, pauses = "MAIL", datetime.now(UTC), []
    for _ in range(8):
        post(two, now)
        pauses.append((paused(now) - now).total_seconds() / 60)
        now = paused(now)
    assert pauses == [1, 1, 2, 4, 8, 16, 30, 30]
    smtp_server.stage = ""
    post(two, now)
    assert receipts() == [(ReceiptState.SENT, 1)] * 2
    assert paused(now) is None
    assert flask_db.session.get(SystemMark, housekeeping.MAIL).ok


def test_a_server_that_is_away_pauses_mail_when_it_stays_away(two):
    now = datetime.now(UTC)
    post(two, now, AWAY)
    assert paused(now) is None
    assert receipts() == [(ReceiptState.QUEUED, 1)] * 2
    later = now + timedelta(minutes=2)
    post(two, later, AWAY)
    assert paused(later) == later + timedelta(minutes=2)
    assert receipts() == [(ReceiptState.QUEUED, 1)] * 2


def test_what_the_server_said_stands_on_home_and_in_the_alerts(two, smtp_server):
    smtp_server.stage = "MAIL"
    send_post()
    flask_db.session.rollback()
    db, now = flask_db.session(), datetime.now(UTC)
    (mail,) = [part for part in system.parts(db, now=now) if part.name == "Mail"]
    assert mail.state == system.BAD
    assert mail.fact.startswith("paused for ")
    assert "your address is on a list" in mail.sentence
    assert [finding.facts["part"] for finding in down([mail])] == [mail]
    found = conditions.look(db, 1, {AlertKind.MAIL_FAILED: 0}, now)
    assert any("your address is on a list" in one.what for one in found.found)


def test_a_person_ends_the_pause(two, smtp_server):
    smtp_server.stage = "MAIL"
    send_post()
    smtp_server.stage = ""
    with unit_of_work() as db:
        outbox.try_again(db, 1)
    send_post()
    assert receipts() == [(ReceiptState.SENT, 1)] * 2


def test_the_commands_end_it_too(two, smtp_server):
    smtp_server.stage = "MAIL"
    send_post()
    result = two.test_cli_runner().invoke(args=["system", "try-mail"])
    assert result.exit_code == 0
    assert paused() is None
