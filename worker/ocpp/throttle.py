"""Slowing down whoever guesses passwords, without locking out who knows one.

Only failures count, in token buckets per address and per address and identity together, so that
guessing at one charger from elsewhere never touches that charger.  When a bucket is empty a
password is still looked at, a few times a second at most: the right one always gets in.
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


class Throttle:
    """What the gate asks before it checks a password, and tells after it did."""

    __slots__ = ("_addresses", "_checks", "_checks_of_address", "_pairs")

    def __init__(
        self,
        *,
        pair: Rate = Rate(burst=5, every_s=30),
        address: Rate = Rate(burst=60, every_s=5),
        checks: Rate = Rate(burst=4, every_s=1),
        limit: int = 10_000,
    ) -> None:
        self._pairs = Buckets(pair, limit)
        self._addresses = Buckets(address, limit)
        self._checks = Buckets(checks, limit)
        self._checks_of_address = Buckets(Rate(checks.burst * 5, checks.every_s / 5), limit)

    def may_check(self, address: str, identity: str, now: float) -> Refused | None:
        """None when a password may be looked at now, else the refusal."""
        pair = _pair(address, identity)
        if self._pairs.level(pair, now) >= 1.0 and self._addresses.level(pair[0], now) >= 1.0:
            return None
        # Whoever has failed too often shares a small budget with a real charger that has the same
        # address and identity; one with another identity has its own, within the address's.
        if self._checks.take(pair, now) and self._checks_of_address.take(pair[0], now):
            return None
        return self._refusal(pair, now)

    def failed(self, address: str, identity: str, reason: Reason, now: float) -> Refused:
        """Note a failure; return how it is answered: with `reason`, or as throttled."""
        pair = _pair(address, identity)
        both = [self._pairs.take(pair, now), self._addresses.take(pair[0], now)]
        return Refused(reason) if all(both) else self._refusal(pair, now)

    def succeeded(self, address: str, identity: str) -> None:
        """Note that the charger got in: its own failures are forgiven, the address's are not."""
        self._pairs.fill(_pair(address, identity))

    def _refusal(self, pair: tuple[str, str], now: float) -> Refused:
        wait_s = max(self._pairs.wait_s(pair, now), self._addresses.wait_s(pair[0], now))
        return Refused(Reason.THROTTLED, retry_after_s=max(1, math.ceil(wait_s)))


def _pair(address: str, identity: str) -> tuple[str, str]:
    """IPv6 is counted by the /64 that one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address, identity.casefold()
    if isinstance(parsed, ipaddress.IPv6Address) and not parsed.ipv4_mapped:
        address = str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return address, identity.casefold()
