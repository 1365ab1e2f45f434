"""A charge point: its connection, its boot, its heartbeat and its queue of transaction messages."""

import functools
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import AsyncResult, Event

from worker.ocpp.connection import Connection
from worker.ocpp.events import Answered, Refused
from worker.ocpp.frames import Call, Payload
from worker.ocpp.versions import Fault, Version
from worker.simulator import commands
from worker.simulator.configuration import Configuration, Profiles
from worker.simulator.connector import Connector
from worker.simulator.dial import HandshakeRefused, dial
from worker.simulator.scenario import Clock, Scenario
from worker.simulator.v2 import Speech2
from worker.simulator.v16 import Speech16
from worker.websocket import Stream
from worker.websocket_wire import Closed

log = logging.getLogger(__name__)

ANSWER_S = 30.0


class Offline(Exception):
    """There is no connection to call over, or it ended before the answer came."""


class NoAnswer(Exception):
    """The central system did not answer in time."""


class RefusedCall(Exception):
    """The central system answered with an error."""

    def __init__(self, fault: Fault, code: str, description: str) -> None:
        self.fault = fault
        self.code = code
        self.description = description
        super().__init__(f"{code} {description}".strip())


@dataclass(slots=True)
class Message:
    """A transaction message that waits for its turn; `build` makes the payload when it comes."""

    action: str
    build: Callable[[], Payload]
    answered: Callable[[Payload | None], None]
    attempts: int = 0


