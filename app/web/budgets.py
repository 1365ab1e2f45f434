"""Budgets of attempts: each is counted before its work begins, and given back if it was right.

Counting first is what a race cannot pass: of a hundred attempts at once no more
are looked at than the budget holds.  The counters are in Redis, for all
processes; while Redis is away each process counts for itself.
"""

import logging
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.extensions import limiter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a budget: `item` says how many in what time, `key` who spends."""

    item: RateLimitItem
    key: str


def register(app: Flask) -> None:
    """Give the process counters of its own, for as long as Redis is away."""
    app.extensions["budgets"] = FixedWindowRateLimiter(MemoryStorage())


def share(budget: str, *key: object) -> Share:
    """Name a share: `share("8/15 minutes", "sign-in", address)`."""
    return Share(parse(budget), " ".join(str(part) for part in key))


def spend(shares: list[Share]) -> bool:
    """Count one attempt in each; False, and nothing spent, when one of them is used up."""
    for place, one in enumerate(shares):
        if not _count(one, 1):
            give_back(shares[: place + 1])
            return False
    return True


def give_back(shares: list[Share]) -> None:
    """Take an attempt back that was right, or was never made."""
    for one in shares:
        _count(one, -1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a share stands after one more was counted; `resets_at` is a Unix time."""

    count: int
    resets_at: float


#: key -> when its window ends, as far as this process has asked.
_windows: dict[str, float] = {}
_MOST_WINDOWS = 2000
#: For so long the shared counters are left alone once they failed: nobody waits for them twice.
_ALONE_S = 5.0
_alone_until = 0.0


def count(one: Share, now: float) -> Standing:
    """Count one and tell how many there were in this window, whether or not it holds so many."""
    global _alone_until
    if now >= _alone_until:
        try:
            return _counted(limiter.limiter.storage, one, now)
        except Exception as error:  # whatever the store of the counters raises while it is away
            log.debug("requests are counted in this process alone: %s", error)
            _alone_until = now + _ALONE_S
    return _counted(current_app.extensions["budgets"].storage, one, now)


def _counted(store: Any, one: Share, now: float) -> Standing:
    key, length_s = one.item.key_for(one.key), one.item.get_expiry()
    so_many = store.incr(key, length_s)
    if so_many == 1:
        _windows[key] = now + length_s
    elif _windows.get(key, 0.0) <= now:
        _windows[key] = store.get_expiry(key)
    while len(_windows) > _MOST_WINDOWS:
        del _windows[next(iter(_windows))]
    return Standing(so_many, _windows[key])


def _count(one: Share, cost: int) -> bool:
    own: FixedWindowRateLimiter = current_app.extensions["budgets"]
    try:
        return bool(limiter.limiter.hit(one.item, one.key, cost=cost))
    except Exception as error:  # whatever the store of the counters raises while it is away
        log.debug("attempts are counted in this process alone: %s", error)
        return bool(own.hit(one.item, one.key, cost=cost))
