"""Tasks over a real RabbitMQ: nudges, ages, bills, mails and sweeps, also when it was away."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import reactions
from app.domain.ground import events
from app.domain.ground.vocabulary import BillingState
from app.models import ChargingSession
from app.process import queues
from tests.support import apps
from tests.support.depot import furnish
from tests.support.rabbit import POSSIBLE, Rabbit
from tests.support.wait import eventually
from tests.worker.test_traces import charged

pytestmark = [
    pytest.mark.processes,
    pytest.mark.nightly,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not POSSIBLE, reason="no RabbitMQ is installed on this system"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    server = Rabbit(tmp_path_factory.mktemp("rabbit") / "server")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def rabbit(running):
    """The server with nothing in its queues."""
    yield running
    if not running.process.running:
        running.start()


def states(app):
    reactions.flush(60)
    found = queues.queue_states(app.extensions["celery"])
    return None if found is None else {one.name: one for one in found}


def waiting(app):
    return {one.name: one.waiting for one in (states(app) or {}).values() if one.waiting}


@pytest.fixture
def app(rabbit, redis_server, tmp_path):
    with apps.running(tmp_path, redis_url=redis_server.url, broker_url=rabbit.url) as app:
        app.extensions["redis"].flushdb()
        for name in queues.QUEUES:
            with app.extensions["celery"].connection_for_write() as connection:
                connection.channel().queue_delete(name)
        yield app


def test_what_waits_tells_how_long_it_does_and_stays_where_it_is(app):
    assert states(app)["mails"] == queues.QueueState("mails", 0)
    for number in (1, 2):
        app.extensions["celery"].send_task("sign_certificate", [number])
    reactions.react([events.MailWanted(1, 1)])
    assert waiting(app) == {"mails": 1, "sweeps": 2}
    for _ in range(3):
        assert 0 <= states(app)["sweeps"].oldest_s < 60
    with app.extensions["celery"].connection_for_read() as connection:
        channel = connection.channel()
        taken = [channel.basic_get("sweeps", no_ack=True).body for _ in range(2)]
    assert ["[[1]" in str(body) for body in taken] == [True, False]


def test_nudges_go_on_after_it_was_away(app, rabbit):
    reactions.react([events.SessionEnded(1, 1, 1)])
    assert waiting(app) == {"bills": 1}
    rabbit.kill9()
    reactions.react([events.MailWanted(1, 1)])
    assert states(app) is None
    rabbit.start()

    def asked():
        reactions.react([events.MailWanted(1, 1)])
        return waiting(app).get("mails")

    eventually(asked, what="a nudge arrives")


def test_sessions_are_billed_and_mailed_also_one_that_ends_while_it_is_away(
    make_site, rabbit, smtp_server, charge_point
):
    # What nobody takes before the next one is asked for is dropped: a slow computer needs time.
    site = make_site(broker_url=rabbit.url, smtp_url=smtp_server.url, sweep_s=10)
    charger = charge_point(site.charger_url, *furnish(site).stations[0])
    charger.connect()
    charger.boot()
    charged(charger, ago=timedelta(hours=1))
    eventually(lambda: len(smtp_server.messages) == 1, what="the receipt")
    rabbit.kill9()
    charged(charger, register_wh=17_350)
    rabbit.start()
    eventually(lambda: len(smtp_server.messages) == 2, 180, "the receipt of what ended meanwhile")
    with site.read() as db:
        billing = set(db.scalars(select(ChargingSession.billing)))
    assert billing == {BillingState.BILLED}
    eventually(lambda: queues.did(site.app.extensions["redis"]).get("sweep ok"), what="a sweep")
