"""What stands between two programs on a wire: it hands on, holds, slows down or cuts."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any

from tests.support.processes import free_port
from tests.support.wait import resting

CHUNK = 1 << 16


class Wires:
    """The thread that all relays of a test share."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the thread and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def stop(self) -> None:
        """Cut everything."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(60)


class Relay:
    """A port of ours that leads to somebody else's; `host` and `port` are where it leads to.

    A host that is a folder is PostgreSQL's own, which holds its socket.
    """

    def __init__(self, wires: Wires, host: str, port: int) -> None:
        self._wires, self._host, self._target_port = wires, host, port
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._late_s = 0.0
        wires.run(self._listen())

    def cut(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._wires.run(self._cut())

    def hold(self) -> None:
        """Let nothing through any more, and say nothing of it: who is behind seems to have gone."""
        self._wires.loop.call_soon_threadsafe(self._open.clear)

    def slow(self, seconds: float) -> None:
        """Hand everything on so much later."""
        self._late_s = seconds

    def mend(self) -> None:
        """Hand on as before; what was held arrives late."""
        self._late_s = 0.0
        self._wires.loop.call_soon_threadsafe(self._open.set)
        if self._server is None:
            self._wires.run(self._listen())

    # In the thread

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        try:
            if self._host.startswith("/"):
                path = f"{self._host}/.s.PGSQL.{self._target_port}"
                there, back = await asyncio.open_unix_connection(path)
            else:
                there, back = await asyncio.open_connection(self._host, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        for one in (writer, back):
            plain = one.get_extra_info("socket")
            if plain.family != socket.AF_UNIX:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (writer, back)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            self._pairs.discard(pair)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self._late_s:
                    await resting(self._late_s)
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()
