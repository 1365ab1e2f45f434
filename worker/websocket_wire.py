"""The bytes of WebSocket frames (RFC 6455 section 5), their compression, and a socket's bytes.

Unmasking, close codes and the negotiation of permessage-deflate are those of `websockets`;
docs/adr/websocket-layer.md has the reasons for the rest, in figures.
"""

import os
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gevent
import greenlet
from gevent import ssl
from websockets.exceptions import InvalidHeader, NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import EXTERNAL_CLOSE_CODES
from websockets.headers import parse_extension
from websockets.speedups import apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
#: Says that a message is compressed (RFC 7692 section 6).
RSV1 = 0x40
#: The first byte of a text that is neither compressed nor in pieces.
WHOLE_TEXT = 0x80 | TEXT
#: How many bytes of length follow these values of the short length.
EXTENDED = {126: 2, 127: 8}
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

#: Shorter messages go out as they are: compressing them costs more than it saves.
WORTH_BYTES = 512
_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True
)
_TAIL = b"\x00\x00\xff\xff"


class Closed(Exception):
    """The connection is over; `code` and `reason` as the closing side gave them, else 1006.

    `refused`: we ended it because of what was sent.
    """

    def __init__(self, code: int, reason: str = "", *, refused: bool = False) -> None:
        self.code = code
        self.reason = reason
        self.refused = refused
        super().__init__(f"{code} {reason}".strip())


def encode_frame(opcode: int, payload: bytes, masked: bool = False) -> bytes:
    """One final frame."""
    size = len(payload)
    flag = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x80 | opcode, flag | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, flag | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, flag | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + apply_mask(payload, mask)


def encode_close(code: int, reason: str) -> bytes:
    """The payload of a close frame; the reason is cut to the 123 bytes it may have."""
    return struct.pack("!H", code) + reason.encode()[:123].decode(errors="ignore").encode()


def header_problem(first: int, second: int, from_server: bool, packed: bool) -> str:
    """What is wrong with the first two bytes of a frame; empty when nothing is.

    `packed`: messages may be compressed, which the first frame of each says.
    """
    opcode = first & 0x0F
    if first & 0x70 and not (packed and opcode in (TEXT, BINARY) and first & 0x70 == RSV1):
        return "a reserved bit is set"
    if opcode not in OPCODES:
        return "unknown opcode"
    if (second >= 0x80) is from_server:
        return "frames of a client must be masked, and only those"
    if opcode >= CLOSE and (second & 0x7F > 125 or first < 0x80):
        return "a control frame is too long or in pieces"
    return ""


def is_close_code(code: int) -> bool:
    """Whether a peer may give this code (RFC 6455 section 7.4)."""
    return code in EXTERNAL_CLOSE_CODES or 3000 <= code < 5000


class TooLong(Exception):
    """A message inflates beyond the limit."""


class Broken(Exception):
    """A message cannot be inflated."""


@dataclass(frozen=True, slots=True)
class Deflate:
    """permessage-deflate (RFC 7692), without a context: each message is compressed by itself.

    So a connection keeps no window in memory, ten thousand idle chargers neither, and a message
    that cannot be inflated spoils no other.  `window_bits`: the greatest we may compress with.
    """

    window_bits: int = 15

    @property
    def header(self) -> str:
        """The value of Sec-WebSocket-Extensions in our answer."""
        agreed = [_DEFLATE.name, "server_no_context_takeover", "client_no_context_takeover"]
        if self.window_bits != 15:
            agreed.append(f"server_max_window_bits={self.window_bits}")
        return "; ".join(agreed)

    def compress(self, payload: bytes) -> bytes | None:
        """The payload of a compressed message; None when it is better left as it is."""
        if len(payload) < WORTH_BYTES:
            return None
        packer = zlib.compressobj(wbits=-self.window_bits)
        packed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
        packed = packed.removesuffix(_TAIL)
        return packed if len(packed) < len(payload) else None

    def inflate(self, payload: bytes, limit: int) -> bytes:
        """The message of a compressed payload; raises `TooLong` beyond `limit` bytes, `Broken`.

        Nothing beyond the limit is ever held in memory, whatever a payload claims to become.
        """
        unpacker = zlib.decompressobj(-15)
        try:
            message = unpacker.decompress(payload + _TAIL, limit + 1)
        except zlib.error:
            raise Broken from None
        if len(message) > limit or unpacker.unconsumed_tail:
            raise TooLong
        return message


def negotiate(headers: Iterable[str]) -> Deflate | None:
    """Agree to the first offer of permessage-deflate that can be met; None when there is none.

    `headers` are the values of all Sec-WebSocket-Extensions headers.
    """
    with suppress(InvalidHeader):
        for name, parameters in (offer for header in headers for offer in parse_extension(header)):
            if name.casefold() == _DEFLATE.name:
                with suppress(NegotiationError):
                    _, agreed = _DEFLATE.process_request_params(parameters, [])
                    return Deflate(agreed.local_max_window_bits)
    return None


#: Frames that may wait for a slow peer; beyond it the socket is closed (FIELD section 4).
QUEUE_LIMIT = 64


class Wire:
    """Bytes over a gevent socket: one greenlet reads, one writes, and either may end it.

    `_ended` is how the connection ended, once that is known.
    """

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
