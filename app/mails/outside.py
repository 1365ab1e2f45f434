"""POST to an address that somebody else chose, without being led anywhere else.

The name is resolved once and what it resolves to is judged: private, loopback, link-local,
multicast and other addresses of no public use are refused unless the installation allows their
network.  The connection goes to the very address that was judged, with the name in TLS and in the
Host header.  No redirect is followed, all of it has a deadline, and of the answer only its first
bytes are read.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult

from app.domain.ground.errors import Invalid
from app.domain.office.webhooks import Reach, parts

#: The whole exchange may take so long, in seconds, and each wait within it.
DEADLINE_S, PATIENCE_S = 15.0, 10.0
#: Bytes of an answer that are read.
READ = 500


class Failed(Exception):
    """The exchange did not come to an answer; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status, how long it took, and the first bytes as text."""

    status: int
    latency_ms: float
    text: str


def resolved(host: str, port: int, reach: Reach) -> list[str]:
    """The addresses of a host, all of which may be used; raises `Invalid` or `Failed`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Failed(f"{host} is not known to any name server.") from None
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        if "%" in text or not reach.allows(mapped or address):
            raise Invalid(f"{host} leads to {text}, which is not on the public internet.")
    return addresses


def post(
    url: str, body: bytes, headers: Mapping[str, str], reach: Reach, deadline_s: float = DEADLINE_S
) -> Answer:
    """Send a body; raises `Invalid` or `Failed`."""
    where, began = parts(url, reach), time.monotonic()
    port = where.port or (443 if where.scheme == "https" else 80)
    addresses = resolved(where.hostname or "", port, reach)
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    try:
        with _connected(addresses, port, deadline_s) as plain:
            spoken = plain if where.scheme == "http" else _secured(plain, where)
            with closing(http.client.HTTPConnection(where.hostname or "", port)) as connection:
                connection.sock = spoken
                given = {**headers, "Host": where.netloc, "Connection": "close"}
                connection.request("POST", target, body, given)
                with connection.getresponse() as response:
                    text = response.read(READ).decode("utf-8", "replace")
    except ssl.SSLError as error:
        raise Failed(f"TLS failed: {error.reason or error}"[:300]) from None
    except TimeoutError:
        raise Failed("No answer in time.") from None
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() - began >= deadline_s
        sentence = "No answer in time." if late else f"The exchange failed: {error}"
        raise Failed(sentence[:300]) from None
    took_s = time.monotonic() - began
    if took_s >= deadline_s:
        # It was cut: what was read may be the beginning of a head.
        raise Failed("No answer in time.")
    return Answer(response.status, took_s * 1000, text)


def _secured(plain: socket.socket, where: SplitResult) -> socket.socket:
    return ssl.create_default_context().wrap_socket(plain, server_hostname=where.hostname)


@contextmanager
def _connected(addresses: Sequence[str], port: int, deadline_s: float) -> Iterator[socket.socket]:
    """A connection to the first address that takes one; it is cut at the deadline."""
    with _first(addresses, port) as plain, plain.dup() as handle:
        # A server that sends a byte now and then would never be timed out by the socket itself.
        watch = threading.Timer(deadline_s, _cut, [handle])
        watch.daemon = True
        watch.start()
        try:
            yield plain
        finally:
            watch.cancel()
            watch.join()


def _first(addresses: Sequence[str], port: int) -> socket.socket:
    for number, address in enumerate(addresses, 1):
        try:
            return socket.create_connection((address, port), timeout=PATIENCE_S)
        except OSError:
            if number == len(addresses):
                raise
    raise Failed("There is no address.")


def _cut(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)
