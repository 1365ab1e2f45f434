"""The least of a WebSocket client that a load generator needs: raw frames over a plain socket.

Frames are encoded once, before the clock starts, so that the load costs little beside the worker.
"""

import base64
import json
import os
import resource
import socket
import zlib
from typing import Any


def connect(
    port: int, identity: str, password: str, protocol: str = "ocpp1.6", more: str = ""
) -> socket.socket:
    """Open a socket and shake hands as a charger; raises OSError when refused.

    `more` are further lines of the request, each ended by a line break.
    """
    sock = socket.create_connection(("127.0.0.1", port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(handshake(port, identity, password, protocol, more))
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = sock.recv(1)  # byte by byte: what follows the head belongs to the first frame
        if not chunk:
            break
        head += chunk
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        sock.close()
        raise OSError(f"{identity} was refused: {head.decode('latin-1')[:200]}")
    return sock


def handshake(
    port: int, identity: str, password: str, protocol: str = "ocpp1.6", more: str = ""
) -> bytes:
    """The request of a charger that comes with a password."""
    login = base64.b64encode(f"{identity}:{password}".encode()).decode()
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET /ocpp/{identity} HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {protocol}\r\nAuthorization: Basic {login}\r\n{more}\r\n"
    ).encode()


def allow_many_files() -> None:
    """Raise the limit of open files as far as it goes: each charger is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def encode(message: list[Any]) -> bytes:
    """Return a masked text frame of one OCPP message."""
    return frame(json.dumps(message, separators=(",", ":")).encode())


def packed(message: list[Any]) -> bytes:
    """Return the same, compressed (RFC 7692) as far as it goes."""
    packer = zlib.compressobj(9, wbits=-15)
    payload = json.dumps(message, separators=(",", ":")).encode()
    squeezed = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    return frame(squeezed.removesuffix(b"\0\0\xff\xff"), 0xC1)


def frame(payload: bytes, first: int = 0x81) -> bytes:
    """Return one masked frame; `first` is its first byte."""
    key = os.urandom(4)
    size = len(payload)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65536:
        head = bytes([first, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 0xFF]) + size.to_bytes(8, "big")
    return head + key + masked(payload, key)


def masked(payload: bytes, key: bytes) -> bytes:
    """Mask a payload, or take its mask off."""
    size = len(payload)
    mask = int.from_bytes((key * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")


def bare_frame(payload: bytes) -> bytes:
    """Return one frame as servers send them: a text, not masked."""
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    return b"\x81\x7e" + size.to_bytes(2, "big") + payload


def first_frame(buffer: bytes | bytearray) -> tuple[int, bytes, int] | None:
    """Return (opcode, payload, bytes used) of the first whole frame, None while it is not whole.

    The payload of a masked frame is still masked; the mask stands in the four bytes before it.
    """
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(buffer[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(buffer[2:10], "big"), 10
    start += 4 if buffer[1] & 0x80 else 0
    if len(buffer) < start + size:
        return None
    return buffer[0] & 0x0F, bytes(buffer[start : start + size]), start + size


def ask(sock: socket.socket, message: list[Any]) -> Any:
    """Send one CALL and wait for its answer; calls from the other side are passed over."""
    sock.sendall(encode(message))
    return answer_to(sock, message[1])


def answer_to(sock: socket.socket, message_id: str) -> Any:
    """Wait for the answer to a call: its payload, or the code with which it was refused."""
    buffer = bytearray()
    while True:
        found = first_frame(buffer)
        if found is None:
            chunk = sock.recv(65536)
            if not chunk:
                raise OSError("the worker closed the connection")
            buffer += chunk
            continue
        opcode, payload, used = found
        del buffer[:used]
        if opcode == 8:
            raise OSError(f"the worker closed the connection: {payload[2:].decode()}")
        if opcode == 1:
            answer = json.loads(payload)
            if answer[1] == message_id:
                return answer[2]
