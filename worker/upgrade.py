"""From an HTTP request to an upgraded socket, on gevent-websocket's handler.

Everything is settled before anything is upgraded: is it a WebSocket handshake, which charger,
which version, and whether the gate lets it in.  A refusal is an HTTP status that says why.
"""

import logging
import os
import socket as stdlib_socket
from http import HTTPStatus
from typing import Any

import gevent
import gevent.socket
import orjson
from gevent import ssl
from gevent.pywsgi import Input, headers_factory
from geventwebsocket.handler import WebSocketHandler
from websockets.utils import accept_key

from worker import readiness
from worker.certificates import read_chain, read_headers
from worker.doorstep import Listener
from worker.ocpp import handshake
from worker.ocpp.handshake import ClientCertificate, Request, read_basic
from worker.ocpp.refusals import Reason, Refused, http_answer
from worker.ocpp.versions import Version
from worker.websocket_wire import Deflate, negotiate

log = logging.getLogger(__name__)

#: All headers of a request together; the largest is a certificate that a proxy hands on.
HEADER_BYTES = 32 << 10


class Handler(WebSocketHandler):  # type: ignore[misc]
    """One HTTP connection, until it is refused, answered or handed over to a link."""

    def handle(self) -> None:
        """Serve a request; it stands on the doorstep until it has been read."""
        self._visitor = self._ours.doorstep.enter(self.client_address)
        try:
            super().handle()
        except OSError as error:
            log.debug("a connection broke off: %s", error)
        finally:
            self._ours.doorstep.leave(self._visitor)

    def MessageClass(self, reader: Any, *_: Any) -> Any:
        """Read the headers, up to a hundred lines and `HEADER_BYTES` in all."""
        return headers_factory(_Limited(reader, HEADER_BYTES))

    def get_environ(self) -> dict[str, Any]:
        """Nothing: no WSGI application is behind this, and a handshake's body is never read."""
        self.wsgi_input = Input(self.rfile, 0)
        return {}

    def log_error(self, text: str, *arguments: Any) -> None:
        """What a stranger sends is no event for the log; the gate keeps a record."""
        log.debug(text, *arguments)

    def _handle_client_error(self, error: Exception) -> tuple[str, bytes] | None:
        """What cannot be read is told to the gate, and answered."""
        if isinstance(error, OSError):
            return None  # whoever asked is gone
        detail = f"It cannot be read: {error}." if isinstance(error, _TooLong) else ""
        refused = Refused(Reason.NOT_WEBSOCKET, detail or "It cannot be read as HTTP.")
        self._ours.unread(self._visitor.address, refused)
        return "400", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    def run_application(self) -> None:
        """Answer a request within a time; a drain waits for that."""
        self._ours.asking += 1
        self._ours.doorstep.leave(self._visitor)
        within = gevent.Timeout(self._ours.settings.handshake_s)
        try:
            with within:
                self._serve()
        except gevent.Timeout as over:
            if over is not within:
                raise
            self.close_connection = True
        finally:
            self._ours.asking -= 1

    def _serve(self) -> None:
        """Answer who asks how the worker is, or a handshake."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        if path in ("/healthz", "/readyz") and "upgrade" not in headers:
            ours = self._ours
            ready = path == "/readyz"
            told = readiness.answer(ours) if ready else ours.health_answer()
            status, body = told
            self._answer(f"{status} {HTTPStatus(status).phrase}", [], body)
            return
        self._ours.turnstile.line_up()
        request, refused = self._read_handshake(headers)
        answer = refused or self._ours.admit(request)
        if refused is not None:
            self._ours.turned_away(request, refused)
        if isinstance(answer, Refused) and answer.status != 101:
            status_line, lines, text = http_answer(answer)
            self._answer(status_line, lines, text)
            return
        if isinstance(answer, Refused):
            sock, _ = self._switch_protocols(headers, None, None)
            self._ours.open_and_close(sock, answer)
        else:
            offer = answer.offer or request.offer
            allowed = offer.version is not Version.V16 if answer.deflate is None else answer.deflate
            offered = self.headers.get_all("Sec-WebSocket-Extensions", []) if allowed else []
            deflate = negotiate(offered)
            sock, data = self._switch_protocols(headers, offer.token, deflate)
            self._ours.open(sock, data, request, answer, deflate)

    def log_request(self) -> None:
        """Requests are not logged here: paths may hold secrets, and the gate keeps a record."""

    @property
    def _ours(self) -> Any:
        """The `worker.server.Server` behind the listener."""
        return self.server.ampdesk

    def _read_handshake(self, headers: dict[str, str]) -> tuple[Request, Refused | None]:
        """What is asked for, and why it is refused if no gate needs to be asked."""
        settings = self._ours.settings
        peer = self.client_address[0] if isinstance(self.client_address, tuple) else ""
        address = handshake.client_address(
            peer, ",".join(self.headers.get_all("X-Forwarded-For", [])), settings.trusted_proxies
        )
        trusted = handshake.is_within(peer, settings.trusted_proxies)
        secure, certificate = self._proved(trusted)
        authorization = headers.get("authorization")
        found = handshake.identity_from_path(self.path)
        identity = found if isinstance(found, str) else ""
        credentials = read_basic(authorization, identity) if authorization else None
        request = Request(
            identity=identity,
            path=handshake.loggable_path(self.path),
            remote_address=address,
            offer=handshake.choose_subprotocol(
                self.headers.get_all("Sec-WebSocket-Protocol", []), settings.spoken
            ),
            credentials=credentials,
            bad_credentials=bool(authorization) and credentials is None,
            secure=secure,
            certificate=certificate,
            user_agent=headers.get("user-agent", "")[:200],
        )
        refused = handshake.check_upgrade(self.command, self.request_version, headers)
        if refused is None and isinstance(found, Refused):
            refused = found
        return request, refused

    def _proved(self, trusted: bool) -> tuple[bool, ClientCertificate | None]:
        """Whether the request came by TLS, ours or a trusted proxy's, and with which certificate.

        What our TLS hands out was verified; what a proxy hands on is verified by the gate.
        """
        sock: Any = self.__dict__["socket"]
        if isinstance(sock, ssl.SSLSocket):
            der = sock.getpeercert(True)
            return True, read_chain([der], verified=True) if der else None
        name = self._ours.settings.client_cert_header
        protos = self.headers.get_all("X-Forwarded-Proto", [])
        secure = trusted and handshake.came_by_tls(",".join(protos))
        if not secure or not name:
            return secure, None
        return True, read_headers(name, self.headers.get_all(name, []))

    def _answer(self, status: str, lines: list[tuple[str, str]], body: Any) -> None:
        if not isinstance(body, bytes):
            body = orjson.dumps(body)
            lines = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self.close_connection = True
        self.start_response(status, [*lines, ("Connection", "close")])
        self.result = [body]
        self.process_result()

    def _switch_protocols(
        self, headers: dict[str, str], token: str | None, deflate: Deflate | None
    ) -> tuple[Any, bytes]:
        """Answer 101 and take the socket away from the HTTP machinery, which then lets go of it.

        `token` is the subprotocol to name, if any, and `deflate` the compression that was agreed
        on.  Returns the socket and what the charger sent
        already.  A link keeps neither the request nor its buffers: ten thousand idle chargers would
        pay for them.
        """
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept_key(headers['sec-websocket-key'].strip())}",
        ]
        if token is not None:
            lines.append(f"Sec-WebSocket-Protocol: {token}")
        if deflate is not None:
            lines.append(f"Sec-WebSocket-Extensions: {deflate.header}")
        old: Any = self.__dict__["socket"]
        encrypted = isinstance(old, ssl.SSLSocket)  # its state cannot be copied
        sock = old if encrypted else _copied(old)
        try:
            sock.setsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_NODELAY, 1)
            sock.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_KEEPALIVE, 1)
            data = _buffered(self.rfile)
            sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        except BaseException:
            sock.close()
            raise
        self.close_connection = True
        self.headers_sent = True
        self.socket = None  # or handle() would read from it and close it
        if not encrypted:
            old.close()
        return sock, data


class _TooLong(ValueError):
    """A request's headers are longer than any charger's."""


class _Limited:
    """A reader of lines that ends after so many bytes."""

    def __init__(self, reader: Any, most: int) -> None:
        self._reader = reader
        self._left = most

    def readline(self, limit: int = -1) -> bytes:
        """The next line.  Raises `_TooLong`."""
        line: bytes = self._reader.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLong("the headers are too long")
        return line


class TlsListener(Listener):
    """A listener that speaks TLS and lets a link keep the socket beyond the request."""

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """Shake hands within a time, then serve; a failure is told to the gate."""
        server: Any = self.__dict__["ampdesk"]
        visitor = server.doorstep.enter(address, by_tls=True)
        sock = self.wrap_socket(client_socket, do_handshake_on_connect=False, **self.ssl_args)
        try:
            sock.do_handshake()
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            server.unread(visitor.address, Refused(Reason.TLS_FAILED, _said(error)))
            return
        finally:
            server.doorstep.leave(visitor)
        self.handle(sock, address)


def _said(error: Exception) -> str:
    """What OpenSSL said, in its own words."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
    return f"OpenSSL: {str(reason).replace('_', ' ').lower()}."[:200]


def _copied(sock: Any) -> Any:
    """The same connection as a socket of its own."""
    return gevent.socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))


def _buffered(reader: Any) -> bytes:
    """What the request's reader holds beyond the request, without waiting for more."""
    raw = reader.raw if hasattr(reader, "raw") else None
    if raw is None:
        return b""
    sock = raw._sock
    before = sock.gettimeout()
    sock.settimeout(0.0)
    try:
        return bytes(reader.read1(65_536) or b"")
    except (OSError, ValueError):
        return b""
    finally:
        sock.settimeout(before)
