"""The load: many chargers in one process, each with one MeterValues outstanding.

Run as a program of its own, so that its work is not counted as the worker's.  It reads a JSON
object on standard input: port, stations [[identity, password], …], tag, seconds, warm_up_s,
frames (prepared per station); and prints one: answered, refused, seconds, p50_ms, p99_ms, total.
"""

import json
import select
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import wire

SAMPLES = 4


class Charger:
    """One connection in the middle of a charging session, with its frames ready to be sent."""

    def __init__(self, port: int, identity: str, password: str, tag: str, frames: int) -> None:
        self.socket = wire.connect(port, identity, password)
        # Inside the window of times that the worker believes, one second apart.
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
        wire.ask(self.socket, [2, "b", "BootNotification", boot()])
        started = wire.ask(
            self.socket,
            [
                *(2, "s", "StartTransaction"),
                {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": stamp(begin)},
            ],
        )
        transaction = started["transactionId"]
        self.frames = [
            wire.encode([2, f"m{n}", "MeterValues", meter_values(transaction, n, begin)])
            for n in range(1, frames + 1)
        ]
        self.next = 0
        self.sent_at = 0.0
        self.buffer = bytearray()
        self.socket.setblocking(False)

    def send_next(self) -> bool:
        """Send the next frame; False when all are used up."""
        if self.next >= len(self.frames):
            return False
        self.sent_at = time.perf_counter()
        self.socket.send(self.frames[self.next])
        self.next += 1
        return True

    def answers(self) -> list[bytes]:
        """Read what has arrived and return the answers in it."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise OSError("the worker closed a connection")
        self.buffer += chunk
        found = []
        while (frame := wire.first_frame(self.buffer)) is not None:
            opcode, payload, used = frame
            del self.buffer[:used]
            if opcode == 1 and payload[1:2] in (b"3", b"4"):
                found.append(payload)
        return found


def boot() -> dict[str, str]:
    return {"chargePointVendor": "Bench", "chargePointModel": "Load"}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def meter_values(transaction: int, number: int, begin: datetime) -> dict[str, Any]:
    """Return the payload of the n-th MeterValues of a session: four samples, about 550 bytes."""
    register = {"measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    shared = {"context": "Sample.Periodic", "location": "Outlet"}
    sampled = [
        {"value": str(number * 3), **register, **shared},
        {"value": "11040.0", "measurand": "Power.Active.Import", "unit": "W", **shared},
        {"value": "16.0", "measurand": "Current.Import", "unit": "A", "phase": "L1", **shared},
        {"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N", **shared},
    ]
    at = stamp(begin + timedelta(seconds=number))
    values = [{"timestamp": at, "sampledValue": sampled}]
    return {"connectorId": 1, "transactionId": transaction, "meterValue": values}


def drive(chargers: list[Charger], seconds: float, warm_up_s: float) -> dict[str, Any]:
    """Keep one call outstanding per charger; count and time the answers after the warm-up."""
    poll = select.epoll()
    by_number = {charger.socket.fileno(): charger for charger in chargers}
    for number, charger in by_number.items():
        poll.register(number, select.EPOLLIN)
        charger.send_next()
    begin = time.perf_counter() + warm_up_s
    end = begin + seconds
    waits: list[float] = []
    total = refused = 0
    outstanding = len(chargers)
    while outstanding:
        for number, _ in poll.poll(5):
            charger = by_number[number]
            for answer in charger.answers():
                now = time.perf_counter()
                total += 1
                outstanding -= 1
                refused += answer[1:2] == b"4"
                if begin <= now < end:
                    waits.append(now - charger.sent_at)
                if now < end and charger.send_next():
                    outstanding += 1
    waits.sort()
    return {
        "answered": len(waits),
        "refused": refused,
        "seconds": seconds,
        "p50_ms": waits[len(waits) // 2] * 1000 if waits else 0,
        "p99_ms": waits[len(waits) * 99 // 100] * 1000 if waits else 0,
        "total": total,
        "used_up": sum(charger.next >= len(charger.frames) for charger in chargers),
    }


def main() -> int:
    """Connect, tell that the load begins (one line), drive, print the result."""
    wanted = json.loads(sys.stdin.readline())
    chargers = [
        Charger(wanted["port"], identity, password, wanted["tag"], wanted["frames"])
        for identity, password in wanted["stations"]
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    result = drive(chargers, wanted["seconds"], wanted["warm_up_s"])
    print(json.dumps(result), flush=True)
    for charger in chargers:
        charger.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        charger.socket.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
