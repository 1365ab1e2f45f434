"""The floor: the least that storing before answering can cost, a program of its own.

It takes messages of OCPP 1.6 and 2.0.1, holds them against the product's schemas, writes the rows
that the product writes into the product's own tables by group commit, and then answers.  There is
no business: everybody may charge, nothing is doubted, nothing but the load of the bench is
understood.  Reads one JSON object on standard input (port, url of a database with stations).
"""

from gevent import monkey

monkey.patch_all()

import base64
import gc
import hashlib
import json
import sys
from datetime import UTC, datetime
from typing import Any

import gevent
import orjson
from gevent.event import AsyncResult
from gevent.queue import Queue
from gevent.server import StreamServer

from bench import wire
from bench.floor_facts import Facts, Station
from bench.floor_store import gathered, opened
from worker.ocpp import schemas
from worker.ocpp.versions import Version

#: At most so many messages share a commit.
MOST = 400
VERSIONS = {"ocpp1.6": Version.V16, "ocpp2.0.1": Version.V201}
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Floor:
    """Connections, and the one writer that they all wait for."""

    def __init__(self, url: str) -> None:
        self._store = opened(url)
        rows = self._store.read("SELECT identity, id FROM stations")
        self._stations = {identity: Station(number, identity) for identity, number in rows}
        tags = self._store.read("SELECT value, id, driver_id FROM tags")
        known = {value: (number, driver) for value, number, driver in tags}
        ((last,),) = self._store.read("SELECT coalesce(max(id), 0) FROM charging_sessions")
        self._facts = Facts(known, last)
        self._waiting: Queue[Any] = Queue()
        gevent.spawn(self._write_for_ever)

    def serve(self, sock: Any, _address: Any) -> None:
        """One charger, from its handshake to its end."""
        try:
            identity, version = _handshake(sock)
            buffer = bytearray()
            while chunk := sock.recv(65536):
                buffer += chunk
                while (frame := wire.first_frame(buffer)) is not None:
                    opcode, payload, used = frame
                    mask = bytes(buffer[used - len(payload) - 4 : used - len(payload)])
                    del buffer[:used]
                    if opcode == 1:
                        text = wire.masked(payload, mask)
                        answer = self._answered(self._stations[identity], version, text)
                        sock.sendall(wire.bare_frame(answer))
        except OSError:
            return

    def _answered(self, station: Station, version: Version, text: bytes) -> bytes:
        """Take a call in; return its answer once it is stored."""
        _, message_id, action, call = orjson.loads(text)
        at = datetime.now(UTC).replace(tzinfo=None)
        if not schemas.validator_for(version, action, "call").is_valid(call):
            return orjson.dumps([4, message_id, "FormationViolation", "", {}])
        now = at.isoformat(" ")
        answer, rows, changes, session = self._facts.take(station, action, call, now)
        told = (orjson.dumps(call).decode(), orjson.dumps(answer).decode(), "answered")
        latency_ms = (datetime.now(UTC).replace(tzinfo=None) - at).total_seconds() * 1000
        row = (station.number, session, 0, message_id, action, *told, now, latency_ms)
        rows["messages"] = [row]
        done: AsyncResult = AsyncResult()
        self._waiting.put(((rows, changes), done))
        done.get()
        return orjson.dumps([3, message_id, answer])

    def _write_for_ever(self) -> None:
        while True:
            works = [self._waiting.get()]
            gevent.sleep(0)
            while len(works) < MOST and not self._waiting.empty():
                works.append(self._waiting.get_nowait())
            self._store.store(*gathered([work for work, _ in works]))
            for _, done in works:
                done.set()


def _handshake(sock: Any) -> tuple[str, Version]:
    """Let a charger in, whoever it says it is; return its identity and version."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        chunk = sock.recv(4096)
        if not chunk:
            raise OSError("gone")
        head += chunk
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    protocol, key = headers["Sec-WebSocket-Protocol"], headers["Sec-WebSocket-Key"]
    accepted = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
    sock.sendall(
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        ).encode()
    )
    return first.split(" ")[1].rsplit("/", 1)[1], VERSIONS[protocol]


def main() -> int:
    """Serve until the input ends."""
    wanted = json.loads(sys.stdin.readline())
    server = StreamServer(("127.0.0.1", wanted["port"]), Floor(wanted["url"]).serve, backlog=1024)
    server.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 2, 280)
    print("ready", flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.readline)
    return 0


if __name__ == "__main__":
    sys.exit(main())
