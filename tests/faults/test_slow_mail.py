"""A mail server that takes its time holds up mails alone: bills and sweeps go on."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.office.housekeeping import SWEEP
from app.models import Bill, SystemMark
from tests.support.charging import Network, network
from tests.support.mail import MailServer
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

SESSIONS = 30
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


class Slow(MailServer):
    """Keeps each mail in its hands until it may answer."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.may_answer = threading.Event(), threading.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.set()
        await asyncio.to_thread(self.may_answer.wait)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def smtp_server():
    server = Slow()
    server.start()
    yield server
    server.may_answer.set()
    server.stop()


def end_sessions(site, count, net=None):
    """Have sessions stand there that ended an hour ago and wait for their bills."""
    with site.work() as db:
        net = network(db) if net is None else Network(db, *map(db.merge, rows_of(net)))
        for _ in range(count):
            net.session(started_at=BEGAN)
    return net


def rows_of(net):
    return net.site, net.station, net.driver, net.version


def bills(site):
    with site.read() as db:
        return db.scalar(select(func.count(Bill.id)))


def swept_at(site):
    with site.read() as db:
        mark = db.get(SystemMark, SWEEP)
        return mark.at if mark is not None else None


@pytest.mark.landing
def test_bills_and_sweeps_go_on_while_a_mail_hangs(make_site, smtp_server):
    site = make_site("sqlite", processes=("celery", "beat"), smtp_url=smtp_server.url)
    net = end_sessions(site, 1)
    assert smtp_server.taken.wait(120), "the first receipt is on its way"
    end_sessions(site, SESSIONS, net)
    eventually(lambda: bills(site) == 1 + SESSIONS, what="all bills are written")
    before = swept_at(site)
    eventually(lambda: swept_at(site) > before, what="another sweep was done")
    assert smtp_server.messages == [], "the first mail still hangs"
    smtp_server.may_answer.set()
    eventually(lambda: len(smtp_server.messages) == 1 + SESSIONS, what="all mails arrive")
