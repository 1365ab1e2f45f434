"""Slowing down whoever guesses passwords, without locking out who knows one.

Only failures count, in token buckets per address and per address and identity together, so that
guessing at one charger from elsewhere never touches that charger.  Who has used a bucket up is
refused from memory where that can be told at once; a hash that is slow on purpose is still
computed for it, a few times a second at most: the right password always gets in.
"""

import ipaddress
import math
from dataclasses import dataclass

from worker.ocpp.refusals import Reason, Refused


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
        """Take a token; False when there was none."""
        level = self.level(key, now)
        self._buckets.pop(key, None)
        self._buckets[key] = (max(0.0, level - 1.0), now)
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
