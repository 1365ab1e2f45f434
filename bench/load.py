"""The load: chargers that follow a script, each as fast as it is answered.  A program of its own.

Reads one JSON object on standard input (port, script, stations: identity, password and tag of
each), says "ready" when all are connected and booted; then goes on for as many seconds as a line
says, waits for what is outstanding, and prints what came of it.  An empty line ends it.
"""

import json
import os
import select
import socket
import sys
import time
from collections import defaultdict
from typing import Any

import orjson

from bench import wire
from bench.scripts import READINGS, SCRIPTS, boot, meter_values, stamp

__all__ = ["boot", "meter_values", "stamp"]


class Charger:
    """One connection and where its script stands; `waits` is kept by action."""

    def __init__(self, port: int, script: str, number: int, who: tuple[str, str, str]) -> None:
        identity, password, tag = who
        protocol, lines = SCRIPTS[script]
        self.socket = wire.connect(port, identity, password, protocol)
        # No two calls of a station may have the same id, whichever connection they come on.
        self._prefix = os.urandom(6).hex()
        self._number = 0
        self._script = lines(tag, number % (READINGS + 1))
        self._call = next(self._script)
        self._buffer = bytearray()
        self.sent_at = 0.0

    def boot(self) -> None:
        """Say the script's first line and wait for its answer."""
        self.send()
        identity = f"{self._prefix}-{self._number}"
        self._call = self._script.send(wire.answer_to(self.socket, identity))
        self.socket.setblocking(False)

    def send(self) -> None:
        """Send the next call."""
        self._number += 1
        action, payload = self._call
        message = orjson.dumps([2, f"{self._prefix}-{self._number}", action, payload])
        self.sent_at = time.perf_counter()
        self.socket.send(wire.frame(message))

    def answers(self) -> list[str]:
        """Read what has arrived; return the action of each answer.

        Raises OSError when a call was refused: what is refused costs something else.
        """
        chunk = self.socket.recv(65536)
        if not chunk:
            raise OSError("the worker closed a connection")
        self._buffer += chunk
        found = []
        while (frame := wire.first_frame(self._buffer)) is not None:
            opcode, payload, used = frame
            del self._buffer[:used]
            if opcode != 1:
                continue
            message = orjson.loads(payload)
            if message[0] == 2:  # a call of theirs: this charger can nothing of it
                no = orjson.dumps([4, message[1], "NotImplemented", "", {}])
                self.socket.send(wire.frame(no))
                continue
            if message[0] == 4:
                raise OSError(f"{self._call[0]} was refused: {payload[:500]!r}")
            found.append(self._call[0])
            self._call = self._script.send(message[2])
        return found


def drive(chargers: list[Charger], seconds: float) -> dict[str, Any]:
    """Keep one call outstanding per charger for so long; count and time what is answered."""
    poll = select.epoll()
    by_number = {charger.socket.fileno(): charger for charger in chargers}
    begin = time.perf_counter()
    for number, charger in by_number.items():
        poll.register(number, select.EPOLLIN)
        charger.send()
    waits: dict[str, list[float]] = defaultdict(list)
    outstanding = len(chargers)
    while outstanding:
        for number, _ in poll.poll(5):
            charger = by_number[number]
            for action in charger.answers():
                now = time.perf_counter()
                waits[action].append(now - charger.sent_at)
                outstanding -= 1
                if now - begin < seconds:
                    charger.send()
                    outstanding += 1
    return {
        "answered": sum(map(len, waits.values())),
        "seconds": time.perf_counter() - begin,
        "waits_ms": {action: told(found) for action, found in waits.items()},
    }


def told(waits: list[float]) -> dict[str, float]:
    """Median, 99th percentile and longest of waits in seconds, in ms, and how many there were."""
    waits.sort()
    last = len(waits) - 1
    return {
        "count": len(waits),
        "p50": waits[last // 2] * 1000,
        "p99": waits[last * 99 // 100] * 1000,
        "longest": waits[last] * 1000,
    }


def main() -> int:
    """Connect, then drive a round for each line."""
    wanted = json.loads(sys.stdin.readline())
    chargers = [
        Charger(wanted["port"], wanted["script"], number, who)
        for number, who in enumerate(wanted["stations"])
    ]
    for charger in chargers:
        charger.boot()
    print("ready", flush=True)
    while seconds := sys.stdin.readline().strip():
        print(json.dumps(drive(chargers, float(seconds))), flush=True)
    for charger in chargers:
        charger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        charger.socket.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
