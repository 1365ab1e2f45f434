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
from geventwebsocket.handler import WebSocketHandler

from worker.ocpp import handshake
from worker.ocpp.credentials import read_basic
from worker.ocpp.handshake import Refused, Request
from worker.ocpp.refusals import http_answer


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
            sock, _ = self._switch_protocols(headers, None)
            self._ours.open_and_close(sock, answer)
        else:
            offer = answer.offer or request.offer
            sock, data = self._switch_protocols(headers, offer.token)
            self._ours.open(sock, data, request, answer)

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
        vouched = address != peer
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
            secure=vouched and headers.get("x-forwarded-proto", "") in ("https", "wss"),
            user_agent=headers.get("user-agent", "")[:200],
        )
        refused = handshake.check_upgrade(self.command, self.request_version, headers)
        if refused is None and isinstance(found, Refused):
            refused = found
        return request, refused

    def _answer(self, status: str, lines: list[tuple[str, str]], body: Any) -> None:
        if not isinstance(body, bytes):
            body = orjson.dumps(body)
            lines = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        self.close_connection = True
        self.start_response(status, [*lines, ("Connection", "close")])
        self.result = [body]
        self.process_result()

    def _switch_protocols(self, headers: dict[str, str], token: str | None) -> tuple[Any, bytes]:
        """Answer 101 and take the socket away from the HTTP machinery, which then lets go of it.

        `token` is the subprotocol to name, if any.  Returns the socket and what the charger sent
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
        old: Any = self.__dict__["socket"]
        sock = gevent.socket.socket(old.family, old.type, old.proto, fileno=os.dup(old.fileno()))
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
        old.close()
        return sock, data


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
