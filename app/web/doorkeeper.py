"""Budgets of attempts: each is counted before its work begins, and given back if it was right.

Counting first is what a race cannot pass: of a hundred attempts at once no more
are looked at than the budget holds.  The counters are in Redis, for all
processes; while Redis is away each process counts for itself.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask, abort, current_app, request
from itsdangerous import BadData, URLSafeSerializer
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.wrappers import Response as BaseResponse

from app.domain.ground import texts
from app.domain.office import sign_ins
from app.domain.office.sign_ins import digest
from app.extensions import db, limiter
from app.models import User
from app.process.clock import utc_now

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


# Who may try a password now: budgets that stop guessing and never lock an owner out.
#
# An attempt is counted before the password is looked at, and given back when it
# was right.  A browser that has been signed in before has a budget of its own, and
# so has an address from which this person came before: whoever tries the same
# account from elsewhere uses up another one.

#: Refused attempts: of one browser that is known, or of one address at one account.
PER_PAIR = "8/15 minutes"
#: Of one address that is not known, at all accounts.
PER_ADDRESS = "60/15 minutes"
#: Of all addresses that are not known, at one account.
PER_ACCOUNT = "100/15 minutes"

COOKIE = "ampdesk_device"
_COOKIE_S = 365 * 24 * 3600


@contextmanager
def attempt(email: str) -> Iterator[bool]:
    """Let a password be tried; yields whether this browser or address has been here before.

    Ends the request with 429 when the budget is used up.
    """
    shares = _shares(email)
    if not spend(shares):
        abort(429)
    yield len(shares) == 1
    give_back(shares)


@contextmanager
def attempt_of_code(user: User) -> Iterator[None]:
    """Let a code of somebody be tried whose password was right already, or who is signed in.

    Codes are short, so there is one budget for all addresses that are not known.  Ends the
    request with 429 when it is used up.
    """
    here, now = request.remote_addr, utc_now()
    known = sign_ins.knows_address(db.session(), user.id, here, now=now)
    budget = [share(PER_PAIR, "code of", user.id, texts.household(here) if known else "")]
    if not spend(budget):
        abort(429)
    yield
    give_back(budget)


def know(answer: BaseResponse, user: User) -> BaseResponse:
    """Let a browser know that this person has been signed in with it."""
    mark, key = request.cookies.get(COOKIE, ""), sign_ins.key_of(user.email)
    if not _holds(mark, key):
        mark = str(_signer().dumps([digest(key), secrets.token_urlsafe(12)]))
    answer.set_cookie(
        COOKIE,
        mark,
        max_age=_COOKIE_S,
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return answer


def _shares(email: str) -> list[Share]:
    key, mark = sign_ins.key_of(email), request.cookies.get(COOKIE, "")
    if _holds(mark, key):
        return [share(PER_PAIR, "sign-in by", mark[-27:])]
    here = texts.household(request.remote_addr)
    pair = share(PER_PAIR, "sign-in", here, key)
    if sign_ins.at_home(db.session(), email, request.remote_addr, now=utc_now()):
        return [pair]
    return [share(PER_ADDRESS, "sign-in from", here), pair, share(PER_ACCOUNT, "sign-in of", key)]


def _holds(mark: str, key: str) -> bool:
    try:
        person, _ = _signer().loads(mark)
    except (BadData, ValueError, TypeError):
        return False
    return bool(person == digest(key))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device")
