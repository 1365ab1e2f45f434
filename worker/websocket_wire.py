"""The bytes of one charger's socket: one greenlet reads, one writes, and either may end it."""

from typing import Any

import gevent
import greenlet
from gevent import ssl

from worker.websocket_frames import Closed

#: Frames that may wait for a slow peer; beyond it the socket is closed (FIELD section 4).
QUEUE_LIMIT = 64


class Wire:
    """Bytes over a gevent socket.  `_ended` is how the connection ended, once that is known."""

    __slots__ = (
        "_encrypted",
        "_ended",
        "_queue",
        "_reader",
        "_send_timeout_s",
        "_socket",
        "_writer",
    )

    def __init__(self, sock: Any, send_timeout_s: float) -> None:
        self._socket: Any = sock
        self._encrypted = isinstance(sock, ssl.SSLSocket)
        self._queue: list[bytes] = []
        self._reader: Any = None
        self._writer: Any = None
        self._ended: Closed | None = None
        self._send_timeout_s = send_timeout_s

    def abort(self, code: int = 1006, reason: str = "") -> None:
        """Drop the socket at once; `receive` raises Closed."""
        self._ended = self._ended or Closed(code, reason)
        sock, self._socket = self._socket, None
        self._queue.clear()
        if sock is not None:
            if not self._encrypted:
                sock._read_event.stop()
                sock.hub.loop.run_callback(self._wake)
            sock.close()

    def _recv(self, size: int) -> bytes:
        """Wait for the next bytes; raises Closed where none will come."""
        data: bytes | None = None
        try:
            while data is None and self._socket is not None:
                data = self._socket.recv(size) if self._encrypted else self._came(size)
        except OSError as error:
            raise self._ended or Closed(1006, f"connection lost: {error.strerror}") from None
        if data is None:
            raise self._ended or Closed(1006)
        if not data:
            raise self._ended or Closed(1006, "the connection ended without a goodbye")
        return data

    def _came(self, size: int) -> bytes | None:
        """Wait, then take what has come; None when that was nothing after all.

        A charger speaks after it was answered, so nothing is there yet: we look only when the loop
        says so.  It goes on watching meanwhile, for the kernel to be told but once.
        """
        watcher = self._socket._read_event
        if watcher.callback is None:
            watcher.start(self._wake)
        self._reader = greenlet.getcurrent()
        try:
            self._socket.hub.switch()
        finally:
            self._reader = None
        try:
            return None if self._socket is None else self._socket._sock.recv(size)
        except BlockingIOError:
            return None

    def _wake(self) -> None:
        """Let the reader see what there is, or watch no more while it does something else."""
        if self._reader is not None:
            self._reader.switch()
        elif self._socket is not None:
            self._socket._read_event.stop()

    def _put(self, data: bytes) -> None:
        """Send, at once where the kernel takes it, else by a greenlet that waits."""
        if self._socket is None:
            return
        if self._writer is None and not self._encrypted:
            # Nobody is writing: what the kernel takes at once needs no greenlet.
            try:
                sent = self._socket._sock.send(data)
                if sent == len(data):
                    return
                data = data[sent:]
            except BlockingIOError:
                pass  # the kernel's buffer is full; the writer waits for room
            except OSError:
                self.abort(1006, "connection lost")
                return
        if len(self._queue) >= QUEUE_LIMIT:
            self.abort(1011, "the peer does not read what it is sent")
            return
        self._queue.append(data)
        if self._writer is None:
            self._writer = gevent.spawn(self._write)

    def _write(self) -> None:
        """The only greenlet that waits for the socket to take more; it ends with the queue."""
        try:
            while self._queue and self._socket is not None:
                with gevent.Timeout(self._send_timeout_s, TimeoutError):
                    self._socket.sendall(self._queue[0])
                self._queue.pop(0)
        except TimeoutError:
            self.abort(1011, "the peer does not read what it is sent")
        except OSError:
            self.abort(1006, "connection lost")
        finally:
            self._writer = None
