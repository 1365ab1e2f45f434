"""RFC 6455 over a gevent socket, hardened for strangers: frames, limits, one writer at a time.

gevent-websocket does the HTTP side (see `server`); its frames are not used, because they set no
limit on a length, take unmasked frames from clients, unmask byte by byte and may interleave two
senders.  The same stream serves the simulator as a client, which masks what it sends.
"""

import logging
import time
from typing import Any

import gevent
from websockets.speedups import apply_mask

from worker.pace import others_turn
from worker.websocket_wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    EXTENDED,
    PING,
    PONG,
    QUEUE_LIMIT,
    RSV1,
    TEXT,
    WHOLE_TEXT,
    Broken,
    Closed,
    Deflate,
    TooLong,
    Wire,
    encode_close,
    encode_frame,
    header_problem,
    is_close_code,
)

log = logging.getLogger(__name__)

#: Pieces that one message may come in.
FRAGMENT_LIMIT = 4096
#: How long the peer may take to answer our close frame, in seconds.
CLOSE_WAIT_S = 3.0
#: Other greenlets get a turn after this many frames, however fast they come.
TURN = 32
_CHUNK = 16_384
_DRAIN_LIMIT = 64 << 20


class Stream(Wire):
    """Messages over an upgraded socket.

    `receive` belongs to one greenlet; everything else may be called from any.  `last_frame_at` is
    when the last whole frame came, of any kind, in seconds of `time.monotonic`.
    """

    __slots__ = (
        "_at",
        "_client",
        "_closing",
        "_data",
        "_deaf",
        "_deflate",
        "_streak",
        "last_frame_at",
        "max_inflated_bytes",
        "max_message_bytes",
    )

    def __init__(
        self,
        sock: Any,
        *,
        max_message_bytes: int,
        max_inflated_bytes: int | None = None,
        client: bool = False,
        send_timeout_s: float = 20.0,
        data: bytes = b"",
        deflate: Deflate | None = None,
    ) -> None:
        super().__init__(sock, send_timeout_s)
        self._client = client
        self._data = data
        self._deflate = deflate
        self._at = 0
        self._closing: Any = None
        self._deaf = False
        self._streak = 0
        self.max_message_bytes = max_message_bytes
        self.max_inflated_bytes = min(max_inflated_bytes or max_message_bytes, max_message_bytes)
        self.last_frame_at = time.monotonic()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._socket is None or self._closing is not None

    # Receiving

    def receive(self) -> str | bytes:
        """The next message: text as str, binary as bytes; control frames are seen to.

        Nothing more is read from a peer while it does not read its answers.  What it sends until it
        has our goodbye comes, too.  Raises Closed when there will be no more.
        """
        if len(self._queue) > QUEUE_LIMIT // 4 and self._writer is not None:
            self._writer.join()
        kind, size = 0, 0
        parts: list[bytes] = []
        while True:
            first, payload = self._frame(self.max_message_bytes - size)
            if first == WHOLE_TEXT and not parts and not self._deaf:
                return self._message(TEXT, payload)  # nearly all are so
            opcode = first & 0x0F
            if opcode >= CLOSE:
                self._control(opcode, payload)
                continue
            if self._deaf:
                continue  # only the peer's goodbye counts now
            if (opcode == CONTINUATION) is not bool(parts):
                raise self._fail(1002, "a message was not continued as it should be")
            kind = kind or first & (RSV1 | 0x0F)
            parts.append(payload)
            size += len(payload)
            if len(parts) > FRAGMENT_LIMIT:
                raise self._fail(1009, "too many fragments")
            if first >= 0x80:
                return self._message(kind, parts[0] if len(parts) == 1 else b"".join(parts))

    def _message(self, kind: int, data: bytes) -> str | bytes:
        if kind & RSV1:
            data = self._inflated(data)
        if kind & 0x0F == BINARY:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self._fail(1007, "text is not UTF-8") from None

    def _inflated(self, data: bytes) -> bytes:
        assert self._deflate is not None
        try:
            return self._deflate.inflate(data, self.max_inflated_bytes)
        except TooLong:
            limit = self.max_inflated_bytes
            raise self._fail(1009, f"compressed messages are limited to {limit} bytes") from None
        except Broken:
            raise self._fail(1002, "a compressed message cannot be read") from None

    def _frame(self, room: int) -> tuple[int, bytes]:
        """Read one frame whose payload is at most `room` bytes long, checked before reading it.

        Returns its first byte and its payload.
        """
        self._streak += 1
        if self._streak >= TURN:
            self._streak = 0
            others_turn()
        if len(self._data) - self._at < 2:
            self._need(2)
        first, second = self._data[self._at], self._data[self._at + 1]
        opcode, size = first & 0x0F, second & 0x7F
        if first != WHOLE_TEXT or (second > 0x7F) is self._client:
            problem = header_problem(first, second, self._client, self._deflate is not None)
            if problem:
                raise self._fail(1002, problem)
        head = 2 if self._client else 6
        if size > 125:
            more = EXTENDED[size]
            head += more
            self._need(head)
            at = self._at + 2
            size = int.from_bytes(self._data[at : at + more], "big")
        if opcode < CLOSE and size > room:
            raise self._fail(1009, f"messages are limited to {self.max_message_bytes} bytes")
        if len(self._data) - self._at < head + size:
            self._need(head + size)
        data, start = self._data, self._at + head
        end = start + size
        payload = data[start:end]
        if not self._client:
            payload = apply_mask(payload, data[start - 4 : start])
        if end == len(data):
            self._data, self._at = b"", 0
        else:
            self._at = end
        self.last_frame_at = time.monotonic()
        return first, payload

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            if len(self._queue) < QUEUE_LIMIT // 2:  # a flood of pings needs no flood of pongs
                self._send(PONG, payload)
        elif opcode == CLOSE:
            raise self._peer_closed(payload)

    def _peer_closed(self, payload: bytes) -> Closed:
        code, reason = 1005, ""
        if len(payload) >= 2:
            code = int.from_bytes(payload[:2], "big")
            reason = payload[2:].decode(errors="replace")
        if len(payload) == 1 or (payload and not is_close_code(code)):
            return self._fail(1002, "a close frame is malformed")
        if self._closing is None:
            self._send(CLOSE, payload[:2])
            self._ended = self._ended or Closed(code, reason)
        return self._ended or Closed(code, reason)

    def _need(self, size: int) -> None:
        """Wait until `size` bytes from where we are have come."""
        missing = self._at + size - len(self._data)
        if missing <= 0:
            return
        rest = self._data[self._at :]
        pieces = [rest] if rest else []
        while missing > 0:
            self._streak = 0
            piece = self._recv(max(_CHUNK, min(missing, 1 << 18)))
            pieces.append(piece)
            missing -= len(piece)
        self._data, self._at = b"".join(pieces) if len(pieces) > 1 else pieces[0], 0

    def _fail(self, code: int, reason: str) -> Closed:
        """Close because of what the peer did."""
        self._ended = self._ended or Closed(code, reason, refused=True)
        self.close(code, reason, deaf=True)
        return self._ended

    # Sending

    def send(self, text: str) -> None:
        """Queue a text message; without effect once the connection is closing."""
        if self._closing is None:
            payload = text.encode()
            packed = None if self._deflate is None else self._deflate.compress(payload)
            self._send(*((TEXT, payload) if packed is None else (TEXT | RSV1, packed)))

    def ping(self) -> None:
        """Ask the peer for a sign of life, unless much is queued for it already."""
        if self._closing is None and not self._queue:
            self._send(PING, b"")

    def _send(self, opcode: int, payload: bytes) -> None:
        self._put(encode_frame(opcode, payload, self._client))

    # Ending

    def close(self, code: int = 1000, reason: str = "", *, deaf: bool = False) -> None:
        """Say goodbye; `receive` raises Closed when the peer did too, or after a while.

        `deaf`: nothing more of this peer is taken.
        """
        self._deaf = self._deaf or deaf
        if self.closed:
            return
        self._ended = self._ended or Closed(code, reason)
        self._send(CLOSE, encode_close(code, reason))
        self._closing = gevent.spawn_later(CLOSE_WAIT_S, self.abort)

    def end(self) -> None:
        """Release the socket after `receive` raised Closed, giving the goodbye time to arrive.

        What the peer still sends is read and thrown away for a moment: closing with unread data
        resets the connection, and the peer would never learn why.
        """
        if self._writer is not None:
            self._writer.join(timeout=CLOSE_WAIT_S)
        if self._socket is not None and self._closing is not None:
            self._drain()
        if self._closing is not None:
            self._closing.kill(block=False)
        self.abort()

    def _drain(self) -> None:
        try:
            self._socket.shutdown(1)  # SHUT_WR: our goodbye was the last we said
            seen = 0
            with gevent.Timeout(CLOSE_WAIT_S, False):
                while seen < _DRAIN_LIMIT:
                    seen += len(self._recv(1 << 16))
        except (Closed, OSError) as error:
            log.debug("draining a closed socket: %s", error)
