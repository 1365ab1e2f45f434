"""One charger's socket while it is open: reads, hands over, answers, in that order.

A link's one greenlet reads a message, lets the desk handle it, sends the answer and only then reads
the next: so calls are answered in order and a slow database slows the charger's reading down
instead of filling memory.  Deadlines and pings come from one ticker for all links (`Server`).
"""

import logging
import math
import random
import time
from typing import Any, Protocol

import gevent
from gevent.lock import BoundedSemaphore

from worker.dialects import DIALECTS
from worker.ocpp.connection import Connection
from worker.ocpp.events import Event, Malformed, OurCall, Repeated, Settled, Stray, TimedOut
from worker.ocpp.frames import BadFrame, Call, Payload, Send
from worker.ocpp.handshake import Admitted, ClientCertificate
from worker.ocpp.versions import Fault, Version
from worker.pace import FLOOD_S, LAG, Flood, Pace, others_turn
from worker.websocket import Stream
from worker.websocket_wire import Closed

log = logging.getLogger(__name__)

#: A server ping goes out this often, give or take a tenth: below what proxies and NATs allow.
PING_S = 45.0
#: A socket is dead when not even a pong came for this long (FIELD B9, B12).
SILENCE_S = 600.0
#: A text of so many bytes is read and handled with only one other such text of all chargers.
LONG_TEXT = 1 << 16
_LONG_ONES = BoundedSemaphore(2)


class LinkClosed(Exception):
    """The charger is not connected any more; nothing was queued for it."""


class Desk(Protocol):
    """What a link reports to.  What is raised is logged; only by `opened` it ends the socket."""

    def opened(self, link: "Link") -> None:
        """The socket is open; nothing was read yet.  May block."""

    def closed(self, link: "Link", code: int, reason: str) -> None:
        """The socket is gone.  Called once, after everything else of this link."""

    def call(self, link: "Link", call: Call | Send) -> str | None:
        """Handle a call and return the reply's text, or None to stay silent.

        Nothing more of this charger is read until what was said is stored.
        """

    def settled(self, link: "Link", event: Settled) -> None:
        """A call of ours ended: answered, refused, timed out, expired or cancelled."""

    def stray(self, link: "Link", event: Stray | Repeated | Malformed) -> None:
        """Something came that changes nothing; for the message log and the counters."""


