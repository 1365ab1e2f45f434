"""An attack on a worker: sockets that hang, and wrong passwords.  Run as a program of its own.

Reads one JSON object on standard input (port, hanging, guesses_per_s, addresses, identities,
headers), says "ready" when the sockets hang, goes on until the next line, and prints what it was
answered: statuses of guesses, how many are still unanswered, how often a socket was hung up.
"""

import base64
import json
import os
import select
import socket
import sys
import time
from collections import Counter
from typing import Any

#: Sockets opened at one go, so that one program can both open and guess.
AT_ONE_GO = 50


class Flood:
    """One attacker with several addresses.  `wanted` is what the module's first lines name."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self._wanted = wanted
        self._poll = select.epoll()
        self._hanging: dict[int, socket.socket] = {}
        self._guessing: dict[int, tuple[socket.socket, bytes]] = {}
        self._number = 0
        self.statuses: Counter[str] = Counter()
        self.hung_up = 0

    def hang(self) -> bool:
        """Open some of the sockets that are missing; tell whether all hang now."""
        missing = self._wanted["hanging"] - len(self._hanging)
        for _ in range(min(AT_ONE_GO, missing)):
            sock = self._open()
            self._hanging[sock.fileno()] = sock
            self._poll.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLONESHOT)
        return missing <= 0

    def guess(self) -> None:
        """Send one wrong password."""
        identities = self._wanted["identities"]
        identity = identities[self._number % len(identities)].replace("#", str(self._number))
        secret = base64.b64encode(f"{identity}:{os.urandom(20).hex()}".encode()).decode()
        lines = [
            f"GET /ocpp/{identity} HTTP/1.1",
            "Host: localhost",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            "Sec-WebSocket-Protocol: ocpp1.6",
            f"Authorization: Basic {secret}",
            *(line.replace("#", str(self._number)) for line in self._wanted.get("headers", ())),
        ]
        sock = self._open()
        self._guessing[sock.fileno()] = (sock, "\r\n".join([*lines, "", ""]).encode())
        self._poll.register(sock, select.EPOLLOUT)

    def turn(self) -> None:
        """Take what the worker did in the meantime."""
        for number, event in self._poll.poll(0.005):
            if number in self._guessing:
                self._go_on_guessing(number, event)
            elif event & select.EPOLLOUT and not event & (select.EPOLLERR | select.EPOLLHUP):
                if number % 2:
                    self._hanging[number].send(b"GET /ocpp/HANGING HTTP/1.1\r\nHost: loc")
                self._poll.modify(number, select.EPOLLIN)
            else:
                self._hanging.pop(number).close()
                self.hung_up += 1

    def counts(self) -> dict[str, Any]:
        """What the attack came to."""
        return {
            "statuses": dict(self.statuses),
            "unanswered": len(self._guessing),
            "hanging": len(self._hanging),
            "hung_up": self.hung_up,
        }

    def _go_on_guessing(self, number: int, event: int) -> None:
        sock, text = self._guessing[number]
        try:
            if event & select.EPOLLOUT and text:
                sock.send(text)
                self._guessing[number] = (sock, b"")
                self._poll.modify(number, select.EPOLLIN)
                return
            answer = sock.recv(4096)
        except OSError:
            answer = b""
        self.statuses[answer[9:12].decode("latin-1") or "closed"] += 1
        del self._guessing[number]
        sock.close()

    def _open(self) -> socket.socket:
        addresses = self._wanted["addresses"]
        self._number += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((addresses[self._number % len(addresses)], 0))
        sock.connect_ex(("127.0.0.1", self._wanted["port"]))
        return sock


def main() -> int:
    """Hang, then guess at a steady pace until told to stop."""
    flood = Flood(json.loads(sys.stdin.readline()))
    deadline = time.monotonic() + 10
    while not flood.hang() and time.monotonic() < deadline:
        flood.turn()
    print("ready", flush=True)
    rate = flood._wanted["guesses_per_s"]
    begun, sent, hung_at = time.monotonic(), 0, 0.0
    while not select.select([sys.stdin], [], [], 0)[0]:
        now = time.monotonic()
        # Who falls behind leaves guesses out: an attack of so many a second, not of all at once.
        due = min(int((now - begun) * rate) - sent, AT_ONE_GO)
        for _ in range(due):
            flood.guess()
        sent = int((now - begun) * rate)
        if now - hung_at > 0.25:
            flood.hang()
            hung_at = now
        flood.turn()
    print(json.dumps(flood.counts()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
