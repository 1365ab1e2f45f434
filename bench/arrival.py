"""Chargers that all come at once, as after a power cut.  A program of its own.

Reads one JSON object on standard input (port, stations, protocol), says "ready"; at the next line
all connect at the same moment, boot and tell the status of two connectors.  Who is refused with a
Retry-After comes again after that time, who is refused without one or cut off after a second, up
to `TRIES` times.  Prints what became of them, and keeps them connected until the next line.
"""

import heapq
import json
import os
import select
import socket
import sys
import time
from collections import Counter
from typing import Any

import orjson

from bench import wire
from bench.scripts import boot, boot_2x, now_text

TRIES = 20
#: Nobody waits longer than this for all of them.
PATIENCE_S = 180.0


class Arrival:
    """One charger on its way: what it has sent last, and what it sends next."""

    def __init__(self, port: int, protocol: str, who: list[str], number: int) -> None:
        self._port = port
        # Each comes from an address of its own, as chargers do.
        self._address = f"127.1.{number >> 8}.{number & 255}"
        self._protocol = protocol
        self._who = who
        self.tries = 0
        self.socket: socket.socket | None = None
        self._calls: list[tuple[str, Any]] = []
        self._buffer = bytearray()
        self._inside = False

    def connect(self) -> socket.socket:
        """Begin to connect."""
        self.tries += 1
        self._calls = calls(self._protocol)
        self._buffer.clear()
        self._inside = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((self._address, 0))
        self.socket.connect_ex(("127.0.0.1", self._port))
        return self.socket

    def shake_hands(self) -> None:
        """Send the handshake."""
        assert self.socket is not None
        self.socket.send(wire.handshake(self._port, self._who[0], self._who[1], self._protocol))

    def go_on(self) -> bool:
        """Take what has arrived and send what is next; True when there is nothing more to send.

        Raises `Refused` or OSError.
        """
        assert self.socket is not None
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionResetError
        self._buffer += chunk
        if not self._inside:
            if (end := self._buffer.find(b"\r\n\r\n")) < 0:
                return False
            head = self._buffer[:end].decode("latin-1")
            del self._buffer[: end + 4]
            if not head.startswith("HTTP/1.1 101"):
                raise Refused(head)
            self._inside = True
            self._say()
        while (frame := wire.first_frame(self._buffer)) is not None:
            opcode, payload, used = frame
            del self._buffer[:used]
            if opcode == 8:
                raise ConnectionResetError
            if opcode == 1 and payload[1:2] == b"3":
                if not self._calls:
                    return True
                self._say()
        return False

    def _say(self) -> None:
        assert self.socket is not None
        action, payload = self._calls.pop(0)
        message = orjson.dumps([2, os.urandom(8).hex(), action, payload])
        self.socket.send(wire.frame(message))


class Refused(Exception):
    """Not let in; `status` is what was answered, `after_s` when to come again."""

    def __init__(self, head: str) -> None:
        super().__init__(head)
        self.status = head[9:12]
        lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.after_s = float(lines.get("retry-after", 1))


def calls(protocol: str) -> list[tuple[str, Any]]:
    """What a charger tells when it comes: that it has booted, and how its connectors are."""
    at = now_text()
    if protocol == "ocpp1.6":
        status = {"errorCode": "NoError", "status": "Available", "timestamp": at}
        told = [{"connectorId": number, **status} for number in (0, 1)]
        return [("BootNotification", boot()), *(("StatusNotification", one) for one in told)]
    status = {"connectorStatus": "Available", "timestamp": at, "connectorId": 1}
    told = [{"evseId": number, **status} for number in (1, 2)]
    return [("BootNotification", boot_2x()), *(("StatusNotification", one) for one in told)]


class Crowd:
    """All of them, and what became of them."""

    def __init__(self, arrivals: list[Arrival]) -> None:
        self._poll = select.epoll()
        self._by_number: dict[int, Arrival] = {}
        self._later: list[tuple[float, int, Arrival]] = []
        self.waits: list[float] = []
        self.refused: Counter[str] = Counter()
        self._begin = time.monotonic()
        self._left = len(arrivals)
        self.given_up = 0
        for arrival in arrivals:
            self._connect(arrival)

    def wait(self) -> None:
        """Go on until everybody is in or has given up."""
        while self._left and time.monotonic() - self._begin < PATIENCE_S:
            now = time.monotonic()
            while self._later and self._later[0][0] <= now:
                self._connect(heapq.heappop(self._later)[2])
            due_s = self._later[0][0] - now if self._later else 1.0
            for number, event in self._poll.poll(min(max(due_s, 0.001), 1.0)):
                self._turn(number, event)
        self.given_up += self._left

    def _turn(self, number: int, event: int) -> None:
        arrival = self._by_number[number]
        try:
            if event & select.EPOLLOUT and not event & (select.EPOLLERR | select.EPOLLHUP):
                arrival.shake_hands()
                self._poll.modify(number, select.EPOLLIN)
            elif arrival.go_on():
                self.waits.append(time.monotonic() - self._begin)
                self._left -= 1
                self._poll.unregister(number)
        except Refused as refused:
            self._again(number, refused.status, refused.after_s)
        except OSError:
            self._again(number, "cut off", 1.0)

    def _again(self, number: int, why: str, after_s: float) -> None:
        arrival = self._by_number.pop(number)
        assert arrival.socket is not None
        self._poll.unregister(number)
        arrival.socket.close()
        self.refused[why] += 1
        if arrival.tries >= TRIES:
            self._left -= 1
            self.given_up += 1
            return
        heapq.heappush(self._later, (time.monotonic() + after_s, id(arrival), arrival))

    def _connect(self, arrival: Arrival) -> None:
        sock = arrival.connect()
        self._by_number[sock.fileno()] = arrival
        self._poll.register(sock.fileno(), select.EPOLLOUT)


def main() -> int:
    """Come at the first line, leave at the second."""
    wanted = json.loads(sys.stdin.readline())
    wire.allow_many_files()
    each = (wanted["port"], wanted["protocol"])
    arrivals = [Arrival(*each, who, number) for number, who in enumerate(wanted["stations"])]
    print("ready", flush=True)
    sys.stdin.readline()
    crowd = Crowd(arrivals)
    crowd.wait()
    waits = sorted(crowd.waits) or [0.0]
    told = {
        "in": len(crowd.waits),
        "seconds": waits[-1],
        "median_s": waits[len(waits) // 2],
        "refused": dict(crowd.refused),
        "given_up": crowd.given_up,
    }
    print(json.dumps(told), flush=True)
    sys.stdin.readline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
