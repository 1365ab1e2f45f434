"""Other ends than a kill: Redis dies, the worker is told to stop, a charger comes twice."""

import contextlib
import threading

import pytest
from sqlalchemy import func, select

from app.models import Deviation, HandshakeAttempt, Message, Station
from bench import wire
from tests.faults import told
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY, SQLITE_BY_DAY
from tests.support.site import kept
from tests.support.teller import Teller
from tests.support.trap import set_trap, trapped
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
EACH = 3
#: A charger that comes more often than it has reason to is kept waiting.
TAKEOVERS = 5
#: What is in the batches whose commits nobody hears of.
UNHEARD = ("StartTransaction", "StopTransaction", "Started", "Updated", "Ended")


@pytest.fixture
def start():
    """Let chargers of both versions tell sessions to a site; they end with the test."""
    tellers = []

    def start(site, more=0):
        known = furnish(site, EACH * len(VERSIONS) + more)
        tellers.extend(
            Teller(site, *station, known.tag, VERSIONS[number % 2])
            for number, station in enumerate(known.stations[more:])
        )
        for teller in tellers:
            teller.start()
        return tellers, known.stations[:more]

    yield start
    for teller in tellers:
        teller.give_up()


def check(site, tellers):
    """What was answered is there, and all of it once."""
    told.finish(tellers)
    with site.read() as db:
        told.Seen(tellers).check(db)
        for teller in tellers:
            told.check_once(db, teller)


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_redis_dies_and_comes_back(make_site, smtp_server, database, start):
    processes = ("worker", "celery", "beat")
    site = make_site(database, processes=processes, launch=kept, smtp_url=smtp_server.url)
    tellers, _ = start(site)
    told.more_answers(tellers)
    site.kill9("redis")
    told.more_answers(tellers)
    site.restart("redis")
    told.more_answers(tellers)
    check(site, tellers)
    told.wait_until_billed(site)

    def none_in_doubt():  # the last one may still be on its way
        with site.read() as db:
            return told.check_mails(db, smtp_server.messages) == (0, 0)

    eventually(none_in_doubt, what="no mail is in doubt")
    with site.read() as db:
        told.check_bills(db, tellers)


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_what_was_only_counted_is_written_when_the_worker_is_told_to_stop(
    make_site, database, start
):
    site = make_site(database, processes=("worker",), drain_s=5)
    tellers, [(identity, password)] = start(site, more=1)
    told.more_answers(tellers)
    sock = wire.connect(site.settings.ocpp_port, identity, password)
    wire.ask(
        sock, [2, "b", "BootNotification", {"chargePointVendor": "A", "chargePointModel": "B"}]
    )
    odd = 7
    for number in range(odd):
        wire.ask(sock, [2, f"h{number}", "Heartbeat", {"unheard": number}])
    for _ in range(odd):
        with contextlib.suppress(OSError):
            wire.connect(site.settings.ocpp_port, identity, "not the password")
    worker = site.processes["worker"]
    assert worker.stop(patience_s=60) == 0
    sock.close()
    site.restart("worker")
    check(site, tellers)
    with site.read() as db:
        station = db.scalar(select(Station).where(Station.identity == identity))
        counted = select(Deviation.count).where(Deviation.station_id == station.id)
        assert db.scalar(counted.where(Deviation.code == "unknown_member")) == odd
        refused = select(func.sum(HandshakeAttempt.count)).where(
            HandshakeAttempt.station_id == station.id, ~HandshakeAttempt.accepted
        )
        assert db.scalar(refused) == odd
        last = select(func.max(Message.at)).where(Message.station_id == station.id)
        assert station.last_seen_at >= db.scalar(last)


@pytest.mark.landing
@pytest.mark.parametrize("database", SQLITE_BY_DAY)
def test_a_charger_that_is_connected_twice_tells_everything_once(make_site, database, start):
    """A new socket takes over while the old one has a call under way; the call comes again."""
    site = make_site(database, processes=("worker",))
    tellers, _ = start(site)
    rivals = [Rival(site, teller) for teller in tellers]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(120)
    assert [rival.came for rival in rivals] == [TAKEOVERS] * len(rivals)
    told.more_answers(tellers)
    check(site, tellers)


@pytest.mark.landing
@pytest.mark.parametrize("database", POSTGRESQL_BY_DAY)
def test_a_commit_of_which_nobody_heard_is_done_again_and_doubles_nothing(
    make_site, smtp_server, database, start
):
    site = make_site(
        database,
        processes=("worker", "celery", "beat"),
        launch=trapped,
        smtp_url=smtp_server.url,
    )
    tellers, _ = start(site)
    for word in UNHEARD:
        told.more_answers(tellers)
        trap = set_trap(site.data_dir, "worker", "unconfirmed", word=word)
        eventually(lambda trap=trap: not trap.exists(), what=f"a {word} is committed")
    for passes in range(3):
        trap = set_trap(site.data_dir, "celery", "unconfirmed", passes)
        eventually(lambda trap=trap: not trap.exists(), what="Celery commits")
    told.finish(tellers)
    told.wait_until_billed(site)
    with site.read() as db:
        told.Seen(tellers).check(db)
        for teller in tellers:
            told.check_once(db, teller, redone=len(UNHEARD))
        told.check_bills(db, tellers)


class Rival(threading.Thread):
    """Connects with a charger's name and password some times, which ends its connection."""

    def __init__(self, site, teller):
        super().__init__(daemon=True)
        self.site, self.teller = site, teller
        self.came = 0

    def run(self):
        port, teller = self.site.settings.ocpp_port, self.teller
        for _ in range(TAKEOVERS):
            before = len(teller.answered)
            eventually(lambda before=before: len(teller.answered) > before + 2)
            wire.connect(port, teller.identity, teller.password, teller.protocol).close()
            self.came += 1