class ChargePoint:
    """One station.  `start` it, look at it, ask things of its `connectors`, `stop` it.

    `refusal` is the last refused handshake, `boots` the answers to its BootNotifications.
    """

    def __init__(self, scenario: Scenario) -> None:
        behaviour = scenario.behaviour
        self.scenario = scenario
        self.speech: commands.Speech = Speech16() if scenario.version is Version.V16 else Speech2()
        self.password: str | bytes | None = scenario.password
        self.chance = random.Random(behaviour.seed)
        self.clock = Clock(behaviour.speed, behaviour.backlog_s)
        self.configuration = Configuration(
            scenario.hardware.connectors,
            {"MeterValueSampleInterval": str(max(1, round(behaviour.sample_s)))},
        )
        self.connectors = [Connector(self, n + 1) for n in range(scenario.hardware.connectors)]
        self.connected = Event()
        self.accepted = Event()
        self.refusal: HandshakeRefused | None = None
        self.boots: list[Payload] = []
        self.outbox: list[Message] = []
        self.profiles = Profiles()
        self._rebooted = True
        self._away_s = 0.0
        self._connection: Connection | None = None
        self._stream: Stream | None = None
        self._outbox_filled = Event()
        self._greenlets: list[Any] = []

    @property
    def identity(self) -> str:
        return self.scenario.identity

    # Life

    def start(self) -> None:
        """Connect, boot and let the connectors live, all in greenlets."""
        works = [self._stay_connected, self._beat, self._send_outbox]
        works += [connector.live for connector in self.connectors]
        if self.scenario.behaviour.offline_every_s:
            works.append(self._lose_network)
        self._greenlets = [gevent.spawn(work) for work in works]

    def stop(self) -> None:
        """Switch the station off."""
        gevent.killall(self._greenlets)
        if self._stream is not None:
            self._stream.close(1000, "switched off")
            self._stream.end()

    def unsent(self) -> list[tuple[str, Payload]]:
        """What a station that was switched off has still to tell, in its order.

        Its sessions have ended with the power; `send_again` is for when it is back.
        """
        for connector in self.connectors:
            connector.lose_power()
        built = [(message.action, message.build()) for message in self.outbox]
        # Without the answer to its start a session of 1.6 has no id to be stopped by.
        return [each for each in built if each[1].get("transactionId", "") is not None]

    def send_again(self, messages: Iterable[tuple[str, Payload]]) -> None:
        """Queue what it had still to tell; nothing comes of the answers."""
        for action, payload in messages:
            self.send_later(action, functools.partial(dict, payload), lambda _: None)

    def disconnect(self, away_s: float = 0.0, reboot: bool = False) -> None:
        """Drop the connection, stay away for so many real seconds, then come back."""
        self._away_s = away_s
        self._rebooted = self._rebooted or reboot
        if self._stream is not None:
            self._stream.close(1001, "see you", deaf=True)

    def connector(self, number: int) -> Connector | None:
        return self.connectors[number - 1] if 1 <= number <= len(self.connectors) else None

    # Talking

    def call(self, action: str, payload: Payload, timeout_s: float = ANSWER_S) -> Payload:
        """Call the central system and wait for its answer.

        Raises Offline, NoAnswer, RefusedCall.
        """
        if self._connection is None:
            raise Offline(self.identity)
        connection, result = self._connection, AsyncResult()
        now = time.monotonic()
        ours = connection.call(action, payload, now, timeout_s=timeout_s, context=result)
        self._flush()
        while True:
            # Behind other calls of ours the wait is longer; each of them has its own end.
            try:
                answer: Payload = result.get(timeout=timeout_s)
                return answer
            except gevent.Timeout:
                for event in connection.tick(time.monotonic()):
                    event.call.context.set_exception(NoAnswer(event.call.action))
                self._flush()
                if ours.sent_at is None and self._connection is not connection:
                    raise Offline(self.identity) from None

    def send_later(
        self, action: str, build: Callable[[], Payload], answered: Callable[[Payload | None], None]
    ) -> None:
        """Queue a transaction message: it is sent in order, again and again, even after hours.

        `answered` gets the answer, or None when the message was refused too often and given up.
        """
        self.outbox.append(Message(action, build, answered))
        self._outbox_filled.set()

    def report_status(self, connector: Connector | None) -> None:
        """Send a StatusNotification if there is a connection; None stands for the station."""
        payload = self.speech.status(self, connector)
        if payload is not None:
            self.try_call("StatusNotification", payload)

    def try_call(self, action: str, payload: Payload) -> Payload | None:
        """Call; None when it could not be done."""
        try:
            return self.call(action, payload)
        except (Offline, NoAnswer, RefusedCall) as error:
            log.info("%s: %s: %r", self.identity, action, error)
            return None

    def boot(self) -> float:
        """Send a BootNotification; return how long to wait until the next one, 0 when accepted."""
        answer = self.call("BootNotification", self.speech.boot(self))
        self.boots.append(answer)
        interval = float(answer.get("interval") or 0)
        if answer["status"] != "Accepted":
            return interval or 30.0
        if interval >= 1:
            self.configuration.values["HeartbeatInterval"] = str(int(interval))
        self._rebooted = False
        return 0.0

    # Greenlets

    def _stay_connected(self) -> None:
        while True:
            wait_s = self.scenario.reconnect_s
            try:
                scenario = self.scenario
                stream = dial(
                    scenario.url,
                    scenario.identity,
                    self.password,
                    subprotocols=(scenario.version.subprotocol,),
                )
            except HandshakeRefused as refused:
                self.refusal = refused
                wait_s = refused.retry_after_s or wait_s
                log.warning("%s: refused: %s", self.identity, refused)
            except (OSError, TimeoutError) as error:
                log.info("%s: %s", self.identity, error)
            else:
                self.refusal = None
                closed = self._converse(stream)
                log.info("%s: disconnected: %s", self.identity, closed)
            wait_s, self._away_s = max(wait_s, self._away_s), 0.0
            gevent.sleep(wait_s * self.chance.uniform(0.9, 1.1))

    def _converse(self, stream: Stream) -> Closed:
        connection = Connection(self.scenario.version, "station")
        self._stream, self._connection = stream, connection
        self.connected.set()
        greeting = gevent.spawn(self._greet)
        try:
            while True:
                for event in connection.receive_text(stream.receive(), time.monotonic()):
                    if isinstance(event, Call):
                        self._respond(event)
                    elif isinstance(event, Answered):
                        event.call.context.set(event.payload)
                    elif isinstance(event, Refused):
                        error = RefusedCall(event.fault, event.code, event.description)
                        event.call.context.set_exception(error)
                self._flush()
        except Closed as closed:
            return closed
        finally:
            greeting.kill(block=False)
            self.connected.clear()
            self.accepted.clear()
            self._connection = self._stream = None
            for settled in connection.end():
                settled.call.context.set_exception(Offline(self.identity))
            stream.end()

    def _greet(self) -> None:
        """Boot if need be until accepted, then say how the connectors are."""
        try:
            while self._rebooted and (wait_s := self.boot()):
                gevent.sleep(wait_s)
        except (Offline, NoAnswer, RefusedCall) as error:
            log.info("%s: boot: %r", self.identity, error)
            self.disconnect()
            return
        self.clock.begin()
        self.accepted.set()
        self.report_status(None)
        for connector in self.connectors:
            self.report_status(connector)

    def _respond(self, call: Call) -> None:
        assert self._connection is not None
        assert self._stream is not None
        response = commands.respond(self, call)
        if isinstance(response, Fault):
            self._stream.send(self._connection.refuse(call, response))
            return
        self._stream.send(self._connection.answer(call, response.payload))
        if response.after is not None:
            gevent.spawn(response.after)

    def _flush(self) -> None:
        if self._connection is not None and self._stream is not None:
            for text in self._connection.outgoing():
                self._stream.send(text)

    def _beat(self) -> None:
        while True:
            gevent.sleep(max(1.0, self.configuration.seconds("HeartbeatInterval")))
            if self.accepted.is_set():
                self.try_call("Heartbeat", {})

    def _send_outbox(self) -> None:
        while True:
            self._outbox_filled.wait()
            self.accepted.wait()
            message = self.outbox[0]
            message.attempts += 1
            try:
                answer: Payload | None = self.call(message.action, message.build())
            except (Offline, NoAnswer):
                gevent.sleep(1.0)
                continue
            except RefusedCall as error:
                # Only an error counts as a failed attempt (OCPP-J 1.6 errata 3.3); then give up.
                log.warning("%s: %s refused: %s", self.identity, message.action, error)
                if message.attempts < self.configuration.seconds("TransactionMessageAttempts"):
                    pause_s = self.configuration.seconds("TransactionMessageRetryInterval")
                    gevent.sleep(pause_s * message.attempts)
                    continue
                answer = None
            self.outbox.pop(0)
            if not self.outbox:
                self._outbox_filled.clear()
            message.answered(answer)

    def _lose_network(self) -> None:
        behaviour = self.scenario.behaviour
        while True:
            gevent.sleep((behaviour.offline_every_s or 0.0) * self.chance.uniform(0.7, 1.3))
            if self._stream is not None:
                self._away_s = behaviour.offline_for_s
                self._stream.abort(1006, "network lost")
