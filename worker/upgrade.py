"""From an HTTP request to an upgraded socket, on gevent-websocket's handler.

Everything is settled before anything is upgraded: is it a WebSocket handshake, which charger,
which version, and whether the gate lets it in.  A refusal is an HTTP status that says why.
"""

import os
import socket as stdlib_socket
from typing import Any

import gevent
import gevent.socket
import orjson
from gevent import ssl
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler

from worker.certificates import read_chain, read_headers
from worker.ocpp import handshake
from worker.ocpp.credentials import read_basic
from worker.ocpp.handshake import ClientCertificate, Offer, Reason, Refused, Request
from worker.ocpp.refusals import http_answer
from worker.ocpp.versions import Version
from worker.websocket_deflate import Deflate, negotiate


class Handler(WebSocketHandler):
    """One HTTP connection, until it is refused, answered or handed over to a link."""

    def handle(self) -> None:
        """Serve requests, within a time: who dawdles over the handshake is cut off."""
        with gevent.Timeout(self._ours.settings.handshake_s, False):
            super().handle()

    def run_application(self) -> None:
        """Answer a request: the health check, or a handshake."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = self.path.partition("?")[0]
        if path == "/healthz" and "upgrade" not in headers:
            status, body = self._ours.health_answer()
            self._answer(f"{status} {'OK' if status == 200 else 'Service Unavailable'}", [], body)
            return
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
            peer,
            ",".join(self.headers.get_all("X-Forwarded-For", [])),
            settings.trusted_proxies,
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
            f"Sec-WebSocket-Accept: {handshake.accept_key(headers['sec-websocket-key'])}",
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


class TlsListener(WSGIServer):
    """A listener that speaks TLS and lets a link keep the socket beyond the request."""

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """Shake hands within a time, then serve; a failure is told to the gate."""
        server: Any = self.__dict__["ampdesk"]
        try:
            with gevent.Timeout(server.settings.handshake_s, TimeoutError):
                sock = self.wrap_socket(client_socket, **self.ssl_args)
        except (OSError, TimeoutError) as error:
            client_socket.close()
            server.turned_away(_unread(address), Refused(Reason.TLS_FAILED, _said(error)))
            return
        self.handle(sock, address)


def _unread(address: Any) -> Request:
    """A request that could not be read, for the record of who knocked."""
    peer = address[0] if isinstance(address, tuple) else ""
    return Request("", "", peer, Offer(None, None), None)


def _said(error: Exception) -> str:
    """What OpenSSL said, in its own words."""
    reason = (
        getattr(error, "reason", None) or getattr(error, "strerror", None) or "it took too long"
    )
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
