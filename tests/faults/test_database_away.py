"""PostgreSQL goes away, for a moment or longer, or freezes: nothing that was acknowledged is lost,
and no charger is cut off for it.
"""

import itertools
import json
import shutil
import tempfile
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app.domain.commands import commands
from app.domain.ground.vocabulary import SYSTEM, CommandState, Order, Outcome
from app.extensions import db as flask_db
from app.extensions import is_away
from app.models import Command, Connection, Message, MeterReading, Station
from app.process import postgresql
from app.uow import unit_of_work
from bench import wire
from bench.scripts import boot, meter_values, stamp
from deploy.processes import patience_s
from tests.conftest import make_app
from tests.faults import told
from tests.support.cluster import Cluster
from tests.support.depot import furnish
from tests.support.site import Site
from tests.support.teller import Teller
from tests.support.trap import set_trap, trapped
from tests.support.wait import eventually
from worker.log_rows import SPOOLED

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

CHARGERS = 8
#: What a charger says in an outage: too much to be stored in the blink of an eye.
READINGS = 300
VERSIONS = ("ocpp1.6", "ocpp2.0.1")


def by_night(*cases):
    """Cases that show more of the same."""
    return [pytest.param(case, marks=pytest.mark.nightly) for case in cases]


@pytest.fixture(scope="module")
def cluster():
    """A PostgreSQL that can be stopped; each test gets a database of its own in it."""
    folder = Path(tempfile.mkdtemp(prefix="ampdesk-cluster-"))
    made = Cluster(folder)
    made.start()
    yield made
    made.thaw()
    made.kill9()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_away(request, cluster, tmp_path):
    """Make a site on that PostgreSQL: `make_away("worker", storage_hold_s=1)`."""
    made = []

    def make(*processes, **settings):
        name = f"site_{len(request.node.name)}_{tmp_path.name[-20:]}".replace("-", "_")
        with psycopg.connect(cluster.url.replace("/ampdesk", "/postgres"), autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{name}" TEMPLATE ampdesk')
        url = cluster.url.replace("/ampdesk", f"/{name}")
        site = Site(tmp_path / "site", url, processes=processes, **settings)
        request.node.__dict__.setdefault("ampdesk_sites", []).append(site)
        made.append(site)
        site.start()
        return site

    yield make
    if not cluster.process.running:
        cluster.start()
    for site in made:
        site.stop()


@pytest.fixture
def fleet():
    """Start chargers of both versions on a site: `fleet(site)`."""
    every = []

    def start(site, count=CHARGERS):
        known = furnish(site, count)
        spoken = itertools.cycle(VERSIONS)
        tellers = [Teller(site, *station, known.tag, next(spoken)) for station in known.stations]
        every.extend(tellers)
        for teller in tellers:
            teller.start()
        told.more_answers(tellers)
        return tellers

    yield start
    for teller in every:
        teller.give_up()


def ask(address):
    """Ask the desk with a token: whose it is, the database knows."""
    request = urllib.request.Request(address, headers={"Authorization": "Bearer amp_0"})
    return urllib.request.urlopen(request, timeout=30)


def health(site):
    address = f"http://127.0.0.1:{site.settings.ocpp_port}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def bring_back(cluster, site):
    """Start PostgreSQL again; the test's own connections went with it."""
    cluster.start()
    with site.app.app_context():
        flask_db.engine.dispose()


def connections(site):
    with site.read() as db:
        return db.scalar(select(func.count(Connection.id)))


def check(site, tellers, redone=0):
    """Everything that was answered is stored, once, and in the log word for word."""
    with site.read() as db:
        told.Seen(tellers).check(db)
        for teller in tellers:
            told.check_once(db, teller, redone)


@pytest.mark.landing
def test_a_restart_disconnects_nobody_and_loses_no_answer(cluster, make_away, fleet):
    site = make_away("worker")
    tellers = fleet(site)
    cluster.stop()
    eventually(lambda: site.processes["worker"].said("commit"), what="a commit fails")
    bring_back(cluster, site)
    told.more_answers(tellers)
    told.finish(tellers)
    assert connections(site) == CHARGERS
    assert not site.processes["worker"].said("the database is away")
    check(site, tellers, redone=1)


@pytest.mark.landing
def test_sessions_go_on_through_an_outage_and_are_billed_as_without(
    cluster, make_away, fleet, smtp_server
):
    site = make_away("worker", "celery", "beat", storage_hold_s=1, smtp_url=smtp_server.url)
    tellers = fleet(site)
    cluster.stop()
    eventually(lambda: health(site)["spool"]["frames"] >= CHARGERS, what="frames wait in the spool")
    assert health(site)["storage"] is False
    bring_back(cluster, site)
    eventually(lambda: health(site)["spool"]["frames"] == 0, what="the spool is empty")
    told.finish(tellers)
    told.wait_until_billed(site)
    check(site, tellers, redone=1)
    with site.read() as db:
        told.check_bills(db, tellers)
    assert not list((site.data_dir / "spool").iterdir())


@pytest.mark.landing
def test_a_frozen_database_is_one_that_is_away(cluster, make_away, fleet):
    site = make_away("worker", storage_hold_s=1)
    tellers = fleet(site)
    cluster.freeze()
    eventually(lambda: health(site)["spool"]["frames"] >= CHARGERS, what="frames wait in the spool")
    cluster.thaw()
    eventually(lambda: health(site)["spool"]["frames"] == 0, what="the spool is empty")
    told.finish(tellers)
    check(site, tellers, redone=1)


@pytest.mark.landing
def test_a_database_that_takes_no_writes_is_one_that_is_away(cluster, make_away, fleet):
    site = make_away("worker", storage_hold_s=1)
    tellers = fleet(site)
    cluster.take_writes(False)
    try:
        eventually(lambda: health(site)["spool"]["frames"] >= CHARGERS, what="frames wait")
        assert health(site)["storage"] is False
    finally:
        cluster.take_writes(True)
    eventually(lambda: health(site)["spool"]["frames"] == 0, what="the spool is empty")
    told.finish(tellers)
    check(site, tellers, redone=1)


@pytest.mark.landing
def test_kills_in_an_outage_and_in_the_replay_lose_nothing_and_double_nothing(cluster, make_away):
    site = make_away("worker", storage_hold_s=1, launch=trapped)
    depot = furnish(site, 3)
    meters = [Meter(site, *station, depot.tag) for station in depot.stations]
    cluster.stop()
    for meter in meters:
        meter.say(READINGS)
    site.kill9("worker")
    bring_back(cluster, site)
    # Of each charger one reading is stored at a time, so these are not all.
    set_trap(site.data_dir, "worker", "committed", passes=9, word="MeterValues")
    site.restart("worker")
    eventually(lambda: not site.processes["worker"].running, what="it dies in the replay")
    assert 0 < stored_from_the_spool(site) < 3 * READINGS
    site.restart("worker")
    eventually(lambda: stored_from_the_spool(site) == 3 * READINGS, what="all are stored")
    site.wait_ready()
    with site.read() as db:
        for meter in meters:
            query = select(MeterReading.taken_at).where(
                MeterReading.session_id == meter.transaction, MeterReading.register_wh.is_not(None)
            )
            read = db.scalars(query.order_by(MeterReading.id)).all()
            assert [at for at in read if at > meter.began] == meter.told
            said = select(Message.message_id).where(Message.action == "MeterValues")
            logged = said.where(Message.session_id == meter.transaction).order_by(Message.id)
            assert db.scalars(logged).all() == [f"m{number}" for number in range(len(meter.told))]
    assert not list((site.data_dir / "spool").iterdir())


class Meter:
    """A charger of 1.6 with a session, which says one reading after another."""

    def __init__(self, site, identity, password, tag):
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self.socket = wire.connect(site.settings.ocpp_port, identity, password)
        self.told = []
        self._ask("b", "BootNotification", boot())
        start = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": stamp(self.began)}
        self.transaction = self._ask("s", "StartTransaction", start)["transactionId"]

    def say(self, count):
        for _ in range(count):
            number = len(self.told)
            payload = meter_values(self.transaction, number + 1, self.began)
            assert self._ask(f"m{number}", "MeterValues", payload) == {}
            self.told.append(self.began + timedelta(seconds=number + 1))

    def ordered(self, action):
        """Wait for a call of the worker; return its message id."""
        buffer = bytearray()
        while True:
            if (found := wire.first_frame(buffer)) is None:
                buffer += self.socket.recv(65536)
                continue
            opcode, payload, used = found
            del buffer[:used]
            call = json.loads(payload) if opcode == 1 else [None]
            if call[0] == 2 and call[2] == action:
                return call[1]

    def _ask(self, number, action, payload):
        return wire.ask(self.socket, [2, number, action, payload])


def stored_from_the_spool(site):
    """How many rows of the log say that they waited in the spool."""
    with site.read() as db:
        return db.scalar(select(func.count()).where(Message.error_description == SPOOLED))


@pytest.mark.landing
def test_a_full_spool_takes_nothing_and_nobody_is_told_it_did(cluster, make_away, fleet):
    site = make_away("worker", storage_hold_s=1, spool_max_bytes=2_000)
    tellers = fleet(site)
    cluster.stop()
    eventually(lambda: not all(teller.connected for teller in tellers), what="some are cut off")
    assert health(site)["spool"]["bytes"] <= 2_000
    bring_back(cluster, site)
    told.finish(tellers)
    check(site, tellers, redone=1)


@pytest.fixture
def ordered(make_away):
    """A worker with a station that was given an order: `ordered(storage_hold_s=1)`."""

    def start(**settings):
        site = make_away("worker", **settings)
        depot = furnish(site)
        meter = Meter(site, *depot.stations[0], depot.tag)
        with site.work() as db:
            wish = (SYSTEM, db.scalar(select(Station)), Order.CLEAR_CACHE, {})
            number = commands.queue(db, *wish, now=datetime.now(UTC), ttl_s=30).id
        return site, meter, number, [3, meter.ordered("ClearCache"), {"status": "Accepted"}]

    return start


def ends_as_answered(site, number):
    def ended():
        with site.read() as db:
            return db.get(Command, number).state is CommandState.ACCEPTED

    eventually(ended, what="the order is settled")
    with site.read() as db:
        logged = select(Message.response).where(Message.action == "ClearCache")
        assert db.scalars(logged).all() == ['{"status":"Accepted"}']


@pytest.mark.landing
@pytest.mark.parametrize("end", ["is killed", *by_night("lives", "is killed and given up")])
def test_an_order_that_is_answered_in_an_outage_ends_with_that_answer(cluster, ordered, end):
    site, meter, number, answer = ordered(storage_hold_s=1)
    cluster.stop()
    eventually(lambda: health(site)["storage"] is False, what="the database is missed")
    meter.socket.sendall(wire.encode(answer))
    meter.say(1)
    eventually(lambda: health(site)["spool"]["frames"] == 2, what="both are on the disk")
    if end != "lives":
        site.kill9("worker")
    bring_back(cluster, site)
    if end == "is killed and given up":
        with site.work() as db:
            command = db.get(Command, number)
            gone = Outcome(CommandState.TIMED_OUT, None, "No answer arrived.")
            assert commands.settle(db, command, gone, now=datetime.now(UTC))
    if end != "lives":
        site.restart("worker")
    ends_as_answered(site, number)


@pytest.mark.landing
@pytest.mark.parametrize("outage", ["known", *by_night("new", "frozen")])
def test_a_worker_that_is_told_to_end_in_an_outage_ends_in_time_and_loses_nothing(
    cluster, ordered, outage
):
    site, meter, number, answer = ordered(storage_hold_s=60 if outage == "new" else 1)
    cluster.freeze() if outage == "frozen" else cluster.stop()
    if outage == "known":
        eventually(lambda: health(site)["storage"] is False, what="the database is missed")
    meter.socket.sendall(wire.encode(answer))
    if outage == "new":
        # What needs no storing is answered, so what came before it was heard.
        assert wire.ask(meter.socket, [2, "x", "NoSuchAction", {}]) == "NotImplemented"
    else:
        meter.say(20)
    assert site.processes["worker"].stop(patience_s("worker", site.settings)) == 0
    assert list((site.data_dir / "spool").iterdir())
    cluster.thaw()
    if outage != "frozen":
        bring_back(cluster, site)
    site.restart("worker")
    ends_as_answered(site, number)
    eventually(lambda: stored_from_the_spool(site) == len(meter.told), what="all are stored")


@pytest.mark.landing
def test_an_outage_fills_no_log(cluster, make_away, fleet):
    site = make_away("web", "worker", "celery", "beat", storage_hold_s=1)
    tellers = fleet(site)
    said = {name: process.log.stat().st_size for name, process in site.processes.items()}
    cluster.stop()
    for _ in range(30):
        with pytest.raises(urllib.error.HTTPError), ask(f"{site.desk_url}/api/v1/stations"):
            pass
    eventually(lambda: health(site)["spool"]["frames"] >= CHARGERS, what="frames wait")
    bring_back(cluster, site)
    eventually(lambda: health(site)["spool"]["frames"] == 0, what="the spool is empty")
    told.finish(tellers)
    for name, process in site.processes.items():
        text = process.log.read_bytes()[said[name] :].decode()
        assert "Traceback" not in text, text
        assert len(text.splitlines()) < 30, text


LONG = "SELECT pg_sleep(600)"


@pytest.fixture
def waiting(cluster, tmp_path):
    """An application of a process without gevent, as Celery's are."""
    app = make_app(tmp_path / "app", database_url=cluster.url)
    with app.app_context():
        yield app
        cluster.thaw()
        flask_db.engine.dispose()
        cluster.cut_off()  # what was hung up on sleeps on


def test_a_task_within_a_long_statement_gives_up_on_a_frozen_database(cluster, waiting):
    found = []

    def work():
        with waiting.app_context(), unit_of_work() as db:
            db.execute(text(LONG))

    def try_it():
        try:
            work()
        except OperationalError as error:
            found.append(error)

    thread = threading.Thread(target=try_it)
    thread.start()
    with psycopg.connect(cluster.url, autocommit=True) as db:
        query = f"SELECT 1 FROM pg_stat_activity WHERE query = '{LONG}' AND state = 'active'"
        eventually(lambda: db.execute(query).fetchone(), what="the statement runs")
        cluster.freeze()
        thread.join(60)
        assert [is_away(error) for error in found] == [True]
        cluster.thaw()


@pytest.mark.landing
def test_a_long_statement_of_a_server_that_lives_is_waited_for(waiting, monkeypatch):
    monkeypatch.setattr(postgresql, "LOOKS_S", 0.1)
    with unit_of_work() as db:
        assert db.scalar(text("SELECT 7 FROM pg_sleep(1)")) == 7


@pytest.mark.landing
def test_the_desk_says_that_a_frozen_database_is_away(cluster, make_away):
    site = make_away("web")
    address = f"{site.desk_url}/api/v1/stations"
    headers = {"Authorization": "Bearer amp_0", "Content-Type": "application/json"}

    def status(data=None):
        request = urllib.request.Request(address, data, headers)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        return refused.value.code

    assert status() == status(b"{}") == 401
    cluster.freeze()
    assert status() == 503
    assert status(b"{}") == 503
    assert status() == 503
    cluster.thaw()
    eventually(lambda: status() == 401, what="it is back")