class Link:
    """A charger's open connection.  Its methods may be called from any greenlet.

    Times with `_at` are seconds of `time.monotonic`; from `due_at` on a tick has something to do.
    `data` is the desk's own.  `profile` is the security profile that was used, `certificate` what
    proved the station under profile 3.  `unanswered` counts calls of ours in a row that got no
    answer.  `closing_code` is the code with which we closed the socket ourselves.
    """

    __slots__ = (
        *("_connection", "_desk", "_pace", "_ping_at", "_settling", "_stream"),
        *("busy", "certificate", "closing_code", "data", "due_at", "leaving", "ping_s"),
        *("profile", "remote_address", "silence_s", "station", "subprotocol"),
        *("unanswered", "version"),
    )

    def __init__(
        self,
        stream: Stream,
        desk: Desk,
        station: Admitted,
        version: Version,
        *,
        subprotocol: str | None = None,
        remote_address: str = "",
        profile: int = 1,
        certificate: ClientCertificate | None = None,
        ping_s: float = PING_S,
        silence_s: float = SILENCE_S,
        flood_s: float = FLOOD_S,
    ) -> None:
        self.station = station
        self.version = version
        self.subprotocol = subprotocol
        self.remote_address = remote_address
        self.profile = profile
        self.certificate = certificate
        now = time.monotonic()
        self.ping_s = ping_s
        self.silence_s = silence_s
        self.busy = False
        self.unanswered = 0
        self.closing_code: int | None = None
        self.leaving = False
        self.data: Any = None
        self._stream = stream
        self._desk = desk
        afresh = DIALECTS[version].afresh
        self._connection = Connection(version, "csms", strict=station.strict, afresh=afresh)
        self._ping_at = self._next_ping(now)
        self.due_at = 0.0
        self._settling = False
        self._pace = Pace(now, flood_s)

    def __repr__(self) -> str:
        return f"<Link {self.station.identity} {self.remote_address}>"

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._stream.closed

    @property
    def takes_calls(self) -> bool:
        """Whether a call of ours may still go out: not once the link is about to end."""
        return not (self.leaving or self.closed)

    @property
    def last_frame_at(self) -> float:
        """When the last frame of any kind came, in seconds of `time.monotonic`."""
        return self._stream.last_frame_at

    # What the desk may do

    def answer(self, call: Call, payload: Payload) -> str:
        """The text of an answer; raises `schemas.Violation` when the payload is not clean."""
        return self._connection.answer(call, payload)

    def refuse(self, call: Call, fault: Fault, description: str) -> str:
        """The text of an error in answer to `call`."""
        return self._connection.refuse(call, fault, description)

    def send_call(
        self,
        action: str,
        payload: Payload,
        *,
        timeout_s: float = 30.0,
        expires_in_s: float | None = None,
        context: Any = None,
        as_given: bool = False,
    ) -> OurCall:
        """Queue a call to the charger; `desk.settled` hears how it ended, exactly once.

        `expires_in_s` counts from now: a call still queued then is never sent, and nobody waits
        longer for its answer.  With `as_given` the payload goes out neither checked against its
        schema nor put in order.  Raises LinkClosed, and CallFault: too many wait, a bad payload.
        """
        if not self.takes_calls:
            raise LinkClosed(self.station.identity)
        now = time.monotonic()
        expires_at = None if expires_in_s is None else now + expires_in_s
        call = self._connection.call(
            action,
            payload,
            now,
            timeout_s=timeout_s,
            expires_at=expires_at,
            context=context,
            as_given=as_given,
        )
        self._flush()
        return call

    def hold(self, seconds: float) -> None:
        """Send no calls of ours for that long (before the boot is answered, FIELD B3)."""
        if not self.leaving:
            self._connection.hold(time.monotonic() + seconds)
        self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket; `desk.closed` follows from the link's own greenlet."""
        self.closing_code = code
        self._stream.close(code, reason)

    def close_when_idle(self, code: int, reason: str, within_s: float) -> None:
        """Close once both sides have their answers, at the latest `within_s` seconds from now.

        Does not wait for that; no call of ours goes out any more.
        """
        self.leaving = True
        self._connection.hold(math.inf)
        gevent.spawn(self._leave, code, reason, time.monotonic() + within_s)

    def _leave(self, code: int, reason: str, deadline: float) -> None:
        while (self.busy or self._connection.waiting) and time.monotonic() < deadline:
            gevent.sleep(0.02)
        self.close(code, reason)

    def close_later(self, code: int, reason: str, within_s: float) -> None:
        """Close within so long, each link at its own moment: they do not come back all at once."""
        gevent.spawn_later(within_s * random.random(), self.close_when_idle, code, reason, within_s)

    # The reader's greenlet

    def run(self) -> None:
        """Serve the charger until the socket ends.  Never raises."""
        ended = Closed(1011, "an internal error")
        try:
            self._desk.opened(self)
            while True:
                self._received(self._stream.receive())
        except Closed as closed:
            ended = closed
            if closed.refused:
                fault = Fault.OCCURRENCE if closed.code == 1009 else Fault.FRAMEWORK
                problem = f"The connection was closed ({closed.code}): {closed.reason}."
                self._guarded(self._desk.stray, Malformed(BadFrame(problem, fault), None))
        except Exception:
            log.exception("%r failed", self)
            self._stream.close(1011, "an internal error")
        finally:
            self._stream.end()
            for event in self._connection.end():
                self._guarded(self._desk.settled, event)
            self._guarded(self._desk.closed, ended.code, ended.reason)

    def _received(self, data: str | bytes) -> None:
        objects = data.count("{") if isinstance(data, str) else data.count(b"{")
        try:
            now = self._pace.kept(len(data), objects)
        except Flood:
            log.warning("%r: too many messages for too long", self)
            self._stream.close(1008, "too many messages", deaf=True)
            return
        if len(data) < LONG_TEXT:
            self._take_in(self._connection.receive_text(data, now))
            return
        with _LONG_ONES:
            begin = time.monotonic()
            events = self._connection.receive_text(data, begin)
            about = f"reading {len(data):,} bytes of {self.station.identity}"
            LAG.note(about, time.monotonic() - begin)
            self._take_in(events)
            others_turn()

    def _take_in(self, events: list[Event]) -> None:
        if len(events) > 1:
            self._pace.more(len(events) - 1)
        for event in events:
            if isinstance(event, (Call, Send)):
                if not self.closed:  # after our goodbye only answers count
                    self._handle(event)
            elif isinstance(event, (Stray, Repeated, Malformed)):
                if isinstance(event, Stray) and event.call is not None:
                    self.unanswered = 0  # late, but it does answer
                self._guarded(self._desk.stray, event)
            else:
                self.unanswered = 0
                self._guarded(self._desk.settled, event)
            self._flush()

    def _handle(self, call: Call | Send) -> None:
        reply: str | None = None
        self.busy = True
        try:
            reply = self._desk.call(self, call)
        except Exception:
            log.exception("%r: %s was not handled", self, call.action)
            route = DIALECTS[self.version].routes.get(call.action)
            # Silence keeps kilowatt-hours in the charger's queue (FIELD section 4).
            if isinstance(call, Call) and not (route and route.money):
                reply = self.refuse(call, Fault.INTERNAL, "The call could not be processed.")
        finally:
            self.busy = False
        self._connection.reads_on(time.monotonic())
        if reply is not None:
            self._stream.send(reply)
        elif isinstance(call, Call):
            self._connection.abandon(call)

    # The ticker's greenlet

    def tick(self, now: float) -> None:
        """Ping, notice silence and let our calls run out.  Does not block."""
        if now - self.last_frame_at > self.silence_s:
            self._stream.abort(1006, "no sign of life")
            return
        if now >= self._ping_at:
            self._ping_at = self._next_ping(now)
            self._stream.ping()
        self.due_at = min(self._ping_at, self.last_frame_at + self.silence_s)
        self._flush()
        if self.due_at <= now and not self._settling:
            self._settling = True
            gevent.spawn(self._time_passed, now)

    def _time_passed(self, now: float) -> None:
        try:
            for event in self._connection.tick(now, reads=not self.busy):
                self.unanswered += isinstance(event, TimedOut)
                self._guarded(self._desk.settled, event)
            self._flush()
        finally:
            self._settling = False

    def _next_ping(self, now: float) -> float:
        return now + self.ping_s * random.uniform(0.9, 1.1)

    def _flush(self) -> None:
        for text in self._connection.outgoing():
            self._stream.send(text)
        deadline = self._connection.next_deadline()
        if deadline is not None and deadline < self.due_at:
            self.due_at = deadline

    def _guarded(self, hook: Any, *arguments: Any) -> None:
        """Call one of the desk's hooks; what it raises is logged and ends nothing else."""
        try:
            hook(self, *arguments)
        except Exception:
            log.exception("%r: %s failed", self, getattr(hook, "__name__", hook))
