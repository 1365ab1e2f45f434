"""Takes deliveries from their rows to the webhooks' endpoints, without being led anywhere else.

Each endpoint has a thread of its own for a while, so that one that is slow keeps no other waiting
for long; threads only send, and what came of it is noted afterwards in one unit of work.

Others chose the addresses.  A name is resolved once and what it resolves to is judged: private,
loopback, link-local, multicast and other addresses of no public use are refused unless the
installation allows their network.  The connection goes to the very address that was judged, with
the name in TLS and in the Host header.  No redirect is followed, all of it has a deadline, and of
the answer only its first bytes are read.
"""

import http.client
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult

from app.domain.ground.errors import Conflict, DomainError, Invalid
from app.domain.ground.safe import Safe
from app.domain.office import deliveries, webhooks
from app.domain.office.deliveries import Tried
from app.domain.office.webhooks import Means, Reach, Signer, parts
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.models import WebhookDelivery
from app.process.clock import utc_now
from app.uow import unit_of_work

#: The whole exchange may take so long, in seconds, and each wait within it.
DEADLINE_S, PATIENCE_S = 15.0, 10.0
#: Bytes of an answer that are read.
READ = 500


class Failed(Exception):
    """The exchange did not come to an answer; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status, how long it took, the first bytes as text, and Retry-After."""

    status: int
    latency_ms: float
    text: str
    retry_after: str = ""


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
    return Answer(response.status, took_s * 1000, text, response.getheader("Retry-After", ""))


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


log = logging.getLogger(__name__)

#: Endpoints that are sent to side by side, and deliveries that one gets in a row.
AT_ONCE, IN_A_ROW = 8, 50
#: An endpoint's turn ends after so long, in seconds.
TURN_S = 15.0

Clock = Callable[[], datetime]


class _Letter(NamedTuple):
    """One delivery as a thread needs it: no row of the database goes there."""

    number: int
    url: str
    message_id: str
    body: bytes
    signers: Sequence[Signer]


def means() -> Means:
    """What the installation gives for webhooks."""
    settings = the_settings()
    return Means(
        Safe(settings.signing_key(), "webhooks"),
        Reach(settings.webhook_networks, settings.webhook_http),
    )


def deliver_waiting(until: float, clock: Clock = utc_now) -> int:
    """Send all that is due, until a moment of the monotonic clock; returns how much was sent."""
    given, count = means(), 0
    while time.monotonic() <= until:
        flask_db.session.rollback()
        if not (numbers := deliveries.due(flask_db.session(), now=clock())):
            break
        with unit_of_work() as db:
            claimed = {
                number: [_letter(row, given) for row in rows]
                for number in numbers[:AT_ONCE]
                if (rows := deliveries.claim(db, number, now=clock(), limit=IN_A_ROW))
            }
        if not claimed:
            break
        with ThreadPoolExecutor(len(claimed)) as pool:
            tried = list(
                pool.map(lambda letters: _send(letters, given.reach, clock), claimed.values())
            )
        with unit_of_work() as db:
            for letters, outcomes in zip(claimed.values(), tried, strict=True):
                numbers = [letter.number for letter in letters]
                deliveries.settle(db, numbers, outcomes, now=clock())
                count += len(outcomes)
    return count


def _letter(row: WebhookDelivery, given: Means) -> _Letter:
    try:
        signers = webhooks.signers(row.endpoint, given.safe)
    except Conflict:
        signers = []
    return _Letter(row.id, row.endpoint.url, row.message_id, row.body.encode(), signers)


def _send(letters: Sequence[_Letter], reach: Reach, clock: Clock) -> list[Tried]:
    """Send one after another; ends with the turn, or with trouble: two refusals are some."""
    found: list[Tried] = []
    ends_at = time.monotonic() + TURN_S
    for letter in letters:
        found.append(_tried(letter, reach, clock))
        refused = deliveries.is_refusal(found[-1])
        again = len(found) > 1 and not deliveries.is_taken(found[-2])
        trouble = not deliveries.is_taken(found[-1]) and (again or not refused)
        if trouble or time.monotonic() > ends_at:
            break
    return found


def _tried(letter: _Letter, reach: Reach, clock: Clock) -> Tried:
    if not letter.signers:
        return Tried(error="Its secret was sealed with another key; give it a new one.")
    headers = webhooks.headers(letter.signers, letter.message_id, letter.body, now=clock())
    try:
        answer = post(letter.url, letter.body, headers, reach)
    except (DomainError, Failed) as error:
        return Tried(error=str(error))
    except Exception as error:
        log.exception("webhook delivery %s", letter.number)
        return Tried(error=f"It could not be sent: {type(error).__name__}.")
    wait = _asked(answer.retry_after, clock()) if answer.status in (429, 503) else None
    return Tried(answer.status, answer.latency_ms, answer.text, wait=wait)


def _asked(retry_after: str, now: datetime) -> timedelta | None:
    """The wait that Retry-After asks for: seconds, or the moment when it is over (RFC 9110)."""
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=int(retry_after[:9]))
    with suppress(ValueError, TypeError, OverflowError):
        return max(parsedate_to_datetime(retry_after) - now, timedelta(0))
    return None
