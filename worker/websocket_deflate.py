"""permessage-deflate (RFC 7692), without a context: each message is compressed by itself.

So a connection keeps no window in memory, ten thousand idle chargers neither, and a message that
cannot be inflated spoils no other.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

NAME = "permessage-deflate"
#: Shorter messages go out as they are: compressing them costs more than it saves.
WORTH_BYTES = 512

_TAIL = b"\x00\x00\xff\xff"
#: zlib compresses with no window of 8 bits.
_WINDOWS = range(9, 16)


class TooLong(Exception):
    """A message inflates beyond the limit."""


class Broken(Exception):
    """A message cannot be inflated."""


@dataclass(frozen=True, slots=True)
class Deflate:
    """What was agreed on; `window_bits` is the greatest window that we may compress with."""

    window_bits: int = 15

    @property
    def header(self) -> str:
        """The value of Sec-WebSocket-Extensions in our answer."""
        agreed = [NAME, "server_no_context_takeover", "client_no_context_takeover"]
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
    for offer in ",".join(headers)[:2048].split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name.casefold() == NAME and (agreed := _agreed(parameters)) is not None:
            return agreed
    return None


def _agreed(parameters: list[str]) -> Deflate | None:
    """An offer with a parameter that is unknown, doubled or badly valued is declined (7.1)."""
    bits = 15
    seen: set[str] = set()
    for parameter in parameters:
        name, has_value, value = (part.strip() for part in parameter.partition("="))
        value = value.strip('"')
        if name in seen:
            return None
        seen.add(name)
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if has_value:
                return None
        elif name == "client_max_window_bits":
            if has_value and not _is_window(value, range(8, 16)):
                return None
        elif name == "server_max_window_bits" and _is_window(value, _WINDOWS):
            bits = int(value)
        else:
            return None
    return Deflate(bits)


def _is_window(value: str, allowed: range) -> bool:
    return value.isascii() and value.isdigit() and value[0] != "0" and int(value[:3]) in allowed
