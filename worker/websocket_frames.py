"""The bytes of WebSocket frames (RFC 6455 section 5) and their compression, without a socket.

Unmasking, close codes and the negotiation of permessage-deflate are those of `websockets`;
docs/adr/websocket-layer.md has the reasons for the rest, in figures.
"""

import os
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

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
