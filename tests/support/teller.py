"""Chargers that tell one session after another, and again, word for word, what was not answered.

The client is that of the PyPI package `websockets`; each charger has a thread.  Their sessions of
half an hour lie in the past, one after another, so that each is worth money.
"""

import base64
import contextlib
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.scripts import now_text
from tests.support.charge_point import stamp
from tests.support.site import Site

Payload = dict[str, Any]
Script = Generator[tuple[str, Payload], Any, None]

ANSWER_S = 20.0
#: Between two words, and before another attempt to connect, in seconds.
PAUSE_S, AGAIN_S = 0.1, 0.1
#: Whose tap nobody could decide about taps again after so long.
TAPS_AGAIN_S = 0.5
#: A session lasts so long, and the next one begins after that, in minutes.
LASTS, BREAK = 30, 5
#: By the tariff of `depot.py`: a euro, and a cent for each 25 Wh.
START_MINOR, WH_PER_MINOR = 100, 25


@dataclass
class Metered:
    """A session as its charger metered it; `reference` is its transaction's."""

    began: datetime
    first_wh: int
    last_wh: int
    reference: str = ""

    @property
    def ended(self) -> datetime:
        return self.began + timedelta(minutes=LASTS)

    @property
    def gross_minor(self) -> int:
        return START_MINOR + (self.last_wh - self.first_wh) // WH_PER_MINOR

    def between(self) -> list[tuple[datetime, int]]:
        """Instants between begin and end, and the register then."""
        share = (self.last_wh - self.first_wh) // 3
        return [
            (self.began + timedelta(minutes=10 * part), self.first_wh + part * share)
            for part in (1, 2)
        ]


@dataclass
class Told:
    """A call that was answered."""

    number: str
    action: str
    payload: Payload
    answer: Payload


class Teller(threading.Thread):
    """A charger; `answered` is what it was answered, `sent` how often each call left.

    `failure` is what ended it but its own will.
    """

    def __init__(self, site: Site, identity: str, password: str, tag: str, protocol: str) -> None:
        super().__init__(daemon=True, name=identity)
        self.site, self.identity, self.password = site, identity, password
        self.protocol, self.tag = protocol, tag
        self.sessions: list[Metered] = []
        self.answered: list[Told] = []
        self.sent: Counter[str] = Counter()
        self.failure: BaseException | None = None
        self._enough, self._gone = threading.Event(), threading.Event()
        self._open = contextlib.ExitStack()
        self._socket: ClientConnection | None = None
        self._script = SCRIPTS[protocol](self)

    def run(self) -> None:
        try:
            answer = None
            for number in itertools.count():
                action, payload = self._script.send(answer)
                call = f"{self.identity}-{number}"
                answer = self._until_answered(call, action, payload)
                self.answered.append(Told(call, action, payload, answer))
                self._enough.wait(PAUSE_S)
        except StopIteration:
            pass
        except BaseException as error:
            self.failure = error
        finally:
            self._hang_up()

    @property
    def connected(self) -> bool:
        """Whether its socket is open, as far as it knows."""
        return self._socket is not None

    def ask_to_end(self) -> None:
        """Let it go home after the session that it is at."""
        self._enough.set()

    def give_up(self) -> None:
        """Let it stay silent from now on; for tests that have failed."""
        self._gone.set()

    def metered(self) -> Generator[Metered]:
        """The sessions that it is to tell, until it is asked to end."""
        dice = random.Random(self.identity)
        began = datetime.now(UTC).replace(microsecond=0) - timedelta(days=25)
        register_wh = 10_000
        while not self._enough.is_set():
            last_wh = register_wh + WH_PER_MINOR * dice.randint(8, 200)
            self.sessions.append(Metered(began, register_wh, last_wh))
            yield self.sessions[-1]
            began, register_wh = began + timedelta(minutes=LASTS + BREAK), last_wh

    def _until_answered(self, number: str, action: str, payload: Payload) -> Payload:
        """Send a call until it is answered."""
        text = json.dumps([2, number, action, payload])
        while not self._gone.is_set():
            try:
                if self._socket is None:
                    self._connect()
                return self._answer(number, text)
            except (OSError, TimeoutError, WebSocketException):
                self._hang_up()
                self._gone.wait(AGAIN_S)
        raise ConnectionError("it was told to give up")

    def _answer(self, number: str, text: str) -> Payload:
        assert self._socket is not None
        self.sent[number] += 1
        self._socket.send(text)
        while True:
            frame = json.loads(self._socket.recv(ANSWER_S))
            if frame[0] == 2:
                self._socket.send(json.dumps([4, frame[1], "NotSupported", "", {}]))
            elif frame[1] == number:
                if frame[0] == 4 and frame[2] == "InternalError" and '"Authorize"' in text:
                    self._gone.wait(TAPS_AGAIN_S)  # nobody is charged for a tap
                    self._socket.send(text)
                    continue
                assert frame[0] == 3, f"{text} was refused: {frame}"
                answer: Payload = frame[2]
                return answer

    def _connect(self) -> None:
        login = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        opened = connect(
            f"{self.site.charger_url}/{self.identity}",
            subprotocols=[Subprotocol(self.protocol)],
            additional_headers={"Authorization": f"Basic {login}"},
            proxy=None,
        )
        self._socket = self._open.enter_context(opened)

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError, WebSocketException):
            self._open.close()
        self._socket = None


