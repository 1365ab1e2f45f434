"""Budgets of attempts: each is counted before its work begins, and given back if it was right.

Counting first is what a race cannot pass: of a hundred attempts at once no more
are looked at than the budget holds.  The counters are in Redis, for all
processes; while Redis is away each process counts for itself.
"""

import logging
from dataclasses import dataclass

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


def _count(one: Share, cost: int) -> bool:
    own: FixedWindowRateLimiter = current_app.extensions["budgets"]
    try:
        return bool(limiter.limiter.hit(one.item, one.key, cost=cost))
    except Exception as error:  # whatever the store of the counters raises while it is away
        log.debug("attempts are counted in this process alone: %s", error)
        return bool(own.hit(one.item, one.key, cost=cost))
