"""One trace from an order asked of the desk to its end, one from a charger's frame to a mail."""

import json
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.office import api_tokens, staff
from app.models import Station
from tests.support.depot import MAIL, TAG, furnish
from tests.support.wait import eventually
from tests.support.watchers import Collector

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


@pytest.fixture
def collector():
    with Collector(status=200) as collector:
        yield collector


@pytest.fixture
def site(make_site, collector, smtp_server):
    # Without the clock of the tasks: each is asked for by what happened.
    processes = ("web", "worker", "celery")
    return make_site(processes=processes, traces_url=collector.endpoint, smtp_url=smtp_server.url)


@pytest.fixture
def charger(site, charge_point):
    charger = charge_point(site.charger_url, *furnish(site).stations[0])
    charger.connect()
    charger.boot()
    return charger


def ordered(site):
    """Have the API unlock a connector, and wait for what the charger answers."""
    with site.work() as db:
        station = db.scalar(select(Station))
        about = {"tenant_id": station.tenant_id, "role": Role.ADMIN, "now": datetime.now(UTC)}
        user = staff.create(db, SYSTEM, email="bea@example.org", name="Bea", **about)
        _, token = api_tokens.issue(db, SYSTEM, user, name="trace", now=about["now"])
        number = station.id
    order = {"order": "unlock", "arguments": {"connector": 1}}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{site.desk_url}/api/v1/stations/{number}/orders?wait=30"
    asked = urllib.request.Request(url, json.dumps(order).encode(), headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return json.load(answer)


def charged(charger, ago=timedelta(), register_wh=10_000):
    """Charge for forty minutes that ended so long ago."""
    ended = datetime.now(UTC).replace(microsecond=0) - ago
    transaction = charger.start(TAG, register_wh, ended - timedelta(minutes=40)).transaction_id
    charger.stop(transaction, register_wh + 7_350, ended, TAG)


def path_to(collector, **last):
    """The spans from the first of a trace to the one that is as told, when all have come."""

    def found():
        spans = {span.number: span for span in collector.spans}
        for span in spans.values():
            if all(getattr(span, name) == value for name, value in last.items()):
                path = [span]
                while path[0].above:
                    if path[0].above not in spans:
                        return None
                    path.insert(0, spans[path[0].above])
                return path
        return None

    return eventually(found, what=f"a whole trace to {last}")


def names(path):
    return [(span.service.removeprefix("ampdesk-"), span.name) for span in path]


@pytest.mark.landing
def test_an_order_is_one_trace_from_the_request_to_the_answer_and_its_end(site, charger, collector):
    assert ordered(site)["state"] == "accepted"
    path = path_to(collector, service="ampdesk-worker", name="call.UnlockConnector")
    request = ("desk", "POST /api/v1/stations/<int:station_id>/orders")
    asked = [request, ("desk", "unit of work"), ("worker", "order.unlock")]
    assert names(path) == [*asked, ("worker", "call.UnlockConnector")]
    order = path[-2]
    assert order.about["ampdesk.outcome"] == "accepted"
    ends = [one for one in collector.spans if one.above == order.number]
    assert "unit of work" in {one.name for one in ends}
    assert len({one.trace for one in path}) == 1


@pytest.mark.landing
def test_a_stop_is_one_trace_from_the_frame_to_the_mail_and_tells_nothing_of_anybody(
    site, charger, collector, smtp_server
):
    charged(charger)
    eventually(lambda: smtp_server.messages, what="the receipt")
    path = path_to(collector, name="mail.receipt")
    assert names(path) == [
        *(("worker", "message"), ("worker", "unit of work")),
        *(("tasks", "task.bill_ended"), ("tasks", "unit of work")),
        *(("tasks", "task.send_post"), ("tasks", "mail.receipt")),
    ]
    assert path[0].about["ampdesk.action"] == "StopTransaction"
    told = b"".join(one.body for one in collector.taken)
    for secret in (TAG, MAIL, "Ada Lovelace"):
        assert secret.encode() not in told
