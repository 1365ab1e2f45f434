"""The bytes of WebSocket frames (RFC 6455 section 5), without a socket."""

import os
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
#: Says that a message is compressed (RFC 7692 section 6).
RSV1 = 0x40
#: The first byte of a text that is neither compressed nor in pieces.
WHOLE_TEXT = 0x80 | TEXT
#: How many bytes of length follow these values of the short length.
EXTENDED = {126: 2, 127: 8}
OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

_KNOWN_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


class Closed(Exception):
    """The connection is over; `code` and `reason` as the closing side gave them, else 1006.

    `refused`: we ended it because of what was sent.
    """

    def __init__(self, code: int, reason: str = "", *, refused: bool = False) -> None:
        self.code = code
        self.reason = reason
        self.refused = refused
        super().__init__(f"{code} {reason}".strip())


def unmask(data: bytes, mask: bytes) -> bytes:
    """XOR `data` with the four bytes of `mask`, over and over, as one number."""
    size = len(data)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


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
    return head + mask + unmask(payload, mask)


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
    return code in _KNOWN_CLOSE_CODES or 3000 <= code < 5000
