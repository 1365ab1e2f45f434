"""What a charger was answered survives kill -9 of the worker, whenever it comes."""

import contextlib
import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SessionState
from app.models import (
    Authorisation,
    ChargingSession,
    Message,
    MeterReading,
    Station,
    StatusEvent,
    TransactionEvent,
)
from bench import wire
from bench.load import boot, meter_values, stamp
from bench.scripts import SCRIPTS, now_text
from tests.support.depot import furnish
from tests.support.fixtures import POSTGRESQL_BY_DAY
from tests.support.wait import eventually

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(300),
    # Kills on SQLite by day are those of test_killed_at_every_stage.py.
    pytest.mark.parametrize("database", POSTGRESQL_BY_DAY),
]

CHARGERS = 8
ANSWERS_BEFORE_THE_KILL = 200


class Sender(threading.Thread):
    """A charger that reports as fast as it is answered, until its connection breaks."""

    def __init__(self, port, identity, password, tag):
        super().__init__(daemon=True)
        self.began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        self.socket = wire.connect(port, identity, password)
        wire.ask(self.socket, [2, "b", "BootNotification", boot()])
        answer = wire.ask(
            self.socket,
            [
                *(2, "s", "StartTransaction"),
                {
                    "connectorId": 1,
                    "idTag": tag,
                    "meterStart": 0,
                    "timestamp": stamp(self.began),
                },
            ],
        )
        self.transaction = answer["transactionId"]
        self.answered = 0

    def run(self):
        try:
            while True:
                payload = meter_values(self.transaction, self.answered + 1, self.began)
                wire.ask(self.socket, [2, f"m{self.answered}", "MeterValues", payload])
                self.answered += 1
        except OSError:
            self.socket.close()


@pytest.mark.landing
def test_no_answered_meter_value_is_lost(make_site, database):
    site = make_site(database, processes=("worker",))
    depot = furnish(site, CHARGERS)
    senders = [Sender(site.settings.ocpp_port, *known, depot.tag) for known in depot.stations]
    for sender in senders:
        sender.start()
    eventually(lambda: sum(s.answered for s in senders) > ANSWERS_BEFORE_THE_KILL)
    site.kill9("worker")
    for sender in senders:
        sender.join(10)
    with site.read() as db:
        for sender in senders:
            session = db.get(ChargingSession, sender.transaction)
            query = select(MeterReading.taken_at).where(MeterReading.session_id == session.id)
            stored = set(db.scalars(query))
            for number in range(1, sender.answered + 1):
                assert sender.began + timedelta(seconds=number) in stored


