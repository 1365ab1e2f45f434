"""What reading and sending frames costs: ours against websockets' sans-IO protocol.

`python -m bench.frames`; docs/adr/websocket-layer.md has what it said.
"""

import random
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.protocol import SERVER, Protocol

from worker.websocket import Stream
from worker.websocket_wire import RSV1, TEXT, Closed, Deflate, encode_frame

FRAMES, IDLE, READ = 20_000, 5_000, 16_384


class Ours(Stream):
    """A stream whose bytes come from a list and go nowhere."""

    __slots__ = ("pieces",)

    def _recv(self, size: int) -> bytes:
        for piece in self.pieces:
            return bytes(piece)
        raise Closed(1000)

    def _put(self, data: bytes) -> None:
        """Drop what would be sent."""


def ours(packed: bool, pieces: Iterable[bytes] = ()) -> Any:
    """A stream with the worker's limits."""
    stream = Ours(object(), max_message_bytes=8 << 20, deflate=Deflate() if packed else None)
    stream.pieces = iter(pieces)
    return stream


def theirs(packed: bool) -> Protocol:
    """The protocol after the handshake."""
    protocol = Protocol(SERVER, max_size=2 << 20)
    protocol.extensions = [PerMessageDeflate(True, True, 15, 15)] if packed else []
    return protocol


def read_ours(packed: bool, pieces: list[bytes]) -> None:
    """Read until there is no more."""
    stream = ours(packed, pieces)
    try:
        while True:
            stream.receive()
    except Closed:
        pass


def read_theirs(packed: bool, pieces: list[bytes]) -> None:
    """The same, decoding the texts as their connections do."""
    protocol = theirs(packed)
    for piece in pieces:
        protocol.receive_data(piece)
        for event in protocol.events_received():
            bytes(event.data).decode()  # type: ignore[union-attr]
        protocol.data_to_send()


def send_ours(packed: bool, texts: list[str]) -> None:
    """Encode every text."""
    stream = ours(packed)
    for text in texts:
        stream.send(text)


def send_theirs(packed: bool, texts: list[str]) -> None:
    """The same."""
    protocol = theirs(packed)
    for text in texts:
        protocol.send_text(text.encode())
        protocol.data_to_send()


def cost_us(work: Callable[..., None], *arguments: Any) -> float:
    """Microseconds of processor for each frame, the best of three."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        work(*arguments)
        best = min(best, time.process_time() - begin)
    return best / FRAMES * 1e6


def main() -> None:
    """Print a table."""
    sample = '{"value":"%07d","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    dice = random.Random(1)
    texts = [
        (sample * 8 % tuple(dice.randrange(10**7) for _ in range(8)))[: dice.randrange(300, 600)]
        for _ in range(FRAMES)
    ]
    for packed in (False, True):
        payloads = [text.encode() for text in texts]
        if packed:
            shrunk = [Deflate().compress(data + b" " * 300) for data in payloads]
            payloads = [data for data in shrunk if data is not None]
        frames = [encode_frame(TEXT | RSV1 * packed, data, True) for data in payloads]
        whole = b"".join(frames)
        reads = [whole[start : start + READ] for start in range(0, len(whole), READ)]
        about = "compressed" if packed else "plain"
        for name, pieces in (("a frame at a time", frames), ("many at once", reads)):
            pair = cost_us(read_ours, packed, pieces), cost_us(read_theirs, packed, pieces)
            print(
                f"{about:10} read {name:17} ours {pair[0]:5.1f} µs   websockets {pair[1]:5.1f} µs"
            )
        pair = cost_us(send_ours, packed, texts), cost_us(send_theirs, packed, texts)
        print(f"{about:10} send {'':17} ours {pair[0]:5.1f} µs   websockets {pair[1]:5.1f} µs")
    for name, make in (("ours", ours), ("websockets", theirs)):
        tracemalloc.start()
        kept = [make(True) for _ in range(IDLE)]
        print(f"idle, {name}: {tracemalloc.get_traced_memory()[0] // len(kept):,} bytes each")
        tracemalloc.stop()


if __name__ == "__main__":
    main()