def script_16(teller: Teller) -> Script:
    """What a charger of 1.6 says."""
    tag = teller.tag
    yield "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Fortress"}
    for session in teller.metered():
        yield "Authorize", {"idTag": tag}
        start = {"connectorId": 1, "idTag": tag, "meterStart": session.first_wh}
        answer = yield "StartTransaction", {**start, "timestamp": stamp(session.began)}
        session.reference = str(answer["transactionId"])
        number = answer["transactionId"]
        for at, register_wh in session.between():
            values = [{"timestamp": stamp(at), "sampledValue": [{"value": str(register_wh)}]}]
            yield ("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})
        stop = {"transactionId": number, "idTag": tag, "meterStop": session.last_wh}
        yield "StopTransaction", {**stop, "timestamp": stamp(session.ended), "reason": "Local"}
        word = ("Available", "Preparing")[len(teller.sessions) % 2]
        status = {"connectorId": 2, "status": word, "errorCode": "NoError"}
        yield "StatusNotification", {**status, "timestamp": now_text()}


def script_201(teller: Teller) -> Script:
    """What a charger of 2.0.1 says."""
    token = {"idToken": teller.tag, "type": "ISO14443"}
    station = {"vendorName": "Acme", "model": "Fortress"}
    yield "BootNotification", {"reason": "PowerUp", "chargingStation": station}
    for session in teller.metered():
        session.reference = f"{teller.identity}-{len(teller.sessions)}"
        yield "Authorize", {"idToken": token}
        yield _event(session, "Started", 0, session.began, session.first_wh, idToken=token)
        for number, (at, register_wh) in enumerate(session.between(), 1):
            yield _event(session, "Updated", number, at, register_wh)
        yield _event(session, "Ended", 3, session.ended, session.last_wh, idToken=token)
        word = ("Available", "Occupied")[len(teller.sessions) % 2]
        status = {"evseId": 2, "connectorId": 1, "connectorStatus": word}
        yield "StatusNotification", {**status, "timestamp": now_text()}


_TOLD_BY = {
    "Started": ("Authorized", "Transaction.Begin"),
    "Updated": ("MeterValuePeriodic", "Sample.Periodic"),
    "Ended": ("StopAuthorized", "Transaction.End"),
}


def _event(
    session: Metered, kind: str, number: int, at: datetime, register_wh: int, **more: Any
) -> tuple[str, Payload]:
    trigger, context = _TOLD_BY[kind]
    about = {"transactionId": session.reference, "chargingState": "Charging"}
    if kind == "Ended":
        about |= {"chargingState": "Idle", "stoppedReason": "Local"}
    sampled = [{"value": register_wh, "context": context}]
    return "TransactionEvent", {
        "eventType": kind,
        "triggerReason": trigger,
        "timestamp": stamp(at),
        "seqNo": number,
        "transactionInfo": about,
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": stamp(at), "sampledValue": sampled}],
        **more,
    }


SCRIPTS = {"ocpp1.6": script_16, "ocpp2.0.1": script_201}
