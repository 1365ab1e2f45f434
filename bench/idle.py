"""Idle chargers: connected, booted, silent.  Run as a program of its own.

Reads one JSON object on standard input (port, stations), says "ready", ends when the input ends.
"""

import json
import sys

from bench import wire
from bench.scripts import boot


def main() -> int:
    """Connect, boot, wait."""
    wanted = json.loads(sys.stdin.readline())
    sockets = []
    for identity, password, _ in wanted["stations"]:
        sock = wire.connect(wanted["port"], identity, password)
        wire.ask(sock, [2, "b", "BootNotification", boot()])
        sockets.append(sock)
    print("ready", flush=True)
    sys.stdin.readline()
    return 0


if __name__ == "__main__":
    sys.exit(main())
