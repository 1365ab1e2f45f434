"""Chargers that behave badly: one sends without end, one does not read what it is answered."""

import contextlib
import os
import socket
import threading
from typing import Any

from bench import wire
from tests.faults.nodes import Nodes
from tests.support.wait import passing


class Unruly(threading.Thread):
    """One that is connected with a station of its own, on the first node, until it is left."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__(daemon=True)
        self._nodes = nodes
        self._ended = threading.Event()

    def __enter__(self) -> "Unruly":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join(20)

    def run(self) -> None:
        identity, password = self._nodes.spare
        port = self._nodes.settings.ocpp_port
        while not self._ended.is_set():
            with (
                contextlib.suppress(OSError),
                wire.connect(port, identity, password) as line,
            ):
                self.behave(line)
            self._ended.wait(0.5)

    def behave(self, line: socket.socket) -> None:
        """Do what it does, until it is cut off or left."""

    def call(self, action: str, payload: dict[str, Any]) -> bytes:
        """A call as bytes."""
        return wire.encode([2, os.urandom(8).hex(), action, payload])


class Flood(Unruly):
    """Sends heartbeats as fast as they are taken, and reads along."""

    def behave(self, line: socket.socket) -> None:
        line.settimeout(1.0)
        while not self._ended.is_set():
            line.sendall(b"".join(self.call("Heartbeat", {}) for _ in range(50)))
            line.recv(1 << 16)


class Deaf(Unruly):
    """Asks and never reads."""

    def behave(self, line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(1.0)
        while not self._ended.is_set():
            try:
                line.sendall(self.call("Heartbeat", {"unheard": "x" * 500}))
            except TimeoutError:
                passing(0.2)
