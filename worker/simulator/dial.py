"""Opening a WebSocket to a central system, as a charger does."""

import base64
import os
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import gevent
import gevent.socket
from gevent import ssl
from websockets.utils import accept_key

from worker.websocket import Stream

_LONGEST_HEAD = 16_384


class HandshakeRefused(Exception):
    """The central system did not let us in: its HTTP status, body and Retry-After in seconds."""

    def __init__(self, status: int, body: str, retry_after_s: float | None) -> None:
        self.status = status
        self.body = body
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {body}".strip())


def dial(
    url: str,
    identity: str,
    password: str | bytes | None = None,
    *,
    subprotocols: Sequence[str] = ("ocpp1.6",),
    timeout_s: float = 15.0,
    max_message_bytes: int = 1 << 20,
) -> Stream:
    """Connect to `url`/`identity` (ws or wss); return the stream.

    Raises HandshakeRefused, OSError when nobody is there, and TimeoutError.
    """
    parts = urlsplit(url)
    host, encrypted = parts.hostname or "localhost", parts.scheme == "wss"
    port = parts.port or (443 if encrypted else 80)
    with gevent.Timeout(timeout_s, TimeoutError(f"no handshake with {host}:{port} in time")):
        sock = gevent.socket.create_connection((host, port))
        try:
            if encrypted:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
            key = base64.b64encode(os.urandom(16)).decode()
            lines = [
                f"GET {parts.path.rstrip('/')}/{quote(identity, safe='')} HTTP/1.1",
                f"Host: {parts.netloc.rpartition('@')[2]}",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                f"Sec-WebSocket-Key: {key}",
            ]
            if subprotocols:
                lines.append(f"Sec-WebSocket-Protocol: {', '.join(subprotocols)}")
            if password is not None:
                lines.append(f"Authorization: {_basic(identity, password)}")
            sock.sendall("\r\n".join([*lines, "", ""]).encode())
            rest = _read_answer(sock, key)
        except BaseException:
            sock.close()
            raise
    return Stream(sock, client=True, max_message_bytes=max_message_bytes, data=rest)


def _basic(identity: str, password: str | bytes) -> str:
    secret = password if isinstance(password, bytes) else password.encode()
    return "Basic " + base64.b64encode(identity.encode() + b":" + secret).decode()


def _read_answer(sock: gevent.socket.socket, key: str) -> bytes:
    """Read the answer to the handshake; return what came after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(4096)
        if not piece or len(data) > _LONGEST_HEAD:
            raise OSError("the server broke the handshake off")
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    status = int([*status_line.split(" ", 2), "0", "0"][1])
    if status != 101:
        retry = headers.get("retry-after", "")
        body = rest.decode(errors="replace").strip()[:200]
        raise HandshakeRefused(status, body, float(retry) if retry.isdigit() else None)
    if headers.get("sec-websocket-accept") != accept_key(key):
        raise OSError("the server answered another handshake")
    return rest
