"""Several workers on one port: whichever takes a charger serves it, and the newest one wins."""

import json
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime

import psutil
import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed

from app.config import Settings, WrongSetting
from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, MessageOutcome, Order
from app.models import Command, Connection, Message, MeterReading, Station
from tests.dialects.replay import Stage
from tests.support.pki import Authority
from tests.support.processes import free_port
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

WORKERS = ("worker", "worker2")
METER = {
    "connectorId": 1,
    "meterValue": [{"timestamp": "2030-01-01T00:00:00Z", "sampledValue": [{"value": "12"}]}],
}


@pytest.fixture
def site(make_site, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.server()
    site = make_site(
        "postgresql",
        processes=WORKERS,
        ocpp_processes=2,
        ocpp_tls_port=free_port(),
        ocpp_tls_cert=pair.cert_file,
        ocpp_tls_key=pair.key_file,
    )
    eventually(lambda: len(health(site)["workers"]) == 2, what="both live")
    return site


@pytest.fixture
def stage(site):
    stage = Stage(site)
    stage.set_up()
    yield stage
    stage.close()


def health(site):
    port = site.settings.ocpp_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
        return json.load(answer)


def boot(stage):
    stage.play([{"send": [2, "b", "BootNotification", {"chargePointVendor": "A",
                                                       "chargePointModel": "One"}]}])  # fmt: skip
    assert json.loads(stage.socket.recv(timeout=30))[2]["status"] == "Accepted"


def node_of(site, stage):
    with site.read() as db:
        newest = select(Connection.node).join(Station, Station.connection_id == Connection.id)
        return db.scalar(newest.where(Station.identity == stage.identity))


def obeys(site, stage):
    """Give an order and answer it; it must be accepted."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == stage.identity))
        wish = (SYSTEM, station, Order.CLEAR_CACHE, {})
        number = commands.queue(db, *wish, now=datetime.now(UTC), ttl_s=30).id
    _, message_id, action, _ = json.loads(stage.socket.recv(timeout=30))
    assert action == "ClearCache"
    stage.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))

    def accepted():
        with site.read() as db:
            return db.get(Command, number).state is CommandState.ACCEPTED

    eventually(accepted, what="the order is accepted")


def on_another(site, stage, node):
    """A second connection of the same station that another worker than `node` took."""

    def taken():
        again = Stage(site)
        again.identity, again.password = stage.identity, stage.password
        boot(again)
        if node_of(site, again) != node:
            return again
        again.close()
        return None

    return eventually(taken, what="the other worker takes it")


def is_replaced(stage, but=None):
    """The old socket is closed; before that nothing came, where that is known."""
    heard = []
    with pytest.raises(ConnectionClosed, match="replaced by a newer connection"):
        while True:
            heard.append(stage.socket.recv(timeout=30))
    assert but is None or heard == but


@pytest.mark.landing
def test_orders_reach_a_charger_wherever_it_lands_and_the_newest_connection_wins(site, stage):
    boot(stage)
    first = node_of(site, stage)
    obeys(site, stage)
    again = on_another(site, stage, first)
    is_replaced(stage)
    obeys(site, again)
    again.close()


@pytest.mark.nightly
def test_the_newest_connection_wins_also_while_redis_is_away(site, stage):
    boot(stage)
    first = node_of(site, stage)
    site.kill9("redis")
    again = on_another(site, stage, first)
    is_replaced(stage)
    obeys(site, again)
    again.close()


@pytest.mark.landing
def test_without_redis_orders_go_to_the_newest_connection_and_the_old_one_stores_nothing(
    site, stage
):
    boot(stage)
    first = node_of(site, stage)
    site.kill9("redis")
    again = on_another(site, stage, first)
    with suppress(ConnectionClosed):  # by a beat that came before
        stage.socket.send(json.dumps([2, "late", "MeterValues", METER]))
    for _ in range(5):
        obeys(site, again)
    is_replaced(stage, but=[])
    with site.read() as db:
        late = db.scalars(select(Message.outcome).where(Message.message_id == "late")).all()
        assert set(late) <= {MessageOutcome.REFUSED}
        assert not db.scalar(select(func.count(MeterReading.id)))
    again.close()


@pytest.mark.landing
def test_one_worker_is_killed_and_the_other_serves_on(site, stage):
    boot(stage)
    holder = node_of(site, stage)
    pids = {name: site.processes[name].process.pid for name in WORKERS}
    (name,) = (name for name, pid in pids.items() if f"-{pid}-" in holder)
    site.kill9(name)
    stage.close()
    boot(stage)
    assert node_of(site, stage) != holder
    obeys(site, stage)
    eventually(lambda: holder not in health(site)["workers"], what="it is missed")


def test_both_listen_on_both_ports(site):
    for name in WORKERS:
        process = psutil.Process(site.processes[name].process.pid)
        ports = {one.laddr.port for one in process.net_connections("tcp") if one.status == "LISTEN"}
        assert {site.settings.ocpp_port, site.settings.ocpp_tls_port} <= ports


def test_on_sqlite_it_is_refused_with_a_sentence():
    with pytest.raises(WrongSetting, match="AMPDESK_OCPP_PROCESSES=2 needs PostgreSQL"):
        Settings.from_environment({"AMPDESK_OCPP_PROCESSES": "2"})
