"""What a charger was answered survives kill -9 of the worker, whenever it comes."""

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.models import ChargingSession, MeterReading
from bench import wire
from bench.load import boot, meter_values, stamp
from tests.support.depot import furnish
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

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


def test_no_answered_meter_value_is_lost(make_site, database):
    site = make_site(database, processes=("worker",))
    depot = furnish(site, CHARGERS)
    senders = [Sender(site.settings.ocpp_port, *known, depot.tag) for known in depot.stations]
    for sender in senders:
        sender.start()
    eventually(lambda: sum(s.answered for s in senders) > ANSWERS_BEFORE_THE_KILL, within=120)
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
    eventually(lambda: answered, within=90)
    site.kill9("worker")
    for thread in threads:
        thread.join(10)
    with site.read() as db:
        for transaction in answered:
            assert db.get(ChargingSession, transaction).ended_at is not None
