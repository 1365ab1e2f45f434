"""Chargers by the hundred that tell on and on, come again when sent away, and keep account."""

import asyncio
import itertools
import json
import threading
from collections import Counter
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.gated import login

#: How long a charger rests between two messages, and before it comes again, in seconds.
REST_S = 0.2
BOOT = {"chargePointVendor": "A", "chargePointModel": "One"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


class Talkers:
    """Chargers in a thread of their own, from `with` to its end.

    `answered` are the ids of messages that were acknowledged, `endings` the codes with which
    connections ended, 1006 where no goodbye came.
    """

    def __init__(self, url: str, logins: list[tuple[str, str]]) -> None:
        self._url, self._logins = url, logins
        self.answered: list[str] = []
        self.endings: Counter[int] = Counter()
        self.connected: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def __enter__(self) -> "Talkers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    async def _live(self) -> None:
        await asyncio.gather(*(self._charger(*who) for who in self._logins))

    async def _charger(self, identity: str, password: str) -> None:
        numbers = itertools.count()
        while not self._over.is_set():
            # Who is sent away before it is let in comes again, as one whose line is down does.
            with suppress(InvalidHandshake, OSError):
                await self._connected(identity, password, numbers)
            self.connected.discard(identity)
            await asyncio.sleep(REST_S)

    async def _connected(self, identity: str, password: str, numbers: Any) -> None:
        line = connect(
            f"{self._url}/{identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            additional_headers=login(identity, password),
            ping_interval=None,
            proxy=None,
        )
        async with line as socket:
            try:
                await self._ask(socket, f"{identity}-boot", "BootNotification", BOOT)
                self.connected.add(identity)
                while not self._over.is_set():
                    number = f"{identity}-{next(numbers)}"
                    await self._ask(socket, number, "StatusNotification", STATUS)
                    self.answered.append(number)
                    await asyncio.sleep(REST_S)
            except ConnectionClosed as closed:
                self.endings[closed.rcvd.code if closed.rcvd else 1006] += 1

    async def _ask(self, socket: Any, number: str, action: str, payload: Any) -> None:
        await socket.send(json.dumps([2, number, action, payload]))
        while json.loads(await socket.recv())[:2] != [3, number]:
            pass
