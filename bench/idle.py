"""Idle chargers: connected, booted, silent until they are asked.  Run as a program of its own.

Reads one JSON object on standard input (port, stations), says "ready", and answers what it is asked
until the next line; an order is accepted at once.
"""

import json
import select
import socket
import sys

import orjson

from bench import wire
from bench.scripts import boot

#: What an order is answered where "Accepted" is no word for it.
ANSWERS = {"UnlockConnector": {"status": "Unlocked"}}


def main() -> int:
    """Connect, boot, answer."""
    wanted = json.loads(sys.stdin.readline())
    wire.allow_many_files()
    poll = select.epoll()
    sockets: dict[int, tuple[socket.socket, bytearray]] = {}
    for identity, password, _ in wanted["stations"]:
        sock = wire.connect(wanted["port"], identity, password)
        wire.ask(sock, [2, "b", "BootNotification", boot()])
        sockets[sock.fileno()] = (sock, bytearray())
        poll.register(sock.fileno(), select.EPOLLIN)
    poll.register(sys.stdin.fileno(), select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for number, _ in poll.poll():
            if number == sys.stdin.fileno():
                return 0
            answer(*sockets[number])


def answer(sock: socket.socket, buffer: bytearray) -> None:
    """Accept every order that has arrived."""
    buffer += sock.recv(65536)
    while (frame := wire.first_frame(buffer)) is not None:
        opcode, payload, used = frame
        del buffer[:used]
        if opcode == 1 and payload[1:2] == b"2":
            _, message_id, action, _ = orjson.loads(payload)
            told = ANSWERS.get(action, {"status": "Accepted"})
            sock.send(wire.frame(orjson.dumps([3, message_id, told])))


if __name__ == "__main__":
    sys.exit(main())
