"""The load: chargers that follow a script, each as fast as it is answered.  A program of its own.

Reads one JSON object on standard input (port, script, stations: identity, password and tag of
each; pace_s and each if wanted), says "ready" when all are connected and booted; then goes on for
as many seconds as a line says, waits for what is outstanding, and prints what came of it.  An empty
line ends it.
"""

import heapq
import json
import os
import random
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


class Round:
    """So many seconds of load: one call outstanding per charger, as fast as it is answered.

    With `pace_s`, a charger sends no more often than that.  With 0 seconds, each sends one call.
    """

    def __init__(self, chargers: list[Charger], seconds: float, pace_s: float) -> None:
        self._poll = select.epoll()
        self._by_number = {charger.socket.fileno(): charger for charger in chargers}
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)
        self._pace_s = pace_s
        self._begin = time.perf_counter()
        self._end = self._begin + seconds
        self._due = [(self._begin + random.random() * pace_s, n) for n in self._by_number]
        heapq.heapify(self._due)
        #: action -> when it was sent, and how long its answer took
        self.found: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def drive(self) -> None:
        """Go on until the time is over and everything is answered."""
        outstanding = 0
        while self._due or outstanding:
            outstanding += self._send()
            pause_s = self._due[0][0] - time.perf_counter() if self._due else 5.0
            for number, _ in self._poll.poll(min(max(pause_s, 0.0), 5.0)):
                outstanding -= self._take(number)

    def _send(self) -> int:
        """Send what is due; return how many."""
        sent = 0
        while self._due and self._due[0][0] <= time.perf_counter():
            _, number = heapq.heappop(self._due)
            self._by_number[number].send()
            sent += 1
        return sent

    def _take(self, number: int) -> int:
        """Take a charger's answers and say when it goes on; return how many there were."""
        charger = self._by_number[number]
        actions = charger.answers()
        now = time.perf_counter()
        for action in actions:
            self.found[action].append((charger.sent_at, now - charger.sent_at))
            next_at = max(charger.sent_at + self._pace_s, now)
            if next_at < self._end:
                heapq.heappush(self._due, (next_at, number))
        return len(actions)

    def result(self, each: bool) -> dict[str, Any]:
        """What came of it; with `each` also every answer."""
        now = time.perf_counter()
        return {
            "answered": sum(map(len, self.found.values())),
            "seconds": now - self._begin,
            "waits_ms": {
                action: spread([wait for _, wait in found]) for action, found in self.found.items()
            },
            "when": [self._begin, now],
            "each": self.found if each else None,
        }


def spread(waits: list[float]) -> dict[str, float]:
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
    wire.allow_many_files()
    chargers = [
        Charger(wanted["port"], wanted["script"], number, who)
        for number, who in enumerate(wanted["stations"])
    ]
    for charger in chargers:
        charger.boot()
    print("ready", flush=True)
    while seconds := sys.stdin.readline().strip():
        one = Round(chargers, float(seconds), wanted.get("pace_s", 0.0))
        one.drive()
        print(json.dumps(one.result(wanted.get("each", False))), flush=True)
    for charger in chargers:
        charger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        charger.socket.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
