"""Who may try a password now: budgets that stop guessing and never lock an owner out.

An attempt is counted before the password is looked at, and given back when it
was right.  A browser that has been signed in before has a budget of its own, and
so has an address from which this person came before: whoever tries the same
account from elsewhere uses up another one.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import Response, abort, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from app.domain.ground import texts
from app.domain.office import sign_ins
from app.domain.office.sign_ins import digest
from app.extensions import db
from app.models import User
from app.web import budgets
from app.web.budgets import Share, share

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
    if not budgets.spend(shares):
        abort(429)
    yield len(shares) == 1
    budgets.give_back(shares)


def know(answer: Response, user: User) -> Response:
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
    if sign_ins.at_home(db.session(), email, request.remote_addr, now=datetime.now(UTC)):
        return [pair]
    return [
        share(PER_ADDRESS, "sign-in from", here),
        pair,
        share(PER_ACCOUNT, "sign-in of", key),
    ]


def _holds(mark: str, key: str) -> bool:
    try:
        person, _ = _signer().loads(mark)
    except (BadData, ValueError, TypeError):
        return False
    return bool(person == digest(key))


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device")