def test_every_answered_stop_ended_its_session(make_site, database):
    site = make_site(database, processes=("worker",))
    depot = furnish(site, CHARGERS)
    senders = [Sender(site.settings.ocpp_port, *known, depot.tag) for known in depot.stations]
    answered = []

    def stop(sender):
        payload = {
            "transactionId": sender.transaction,
            "meterStop": 5_000,
            "timestamp": stamp(sender.began + timedelta(hours=1)),
        }
        with contextlib.suppress(OSError):
            wire.ask(sender.socket, [2, "e", "StopTransaction", payload])
            answered.append(sender.transaction)

    threads = [threading.Thread(target=stop, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    eventually(lambda: answered)
    site.kill9("worker")
    for thread in threads:
        thread.join(10)
    with site.read() as db:
        for transaction in answered:
            assert db.get(ChargingSession, transaction).ended_at is not None


class Teller(threading.Thread):
    """A charger that tells whole sessions, with a status after each word, until it is cut off."""

    def __init__(self, site, identity, password, tag, script):
        super().__init__(daemon=True)
        self.site, self.identity, self.password = site, identity, password
        self.protocol, lines = SCRIPTS[script]
        self.script = with_statuses(lines(tag, 3), self.protocol)
        self.connect()
        self.asked = next(self.script)
        #: action, payload and answer of what was answered
        self.answered = []
        self.numbers = []

    def connect(self):
        port = self.site.settings.ocpp_port
        self.socket = wire.connect(port, self.identity, self.password, self.protocol)

    def ask(self, number, action, payload):
        return wire.ask(self.socket, [2, number, action, payload])

    def run(self):
        try:
            while True:
                number = f"{self.identity}-{len(self.answered)}"
                answer = self.ask(number, *self.asked)
                self.answered.append((*self.asked, answer))
                self.numbers.append(number)
                self.asked = self.script.send(answer)
        except OSError:
            self.socket.close()

    def of(self, action):
        """The payloads and the answers of the answered calls of an action."""
        return [(payload, answer) for name, payload, answer in self.answered if name == action]

    def again(self, action):
        """Connect anew and send the unanswered call, and then every answered one of an action.

        Returns the answers to those of the action, in order.
        """
        self.connect()
        self.ask("again", *self.asked)
        repeated = enumerate(self.of(action))
        answers = [self.ask(f"again-{at}", action, payload) for at, (payload, _) in repeated]
        self.socket.close()
        return answers

    def payloads(self, action):
        """The payloads of an action, with that of the call that was sent again after the kill."""
        payloads = [payload for payload, _ in self.of(action)]
        return payloads + ([self.asked[1]] if self.asked[0] == action else [])


def with_statuses(script, protocol):
    """The calls of a script, each followed by a status of the plug that it charges at."""
    words = ("Available", "Preparing") if protocol == "ocpp1.6" else ("Available", "Occupied")
    call, number = next(script), 0
    while True:
        answer = yield call
        yield "StatusNotification", status(words[number % 2], protocol)
        call, number = script.send(answer), number + 1


def status(word, protocol):
    if protocol == "ocpp1.6":
        about = {"connectorId": 2, "status": word, "errorCode": "NoError"}
    else:
        about = {"evseId": 2, "connectorId": 1, "connectorStatus": word}
    return {**about, "timestamp": now_text()}


def instant(text):
    return datetime.fromisoformat(text)


@pytest.fixture(params=["sessions-16", pytest.param("sessions-201", marks=pytest.mark.landing)])
def cut_off(request, make_site, database):
    """A site whose worker was killed in the middle of whole sessions, and what was told to it."""
    site = make_site(database, processes=("worker",))
    depot = furnish(site, CHARGERS)
    tellers = [Teller(site, *known, depot.tag, request.param) for known in depot.stations]
    for teller in tellers:
        teller.start()
    eventually(lambda: sum(len(t.answered) for t in tellers) > 2 * ANSWERS_BEFORE_THE_KILL)
    site.kill9("worker")
    for teller in tellers:
        teller.join(10)
    return site, tellers, request.param


@pytest.mark.landing
def test_whole_sessions_outlive_a_kill_and_what_is_sent_again_doubles_nothing(cut_off):
    site, tellers, script = cut_off
    check = check_16 if script == "sessions-16" else check_201
    with site.read() as db:
        for teller in tellers:
            station = station_of(db, teller)
            check_log_and_statuses(db, teller, station)
            check(db, teller, station)
    site.restart("worker")
    site.wait_ready()
    action = "StartTransaction" if script == "sessions-16" else "TransactionEvent"
    for teller in tellers:
        answers = [answer for _, answer in teller.of(action)]
        again = teller.again(action)
        if script == "sessions-16":
            assert [a["transactionId"] for a in again] == [a["transactionId"] for a in answers]
        else:
            assert all(isinstance(answer, dict) for answer in again)
    with site.read() as db:
        for teller in tellers:
            check_once(db, teller, station_of(db, teller), script)


def station_of(db, teller):
    return db.scalar(select(Station).where(Station.identity == teller.identity))


def check_log_and_statuses(db, teller, station):
    """Each answer has its row of the log, word for word, and each status is in the history."""
    query = select(Message.message_id, Message.response).where(Message.station_id == station.id)
    logged = [(row[0], json.loads(row[1])) for row in db.execute(query)]
    for number, (_, _, answer) in zip(teller.numbers, teller.answered, strict=True):
        assert logged.count((number, answer)) == 1
    query = select(StatusEvent.at).where(StatusEvent.station_id == station.id)
    heard = set(db.scalars(query))
    assert {
        instant(payload["timestamp"]) for payload, _ in teller.of("StatusNotification")
    } <= heard


def check_16(db, teller, station):
    assert teller.of("StartTransaction")
    for _, answer in teller.of("StartTransaction"):
        session = db.get(ChargingSession, answer["transactionId"])
        assert session.station_id == station.id
        query = select(Authorisation.occasion).where(Authorisation.session_id == session.id)
        assert db.scalars(query).all().count("start") == 1
    for payload, _ in teller.of("StopTransaction"):
        session = db.get(ChargingSession, payload["transactionId"])
        assert session.ended_at == instant(payload["timestamp"])
    taps = select(Authorisation.id).where(
        Authorisation.station_id == station.id, Authorisation.occasion == "authorize"
    )
    assert len(db.scalars(taps).all()) >= len(teller.of("Authorize"))
    read = readings(db, station)
    for payload, _ in teller.of("MeterValues"):
        assert read[instant(payload["meterValue"][0]["timestamp"])] == 1


def check_201(db, teller, station):
    query = select(TransactionEvent).where(TransactionEvent.station_id == station.id)
    stored = {(row.transaction_ref, row.seq_no): row for row in db.scalars(query)}
    read = readings(db, station)
    for payload, _ in teller.of("TransactionEvent"):
        event = stored[payload["transactionInfo"]["transactionId"], payload["seqNo"]]
        assert event.kind == payload["eventType"].lower()
        assert read[event.at] == 1
        if payload["eventType"] == "Ended":
            session = db.get(ChargingSession, event.session_id)
            assert (session.state, session.ended_at) == (SessionState.ENDED, event.at)


def check_once(db, teller, station, script):
    """As many sessions, events and readings as were told, however often they were."""
    sessions = select(ChargingSession).where(ChargingSession.station_id == station.id)
    made = db.scalars(sessions).all()
    if script == "sessions-16":
        assert len(made) == len(teller.payloads("StartTransaction"))
        metered = len(teller.payloads("MeterValues"))
    else:
        events = teller.payloads("TransactionEvent")
        query = select(TransactionEvent.id).where(TransactionEvent.station_id == station.id)
        assert len(db.scalars(query).all()) == len(events)
        names = {event["transactionInfo"]["transactionId"] for event in events}
        assert {session.transaction_ref for session in made} == names
        assert len(made) == len(names)
        metered = len(events)
    assert sum(readings(db, station).values()) == metered


def readings(db, station):
    """How often each instant was read at a station."""
    query = select(MeterReading.taken_at).where(
        MeterReading.station_id == station.id, MeterReading.register_wh.is_not(None)
    )
    return Counter(db.scalars(query))
