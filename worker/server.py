"""The port that chargers connect to: who is let in, the links, the ticker, the end.

`upgrade` reads the requests; the gate decides; every socket that is let in becomes a link.  No
exception of a hook ends the process.
"""

import ipaddress
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from worker.doorstep import Doorstep, Gate, Listener, Visitor, listening, stop_listening
from worker.link import PING_S, SILENCE_S, Desk, Link
from worker.ocpp.handshake import Accepted, ClientCertificate, Network, Offer, Request
from worker.ocpp.refusals import Reason, Refused, Turns
from worker.ocpp.versions import Version
from worker.pace import FLOOD_S, LAG
from worker.readiness import Part
from worker.turnstile import Turnstile
from worker.upgrade import Handler, TlsListener
from worker.websocket import Stream
from worker.websocket_wire import Deflate

log = logging.getLogger(__name__)

#: Those for whom there is no time come again at this distance: far more are let in in a second.
EVERY_S = 0.005
RESTARTS = "the server restarts"


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where to listen and the limits.  Names with `_s` are seconds.

    A connection has `request_s` to say what it wants (and as long for a TLS handshake before),
    `handshake_s` to be answered.  `unfinished` may be at the first at once, `unfinished_of_one` of
    them of one address; `admissions` at the second, and others wait `patience_s` for their turn.
    With `shared` other processes may listen on the same ports, and the kernel deals the
    connections out.
    """

    host: str = "0.0.0.0"
    port: int = 9000
    tls_port: int = 0
    spoken: Sequence[Version] = tuple(Version)
    max_message_bytes: int = 8 << 20
    max_inflated_bytes: int = 2 << 20
    ping_s: float = PING_S
    silence_s: float = SILENCE_S
    flood_s: float = FLOOD_S
    send_timeout_s: float = 20.0
    request_s: float = 10.0
    handshake_s: float = 20.0
    connections: int = 100_000
    admissions: int = 1_000
    patience_s: float = 8.0
    unfinished: int = 2_000
    unfinished_of_one: int = 100
    backlog: int = 4_096
    shared: bool = False
    tick_s: float = 0.25
    trusted_proxies: Sequence[Network] = ()
    client_cert_header: str = ""


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse networks in CIDR form; raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


class Server:
    """The listener, its links and the ticker that serves all of them.

    `health` gives what `GET /healthz` answers beside the number of connections, out of memory; when
    it raises the answer is 503.  `parts` says for `GET /readyz` how each part fares that the work
    needs.  `tls` is the context of a second listener (`worker.tls`).
    Until it `serves` everybody is told to come again.
    """

    def __init__(
        self,
        settings: ServerSettings,
        gate: Gate,
        desk: Desk,
        health: Callable[[], dict[str, Any]] = dict,
        tls: Any = None,
        parts: Callable[[], dict[str, Part]] = dict,
        serves: bool = True,
    ) -> None:
        self.settings = settings
        self.port = self.tls_port = 0
        self.gate = gate
        self.desk = desk
        self.health = health
        self.parts = parts
        self.links: set[Link] = set()
        self.draining = False
        self.serves = serves
        self.doorstep = Doorstep(
            self._room,
            settings.unfinished_of_one,
            min(settings.request_s, settings.handshake_s),
            settings.trusted_proxies,
            self._dropped,
        )
        #: Requests that were read and are being answered.
        self.asking = 0
        self._places = BoundedSemaphore(settings.admissions)
        self._turns = Turns()
        self.turnstile = Turnstile(settings.patience_s)
        self._ticker: Any = None
        self._watch: Any = None
        self._tls = tls
        self._listeners: list[Listener] = []

    def start(self) -> int:
        """Listen; return the port, which is a free one where the settings say 0.

        With a TLS context there is a second listener, whose port is `tls_port` from then on.
        Raises OSError when an address cannot be had.
        """
        self.port = self._listen(self.settings.port, Listener)
        if self._tls is not None:
            self.tls_port = self._listen(self.settings.tls_port, TlsListener, ssl_context=self._tls)
        self._ticker = gevent.spawn(self._tick_for_ever)
        self._watch = gevent.spawn(LAG.watch)
        return self.port

    def _listen(self, port: int, kind: type[Listener], **more: object) -> int:
        listener = kind(
            listening(self.settings.host, port, self.settings.backlog, self.settings.shared),
            _not_found,
            log=None,
            error_log=log,
            handler_class=Handler,
            **more,
        )
        listener.ampdesk = self
        # So few in one turn of the loop: between them the connected are read and answered.
        listener.max_accept = 4
        listener.start()
        self._listeners.append(listener)
        return int(listener.server_port)

    def stop_accepting(self) -> None:
        """Close the listener and refuse handshakes under way."""
        self.draining = True
        while self._listeners:
            stop_listening(self._listeners.pop())

    def drain(self, within_s: float = 30.0, batch: int = 50) -> None:
        """Stop accepting, let calls in work be answered and close all links with 1001.

        Links are closed in batches, spread over half of `within_s`, so that they do not come back
        all at once.  Returns when all are gone or the time is up.
        """
        self.stop_accepting()
        deadline = time.monotonic() + within_s
        links = list(self.links)
        random.shuffle(links)
        batches = [links[start : start + batch] for start in range(0, len(links), batch)]
        for number, group in enumerate(batches):
            for link in group:
                link.close_when_idle(1001, RESTARTS, deadline - 1 - time.monotonic())
            if number + 1 < len(batches):
                gevent.sleep(within_s / 2 / len(batches) * random.uniform(0.8, 1.2))
        # Whoever is being read gets an answer; who only hangs is not waited for.
        read_by = min(deadline, time.monotonic() + 1.0)
        while (now := time.monotonic()) < deadline:
            if not self._held() and (now > read_by or not len(self.doorstep)):
                break
            gevent.sleep(0.05)
        for greenlet in filter(None, (self._ticker, self._watch)):
            greenlet.kill()

    def health_answer(self) -> tuple[int, dict[str, Any]]:
        """Status and body of `GET /healthz`: it is alive, whatever its parts are."""
        body: dict[str, Any] = {"ok": True, "connections": len(self.links)}
        body["draining"] = self.draining
        body["serves"] = self.serves
        body["unfinished"] = len(self.doorstep)
        body["loop_lag_ms"] = round(LAG.now_s * 1000)
        try:
            body.update(self.health())
        except Exception:
            log.exception("the health check failed")
            body["ok"] = False
        return (200 if body["ok"] else 503), body

    # For the handler

    def admit(self, request: Request) -> Accepted | Refused:
        """Ask the gate, when it is its turn; who waits too long for that must come again."""
        if self._held() > self.settings.connections:  # who asks is one of them
            return self.turned_away(request, Refused(Reason.OVERLOADED, retry_after_s=_soon()))
        try:
            answer = self._asked(request)
        except Exception:
            log.exception("the gate failed for %s", request.identity)
            return Refused(Reason.UNAVAILABLE, retry_after_s=_soon())
        if isinstance(answer, Accepted) and (answer.offer or request.offer).version is None:
            return self.turned_away(request, Refused(Reason.NO_COMMON_SUBPROTOCOL))
        return answer

    def _asked(self, request: Request) -> Accepted | Refused:
        if not self._places.acquire(timeout=self.settings.patience_s):
            again_s = self._turns.next_s(time.monotonic(), EVERY_S)
            return self.turned_away(request, Refused(Reason.OVERLOADED, retry_after_s=again_s))
        try:
            if not self.serves:
                return Refused(Reason.UNAVAILABLE, retry_after_s=_soon())
            answer = None if self.draining else self.gate.admit(request)
            if answer is None or self.draining:
                refused = Refused(Reason.DRAINING, retry_after_s=_soon())
                return self.turned_away(request, refused)
        finally:
            self._places.release()
        again = None if isinstance(answer, Refused) else self.turnstile.again_s()
        if again is not None:
            return self.turned_away(request, Refused(Reason.OVERLOADED, retry_after_s=again))
        return answer

    def turned_away(self, request: Request, refused: Refused) -> Refused:
        """Tell the gate about a refusal that was not its own; return it."""
        try:
            self.gate.turned_away(request, refused)
        except Exception:
            log.exception("the gate failed to record a refusal")
        return refused

    def unread(self, address: str, refused: Refused) -> None:
        """Record a connection that ended before its request could be read."""
        self.turned_away(Request("", "", address, Offer(None, None), None), refused)

    def open(
        self,
        sock: Any,
        data: bytes,
        request: Request,
        accepted: Accepted,
        deflate: Deflate | None = None,
    ) -> None:
        """Start the link of an upgraded socket; `data` is what was read beyond the handshake."""
        offer = accepted.offer or request.offer
        assert offer.version is not None
        link = Link(
            self._stream(sock, data, deflate),
            self.desk,
            accepted.station,
            offer.version,
            subprotocol=offer.token,
            remote_address=request.remote_address,
            profile=accepted.profile,
            certificate=_without_chain(request) if accepted.profile == 3 else None,
            ping_s=self.settings.ping_s,
            silence_s=self.settings.silence_s,
            flood_s=self.settings.flood_s,
        )
        self.links.add(link)
        gevent.spawn(link.run).rawlink(lambda _: self.links.discard(link))
        if self.draining:
            link.close_later(1001, RESTARTS, 0.0)

    def open_and_close(self, sock: Any, refused: Refused) -> None:
        """Say goodbye on a socket that was upgraded only because the specification wants it."""
        stream = self._stream(sock, b"")
        stream.close(1002, refused.reason.sentence)
        gevent.spawn(stream.end)

    def _stream(self, sock: Any, data: bytes, deflate: Deflate | None = None) -> Stream:
        return Stream(
            sock,
            max_message_bytes=self.settings.max_message_bytes,
            max_inflated_bytes=self.settings.max_inflated_bytes,
            send_timeout_s=self.settings.send_timeout_s,
            data=data,
            deflate=deflate,
        )

    def _held(self) -> int:
        return len(self.links) + self.asking

    def _room(self) -> int:
        """How many may stand on the doorstep now."""
        return min(self.settings.unfinished, self.settings.connections - self._held())

    def _dropped(self, visitor: Visitor) -> None:
        """A connection was ended on the doorstep."""
        reason = Reason.TLS_FAILED if visitor.by_tls else Reason.UNFINISHED
        self.unread(visitor.address, Refused(reason, "It took too long." if visitor.by_tls else ""))

    def _tick_for_ever(self) -> None:
        while True:
            gevent.sleep(self.settings.tick_s)
            now = time.monotonic()
            self.doorstep.sweep()
            # Ten thousand chargers are looked at four times a second: few have anything due.
            for link in [link for link in self.links if link.due_at <= now]:
                try:
                    link.tick(now)
                except Exception:
                    log.exception("%r: tick failed", link)


def _without_chain(request: Request) -> ClientCertificate | None:
    """The certificate as a link carries it: ten thousand chains are not kept in memory."""
    return request.certificate and replace(request.certificate, chain=())


def _soon() -> int:
    """Seconds after which a refused charger may come again; not the same for all."""
    return random.randint(5, 30)


def _not_found(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """The WSGI application that the server insists on; every request is answered before it."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"not found\n"]
