"""The desk's server: a gevent worker of gunicorn that nobody can occupy by doing nothing.

Gunicorn's own gives a request some seconds for its head and then all the time in the
world.  Here a body must keep coming, at a kilobyte a second or more, and is brought in
whole before the application sees the request, so that whoever trickles holds a
little memory and neither a thread nor a connection of the database.  Of those whose
request is still on its way only so many are kept; the one that waits longest goes first.
"""

import resource
import socket
import time
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any

import gevent
from gevent.local import local
from gunicorn import util
from gunicorn.workers.base_async import AsyncWorker
from gunicorn.workers.ggevent import GeventWorker

#: For the head of a connection's first request; between two it is `keepalive`.
HEAD_S = 5.0
#: How long a body may pause, and how many bytes a second it must bring on the whole.
PAUSE_S = 20.0
LEAST_RATE = 1024
#: Nothing is sent to somebody who takes nothing for so long, in seconds.
SEND_S = 60.0
#: Connections whose request is still on its way.
MOST_WAITING = 1000
#: A declared body up to this length is brought in whole: what the desk takes but for files.
WHOLE_BYTES = 8 * 1024 * 1024
#: What all bodies that were brought in may take on the disk, and one in memory.
MOST_HELD_BYTES = 512 * 1024 * 1024
IN_MEMORY_BYTES = 64 * 1024
#: Read at a time: the pace is looked at as often.
PIECE_BYTES = 16 * 1024


class PacedBody:
    """A request's body that has to keep coming; reading raises `TimeoutError` when it does not."""

    failed = False

    def __init__(self, body: Any) -> None:
        self._body = body
        self._left_s = PAUSE_S

    def read(self, size: int | None = None) -> bytes:
        """Read `size` bytes (None: all that there are)."""
        parts: list[bytes] = []
        left = -1 if size is None or size < 0 else size
        while left:
            piece = self._piece(PIECE_BYTES if left < 0 else min(left, PIECE_BYTES))
            if not piece:
                break
            parts.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(parts)

    def readline(self, size: int | None = None) -> bytes:
        """Read a line of `size` bytes at most."""
        with gevent.Timeout(self._left_s, self._slow()):
            return bytes(self._body.readline(size))

    def _piece(self, size: int) -> bytes:
        began = time.monotonic()
        with gevent.Timeout(max(0.001, self._left_s), self._slow()):
            piece = bytes(self._body.read(size))
        # Only the time that was waited for the sender counts, and each byte buys some more.
        self._left_s += len(piece) / LEAST_RATE - (time.monotonic() - began)
        self._left_s = min(self._left_s, PAUSE_S)
        return piece

    def _slow(self) -> TimeoutError:
        self.failed = True
        return TimeoutError("the body does not come")


class DeskWorker(GeventWorker):
    """One process of the desk."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._waiting: dict[Any, None] = {}
        self._held_bytes = 0
        self._mine = local()

    def init_process(self) -> None:
        """Take as many open files as this process may have: each connection is one."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        util.write_error = write_problem  # gunicorn's is a page of its own
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve one connection."""
        client.settimeout(SEND_S)
        self._mine.served = False
        self._wait(client)
        try:
            AsyncWorker.handle(self, listener, client, addr)  # GeventWorker's would wait for ever
        finally:
            self._waiting.pop(client, None)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Bring the body in, then serve the request."""
        held = self._bring(req, sock)
        self._waiting.pop(sock, None)
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError:
            raise StopIteration from None  # there is nobody any more to whom to send
        finally:
            self._held_bytes -= held
            self._mine.served = True
            self._wait(sock)

    def timeout_ctx(self) -> gevent.Timeout:
        """How long the next request of this connection is waited for; it just ends after that."""
        return gevent.Timeout(self.cfg.keepalive if self._mine.served else HEAD_S, False)

    def _wait(self, sock: Any) -> None:
        """Keep that a request is awaited here; let the one go that is awaited longest."""
        self._waiting[sock] = None
        if len(self._waiting) > MOST_WAITING:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)

    def _bring(self, req: Any, sock: Any) -> int:
        """Bring a body of bearable length in; returns how many bytes are held for it."""
        length = _declared(req)
        if length == 0:
            return 0
        paced = PacedBody(req.body)
        if length is None or length > WHOLE_BYTES:
            req.body = paced  # a file, read by whoever wants it; the others refuse it unread
            return 0
        if self._held_bytes + length > MOST_HELD_BYTES:
            self._refuse(sock, 503, "Too much is being sent here.")
        self._held_bytes += length
        try:
            _greet(req, sock)
            whole = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the request
            while piece := paced.read(IN_MEMORY_BYTES):
                whole.write(piece)
        except BaseException as error:
            self._held_bytes -= length
            if isinstance(error, TimeoutError):
                self._refuse(sock, 408)
            raise
        whole.seek(0)
        req.body = whole
        return length

    def _refuse(self, sock: Any, status: int, sentence: str = "") -> None:
        with suppress(OSError):
            write_problem(sock, status, "", sentence)
        raise StopIteration


def write_problem(sock: Any, status: int, reason: str, sentence: str) -> None:
    """Refuse as the API does what the application never sees; people can read it, too."""
    from app.web import problems  # not before gevent has patched what Flask uses

    # Where we have a sentence gunicorn's words tell less, but for what is wrong in a head.
    own = sentence if status in (400, 503) or status not in problems.SENTENCES else ""
    sentence = own or problems.SENTENCES.get(status, reason)
    answer = problems.answer(status, problems.CODES[status], sentence)
    head = f"HTTP/1.1 {answer.status}\r\nConnection: close\r\n{answer.headers}"
    util.write_nonblock(sock, head.encode("latin-1", "replace") + answer.get_data())


def _declared(req: Any) -> int | None:
    """The length of the body; None when it is not said beforehand."""
    headers = dict(req.headers)
    if "TRANSFER-ENCODING" in headers:
        return None
    return int(headers.get("CONTENT-LENGTH", "0"))  # gunicorn refused what is no number


def _greet(req: Any, sock: Any) -> None:
    """Tell a sender who waits for it that the body may come."""
    for name, value in list(req.headers):
        if name == "EXPECT" and value.lower() == "100-continue":
            req.headers.remove((name, value))
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
