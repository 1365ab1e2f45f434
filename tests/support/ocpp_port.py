"""A worker's port without its database: the real server, with a gate and a desk that remember.

The server lives in a thread with an event loop of its own, so that a test talks to it over real
sockets from outside.
"""

import base64
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import gevent
from websockets.speedups import apply_mask
from websockets.sync.client import ClientConnection, connect

from tests.support.wait import eventually, yielding
from worker.link import Link
from worker.ocpp.frames import Call, Send
from worker.ocpp.handshake import Accepted, Request
from worker.ocpp.refusals import Reason, Refused
from worker.server import Server, ServerSettings

T = TypeVar("T")


@dataclass
class RecordingGate:
    """Lets everybody in but for what `answers` says, by identity."""

    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    refused: list[tuple[Request, Refused]] = field(default_factory=list)
    strict: bool = False
    wait: threading.Event | None = None

    def admit(self, request: Request) -> Accepted | Refused:
        self.requests.append(request)
        yielding(lambda: self.wait is None or self.wait.is_set())
        answer = self.answers.get(request.identity)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reason):
            return Refused(answer)
        station = SimpleNamespace(
            id=1, identity=request.identity, tenant_id=1, model="M", strict=self.strict
        )
        return Accepted(station)

    def turned_away(self, request: Request, refused: Refused) -> None:
        self.refused.append((request, refused))


@dataclass
class RecordingDesk:
    """Answers heartbeats and empty answers; remembers everything it is told."""

    handler: Callable[[Link, Call | Send], str | None] | None = None
    links: list[Link] = field(default_factory=list)
    calls: list[Call | Send] = field(default_factory=list)
    settlements: list[Any] = field(default_factory=list)
    strays: list[Any] = field(default_factory=list)
    endings: list[tuple[Link, int, str]] = field(default_factory=list)
    failing: frozenset[str] = frozenset()

    def opened(self, link: Link) -> None:
        self.links.append(link)
        self._fail("opened")

    def closed(self, link: Link, code: int, reason: str) -> None:
        self.endings.append((link, code, reason))
        self._fail("closed")

    def call(self, link: Link, call: Call | Send) -> str | None:
        self.calls.append(call)
        self._fail("call")
        if self.handler is not None:
            return self.handler(link, call)
        if not isinstance(call, Call):
            return None
        clock = {"currentTime": "2026-03-02T09:00:00Z"}
        return link.answer(call, clock if call.action == "Heartbeat" else {})

    def settled(self, link: Link, event: Any) -> None:
        self.settlements.append(event)
        self._fail("settled")

    def stray(self, link: Link, event: Any) -> None:
        self.strays.append(event)
        self._fail("stray")

    def _fail(self, hook: str) -> None:
        if hook in self.failing:
            raise RuntimeError(f"{hook} fails on purpose")


class OcppPort:
    """A running server; `gate` and `desk` are its outside.

    `make_gate` makes the gate in the server's thread, where its greenlets live.
    """

    def __init__(
        self, *, make_gate: Callable[[], Any] | None = None, tls: Any = None, **settings: Any
    ) -> None:
        self.gate: Any = RecordingGate()
        self._make_gate = make_gate
        self._tls = tls
        self.desk = RecordingDesk()
        self.settings = ServerSettings(
            **{"host": "127.0.0.1", "port": 0, "tick_s": 0.02, **settings}
        )
        self.port = 0
        self.server: Any = None
        self._loop: Any = None
        self._stopping = False
        self._raws: list[RawSocket] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "OcppPort":
        self._thread.start()
        eventually(lambda: self.port, what="the port")
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._stopping = True
        self._thread.join(timeout=60)

    def _run(self) -> None:
        self._loop = gevent.get_hub().loop
        if self._make_gate is not None:
            self.gate = self._make_gate()
        self.server = Server(self.settings, self.gate, self.desk, tls=self._tls)
        self.port = self.server.start()
        yielding(lambda: self._stopping)
        self.server.drain(within_s=0.2)

    def within(self, function: Callable[[], T]) -> T:
        """Run `function` in the server's thread, as its greenlets do; return what it returns."""
        done = threading.Event()
        result: list[Any] = []

        def work() -> None:
            try:
                result.append(function())
            except Exception as error:
                result.append(error)
            finally:
                done.set()

        self._loop.run_callback_threadsafe(lambda: gevent.spawn(work))
        assert done.wait(60), "the server's thread did not take part"
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]

    def url(self, identity: str = "CP1") -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp/{identity}"

    def connect(self, identity: str = "CP1", **options: Any) -> ClientConnection:
        """A charger written by others; with `ssl` it comes by the TLS port."""
        options.setdefault("subprotocols", ["ocpp1.6"])
        options.setdefault("compression", None)
        options.setdefault("proxy", None)
        options.setdefault("open_timeout", 60)
        url = self.url(identity)
        if "ssl" in options:
            url = f"wss://localhost:{self.server.tls_port}/ocpp/{identity}"
        return connect(url, max_size=None, **options)

    def hang_up(self) -> None:
        """Close every raw socket and wait until the server has noticed that nobody is left."""
        for raw in self._raws:
            raw.socket.close()
        self._raws.clear()
        eventually(lambda: not self.server.links, what="an empty server")

    def raw(self, identity: str = "CP1", upgrade: bool = True) -> "RawSocket":
        """A socket whose bytes the test writes itself, upgraded unless told otherwise."""
        raw = RawSocket(socket.create_connection(("127.0.0.1", self.port), timeout=60))
        self._raws.append(raw)
        if upgrade:
            raw.socket.sendall(handshake_text(f"/ocpp/{identity}"))
            assert raw.read_head().startswith("HTTP/1.1 101 ")
        return raw


def handshake_text(path: str, drop: str = "", **headers: str) -> bytes:
    """A correct handshake but for what is dropped, replaced or added (`_` stands for `-`)."""
    lines = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Sec-WebSocket-Protocol": "ocpp1.6",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines.pop(drop, None)
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


class RawSocket:
    """Frames byte by byte."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._data = b""

    def read_head(self) -> str:
        """The status line and headers of an answer."""
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def send(self, first: int, payload: bytes, *, masked: bool = True, size: int = -1) -> None:
        """One frame; `first` is its first byte, `size` a length to claim instead of the true."""
        size = len(payload) if size < 0 else size
        flag = 0x80 if masked else 0
        if size < 126:
            head = bytes((first, flag | size))
        elif size < 65_536:
            head = struct.pack("!BBH", first, flag | 126, size)
        else:
            head = struct.pack("!BBQ", first, flag | 127, size)
        mask = b"\x11\x22\x33\x44"
        body = mask + apply_mask(payload, mask) if masked else payload
        self.socket.sendall(head + body)

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        first, payload = self.frame()
        return first & 0x0F, payload

    def frame(self) -> tuple[int, bytes]:
        """The first byte and the payload of the next frame."""
        first, second = self._take(2)
        size = second & 0x7F
        if size == 126:
            size = int.from_bytes(self._take(2), "big")
        elif size == 127:
            size = int.from_bytes(self._take(8), "big")
        return first, self._take(size)

    def close_code(self) -> int:
        """The code of the close frame, after whatever else comes before it."""
        while True:
            opcode, payload = self.receive()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            self._more()
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError("the server closed the connection")
        self._data += data
