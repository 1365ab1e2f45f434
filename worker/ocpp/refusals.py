"""Why a connection is turned away and how that is said; who guesses passwords is slowed down.

Only failures count, in token buckets per address and per address and identity together, so that
guessing at one charger from elsewhere never touches that charger.  Who has used a bucket up is
refused from memory where that can be told at once; a hash that is slow on purpose is still
computed for it, a few times a second at most: the right password always gets in.
"""

import ipaddress
import math
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus


class Reason(Enum):
    """Why a connection was refused: machine code, HTTP status, sentence for staff.

    Status 101 means that the specification wants the upgrade completed and the socket closed at
    once (OCPP-J section 3.2: no subprotocol in common).
    """

    NO_IDENTITY = ("no_identity", 404, "The address holds no charge point identity.")
    BAD_IDENTITY = ("bad_identity", 400, "The identity in the address cannot be decoded.")
    IDENTITY_TOO_LONG = ("identity_too_long", 404, "The identity is longer than 64 characters.")
    UNKNOWN_IDENTITY = ("unknown_identity", 404, "No charger with this identity is registered.")
    NOT_ALLOWED = ("not_allowed", 404, "This charger is switched off in Ampdesk.")
    BLOCKED = ("blocked", 403, "This charger is blocked in Ampdesk.")
    ARCHIVED = ("archived", 403, "This charger is in the archive.")
    NO_CREDENTIALS = ("no_credentials", 401, "The charger sent no password.")
    BAD_CREDENTIALS_FORM = (
        "bad_credentials_form",
        401,
        "The charger's Authorization header is not HTTP Basic.",
    )
    WRONG_USERNAME = ("wrong_username", 401, "The user name is not the charger's identity.")
    WRONG_PASSWORD = ("wrong_password", 401, "The password is wrong.")
    NO_TLS = ("no_tls", 403, "The station must connect over TLS (security profile 2) and did not.")
    NO_CERTIFICATE = (
        "no_certificate",
        403,
        "The station must show a certificate (security profile 3) and showed none.",
    )
    WRONG_CERTIFICATE = ("wrong_certificate", 403, "The certificate is not good for this station.")
    TLS_FAILED = ("tls_failed", 400, "The TLS handshake failed.")
    UNFINISHED = ("unfinished", 408, "A connection was opened, and nothing was asked in time.")
    THROTTLED = ("throttled", 429, "Too many failed attempts; the charger must wait.")
    RESTLESS = ("restless", 429, "The charger connects again and again; it must wait a little.")
    NOT_WEBSOCKET = ("not_websocket", 400, "The request is no WebSocket handshake.")
    NO_SUBPROTOCOL = ("no_subprotocol", 101, "The charger named no OCPP version.")
    NO_COMMON_SUBPROTOCOL = (
        "no_common_subprotocol",
        101,
        "The charger offered only OCPP versions that Ampdesk does not speak.",
    )
    OTHER_VERSION = ("other_version", 101, "The station is pinned to another version of OCPP.")
    OVERLOADED = ("overloaded", 503, "Too many chargers connect at once; this one must wait.")
    DRAINING = ("draining", 503, "The worker is shutting down; the charger must come again.")
    UNAVAILABLE = ("unavailable", 503, "The database cannot be asked; the charger must wait.")

    def __init__(self, code: str, status: int, sentence: str) -> None:
        self.code = code
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection is turned away.  `retry_after_s` goes out as Retry-After."""

    reason: Reason
    detail: str = ""
    retry_after_s: int | None = None

    @property
    def status(self) -> int:
        return self.reason.status

    @property
    def sentence(self) -> str:
        """What the desk shows: the reason, and the detail when there is one."""
        return f"{self.reason.sentence} {self.detail}".strip()


def http_answer(refused: Refused) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body of a refusal.

    The body is the reason's code alone: the sentence is for staff, not for whoever knocks.
    """
    body = (refused.reason.code + "\n").encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if refused.status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="OCPP", charset="UTF-8"'))
    if refused.reason is Reason.NOT_WEBSOCKET:
        headers.append(("Sec-WebSocket-Version", "13"))
    if refused.retry_after_s is not None:
        headers.append(("Retry-After", str(refused.retry_after_s)))
    return f"{refused.status} {HTTPStatus(refused.status).phrase}", headers, body


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then one every `every_s` seconds."""

    burst: float
    every_s: float


class Buckets:
    """Token buckets by key in bounded memory: beyond `limit` the longest untouched is forgotten."""

    __slots__ = ("_buckets", "limit", "rate")

    def __init__(self, rate: Rate, limit: int) -> None:
        self.rate = rate
        self.limit = limit
        self._buckets: dict[object, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def level(self, key: object, now: float) -> float:
        """How many tokens `key` has at `now`, in seconds of a steady clock."""
        tokens, at = self._buckets.get(key, (self.rate.burst, now))
        return min(self.rate.burst, tokens + max(0.0, now - at) / self.rate.every_s)

    def take(self, key: object, now: float) -> bool:
        """Take a token; False when there was none, and then whoever asks waits no longer for it."""
        level = self.level(key, now)
        self._buckets.pop(key, None)
        self._buckets[key] = (level - 1.0 if level >= 1.0 else level, now)
        if len(self._buckets) > self.limit:
            del self._buckets[next(iter(self._buckets))]
        return level >= 1.0

    def wait_s(self, key: object, now: float) -> float:
        """How long until `key` has a token."""
        return max(0.0, (1.0 - self.level(key, now)) * self.rate.every_s)

    def fill(self, key: object) -> None:
        """Give `key` all its tokens back."""
        self._buckets.pop(key, None)


class Turns:
    """When those who are sent away may come again: one after another, so that each is let in.

    Nobody is told to wait longer than `most_s` seconds.
    """

    __slots__ = ("_free_at", "_most_s")

    def __init__(self, most_s: float = 120.0) -> None:
        self._most_s = most_s
        self._free_at = 0.0

    def next_s(self, now: float, every_s: float, after_s: float = 1.0) -> int:
        """Seconds until the next free turn; each takes `every_s`, the first is in `after_s`."""
        turn = max(self._free_at, now + after_s) + every_s
        self._free_at = min(turn, now + self._most_s)
        return math.ceil(self._free_at - now)


class Throttle:
    """What the gate asks before it reads or hashes anything, and tells after it decided."""

    __slots__ = ("_addresses", "_arrivals", "_checks", "_checks_of_address", "_pairs")

    def __init__(
        self,
        *,
        pair: Rate = Rate(burst=5, every_s=30),
        address: Rate = Rate(burst=60, every_s=5),
        checks: Rate = Rate(burst=4, every_s=1),
        arrivals: Rate = Rate(burst=60, every_s=1),
        limit: int = 10_000,
    ) -> None:
        self._pairs = Buckets(pair, limit)
        self._addresses = Buckets(address, limit)
        self._arrivals = Buckets(arrivals, limit)
        self._checks = Buckets(checks, limit)
        self._checks_of_address = Buckets(Rate(checks.burst * 5, checks.every_s / 5), limit)

    def used_up(self, address: str, identity: str, now: float) -> Refused | None:
        """The refusal for who has failed too often lately; None while a failure is still free."""
        pair = _pair(address, identity)
        if self._pairs.level(pair, now) >= 1.0 and self._addresses.level(pair[0], now) >= 1.0:
            return None
        return self._refusal(pair, now)

    def may_check(
        self, address: str, identity: str, now: float, *, again: bool = False
    ) -> Refused | None:
        """None when a slow hash may be computed now, else the refusal.

        `again`: for a password that came before.  A guesser tries another every time; a charger
        comes with the same, and finds a budget that the guesses have not used up.
        """
        refusal = self.used_up(address, identity, now)
        if refusal is None:
            return None
        # Whoever has failed too often shares a small budget with a real charger that has the same
        # address and identity; one with another identity has its own, within the address's.
        pair = _pair(address, identity)
        charger, network = (pair, again), (pair[0], again)
        if self._checks.take(charger, now) and self._checks_of_address.take(network, now):
            return None
        return refusal

    def failed(self, address: str, identity: str, reason: Reason, now: float) -> Refused:
        """Note a failure; return how it is answered: with `reason`, or as throttled."""
        pair = _pair(address, identity)
        both = [self._pairs.take(pair, now), self._addresses.take(pair[0], now)]
        return Refused(reason) if all(both) else self._refusal(pair, now)

    def succeeded(self, address: str, identity: str) -> None:
        """Note that the charger got in: its own failures are forgiven, the address's are not."""
        self._pairs.fill(_pair(address, identity))

    def arrived(self, identity: str, now: float) -> Refused | None:
        """Note that a charger has proved itself; the refusal when it does so again and again.

        Nobody else can use this up: who comes here knows the password.
        """
        key = identity.casefold()
        if self._arrivals.take(key, now):
            return None
        wait_s = self._arrivals.wait_s(key, now)
        return Refused(Reason.RESTLESS, retry_after_s=max(1, math.ceil(wait_s)))

    def _refusal(self, pair: tuple[str, str], now: float) -> Refused:
        wait_s = max(self._pairs.wait_s(pair, now), self._addresses.wait_s(pair[0], now))
        return Refused(Reason.THROTTLED, retry_after_s=max(1, math.ceil(wait_s)))


def _pair(address: str, identity: str) -> tuple[str, str]:
    return network_of(address), identity.casefold()


def network_of(address: str) -> str:
    """What one customer has: an IPv4 address, or the /64 of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
