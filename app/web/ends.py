"""Requests that wait for the ends of orders: one ear for all of a process."""

import json
import logging
import threading
import time
from typing import Any

import redis
from flask import Flask

from app.reactions import ENDED

log = logging.getLogger(__name__)

#: How long Redis is left alone after it failed; this thread has nothing else to do meanwhile.
RETRY_S = 1.0


class End:
    """The end of one order that a request waits for: `row` is its row once it was told."""

    def __init__(self) -> None:
        self.command_id = 0
        self.row: dict[str, Any] | None = None
        self.wake = threading.Event()


class Ends:
    """The ends of orders that requests of this process wait for, and the ear that hears of them.

    It listens from the first wait on, until it fails while nobody waits.  Those who wait ask the
    database while it is not `live`.
    """

    def __init__(self, app: Flask) -> None:
        self.live = False
        self._app = app
        self._ends: dict[End, None] = {}
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._ends)

    def join(self, end: End) -> None:
        """Add somebody who waits."""
        self._ends[end] = None
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ends", daemon=True)
            self._thread.start()

    def leave(self, end: End) -> None:
        """Forget somebody."""
        self._ends.pop(end, None)

    def _work(self) -> None:
        while self._ends:
            try:
                self._listen()
            except redis.RedisError as error:
                log.info("the ends of orders have to be looked for: %s", error)
            except Exception:
                log.exception("the ends of orders have to be looked for")
            self.live = False
            time.sleep(RETRY_S)
        self._thread = None

    def _listen(self) -> None:
        client: redis.Redis = self._app.extensions["redis"]
        with client.pubsub() as channel:
            channel.subscribe(ENDED)
            while True:
                message = channel.get_message(timeout=30.0)
                if message is not None and message["type"] == "subscribe":
                    self.live = True
                elif message is not None:
                    self.deliver(*json.loads(message["data"]))

    def deliver(self, command_id: int, row: dict[str, Any] | None) -> None:
        """Tell whoever waits for this order; without its row it has to be read."""
        for end in list(self._ends):
            if end.command_id == command_id:
                end.row = row
                end.wake.set()
