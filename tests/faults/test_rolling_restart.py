"""Two workers are renewed one after another under load: nothing is lost, nobody is cut off."""

import json
import urllib.request
from collections import Counter

import pytest
from sqlalchemy import select

from app.domain.network import credentials
from app.models import Message
from tests.support.gated import station
from tests.support.talkers import Talkers
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

WORKERS = ("worker", "worker2")
CHARGERS = 100


def both_live(site):
    port = site.settings.ocpp_port
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            return len(json.load(answer)["workers"]) == 2
    except OSError:
        return False


def logins(site):
    secret = credentials.generate()
    with site.work() as db:
        station(db, "CP-0")
    with site.work() as db:
        for number in range(1, CHARGERS + 1):
            station(db, f"CP-{number}").password_hash = credentials.hash_generated(secret)
    return [(f"CP-{number}", secret) for number in range(1, CHARGERS + 1)]


def stored(site):
    with site.read() as db:
        inbound = select(Message.message_id).where(~Message.outbound, Message.message_id != "")
        return Counter(db.scalars(inbound))


@pytest.mark.landing
def test_a_rolling_restart_loses_no_message_and_cuts_nobody_off(make_site):
    site = make_site("postgresql", processes=WORKERS, ocpp_processes=2, drain_s=5)
    with Talkers(site.charger_url, logins(site)) as talkers:
        for name in WORKERS:
            eventually(lambda: both_live(site), what="both workers live")
            eventually(lambda: len(talkers.connected) == CHARGERS, what="all are connected")
            assert site.processes[name].stop(patience_s=60) == 0
            site.restart(name)
        eventually(lambda: len(talkers.connected) == CHARGERS, what="all are connected again")
    assert set(talkers.endings) <= {1001}
    assert sum(talkers.endings.values()) >= CHARGERS
    counted = stored(site)
    assert talkers.answered
    assert {number for number in talkers.answered if counted[number] != 1} == set()
