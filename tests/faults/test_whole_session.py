"""A whole charging session, driven by the client of the `ocpp` package, ends as one session,
one bill and one mail: undisturbed, with every message sent twice, and with kill -9 at each step.
"""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.domain.ground.vocabulary import BillingState, SessionState
from app.models import Bill, ChargingSession, MeterReading
from app.process.queues import QUEUES
from app.reactions import BILL, POST
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY, SQLITE_BY_DAY
from tests.support.site import kept
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

#: The worker, Celery and its clock; the desk takes no part.
PROCESSES = ("worker", "celery", "beat")

START_WH, STOP_WH = 10_000, 17_350
METERED_WH = (12_000, 15_000)

# By hand: 1.00 + 7.350 kWh x 0.40 = 1.00 + 2.94 = 3.94 with tax;
# 3.94 / 1.19 = 3.3109, so 3.31 net and 0.63 tax.
GROSS_MINOR, NET_MINOR, TAX_MINOR = 394, 331, 63


class Charge:
    """The steps of one charging session of forty minutes that ends now."""

    def __init__(self, charger, tag):
        self.charger = charger
        self.tag = tag
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)
        self.transaction = 0

    def steps(self):
        yield self.boot
        yield self.authorize
        yield self.start
        for number, energy_wh in enumerate(METERED_WH, 1):
            yield lambda number=number, energy_wh=energy_wh: self.meter(number, energy_wh)
        yield self.stop

    def boot(self):
        assert self.charger.boot().status == "Accepted"

    def authorize(self):
        assert self.charger.authorize(self.tag).id_tag_info["status"] == "Accepted"

    def start(self):
        answer = self.charger.start(self.tag, START_WH, self.began)
        assert answer.id_tag_info["status"] == "Accepted"
        assert answer.transaction_id > 0
        self.transaction = answer.transaction_id

    def meter(self, number, energy_wh):
        at = self.began + timedelta(minutes=13 * number)
        self.charger.meter(self.transaction, energy_wh, at)

    def stop(self):
        at = self.began + timedelta(minutes=40)
        answer = self.charger.stop(self.transaction, STOP_WH, at, self.tag)
        assert (answer.id_tag_info or {"status": "Accepted"})["status"] == "Accepted"


@pytest.fixture
def run(make_site, smtp_server, charge_point, database):
    """Run a site and a session; `around(site, step)` performs each step."""

    def run(around, launch=None, **given):
        site = make_site(database, processes=PROCESSES, launch=launch, smtp_url=smtp_server.url)
        depot = furnish(site)
        charger = charge_point(site.charger_url, *depot.stations[0], **given)
        charger.connect()
        charge = Charge(charger, depot.tag)
        for step in charge.steps():
            around(site, step)
        return site

    return run


def assert_one_session_one_bill_one_mail(site, smtp_server):
    """Wait for the mail, ask for it again in every way there is, and find one of each."""

    def billed():
        with site.read() as db:
            return db.scalar(select(ChargingSession.billing)) == BillingState.BILLED

    eventually(billed, within=180, what="the session is billed")
    eventually(lambda: smtp_server.messages, within=180, what="the receipt arrives")
    nudge_again(site)
    with site.read() as db:
        (session,) = db.scalars(select(ChargingSession)).all()
        (bill,) = db.scalars(select(Bill)).all()
        assert session.state == SessionState.ENDED
        assert (session.meter_start_wh, session.meter_stop_wh) == (START_WH, STOP_WH)
        assert (bill.gross_minor, bill.net_minor, bill.tax_minor) == (
            GROSS_MINOR,
            NET_MINOR,
            TAX_MINOR,
        )
        assert sum(line.gross_minor for line in bill.lines) == GROSS_MINOR
        metered = db.scalars(select(MeterReading.register_wh).order_by(MeterReading.taken_at))
        assert set(METERED_WH) <= set(metered.all())
        assert db.scalar(select(func.count(MeterReading.id))) <= len(METERED_WH) + 2
    (mail,) = smtp_server.messages
    assert "ada@example.org" in mail["To"]
    assert "3.94" in mail.get_body(("plain",)).get_content()


def nudge_again(site):
    """Send every task once more, as a redelivery would, and wait until all are worked off."""
    celery, redis = site.app.extensions["celery"], site.app.extensions["redis"]
    # What a killed Celery had in hand comes back only after its visibility time-out.
    orphans = redis.hlen("unacked")
    with site.app.app_context():
        for name in (BILL, POST, "sweep"):
            celery.send_task(name)
    eventually(lambda: not any(map(redis.llen, QUEUES)), what="the queue is empty")
    eventually(lambda: redis.hlen("unacked") <= orphans, what="all tasks are done")


def test_a_session_ends_as_one_bill_and_one_mail(run, smtp_server):
    site = run(lambda site, step: step())
    assert_one_session_one_bill_one_mail(site, smtp_server)


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_every_message_sent_twice_changes_nothing(run, smtp_server):
    site = run(lambda site, step: step(), twice=True)
    assert_one_session_one_bill_one_mail(site, smtp_server)


@pytest.mark.nightly
@pytest.mark.parametrize("database", POSTGRESQL_BY_DAY)
def test_the_worker_is_killed_while_each_message_is_on_its_way(run, smtp_server):
    def around(site, step):
        failures = []

        def attempt():
            try:
                step()
            except BaseException as error:
                failures.append(error)

        sending = threading.Thread(target=attempt)
        sending.start()
        site.kill9("worker")
        site.restart("worker")
        sending.join()
        assert not failures, failures

    assert_one_session_one_bill_one_mail(run(around), smtp_server)


@pytest.mark.nightly
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
@pytest.mark.parametrize("victim", ["celery", "redis"])
def test_a_helper_is_killed_at_each_step(run, smtp_server, victim):
    def around(site, step):
        site.kill9(victim)
        step()
        site.restart(victim)

    launch = kept if victim == "redis" else None
    assert_one_session_one_bill_one_mail(run(around, launch), smtp_server)


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_celery_is_killed_right_after_the_stop(run, smtp_server):
    def around(site, step):
        step()
        site.kill9("celery")
        site.restart("celery")

    assert_one_session_one_bill_one_mail(run(around), smtp_server)
