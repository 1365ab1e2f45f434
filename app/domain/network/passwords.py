"""Passwords of staff: stretched with scrypt, some 60 ms of one core each.

A server sets `run`, so that these sums are done off its loop and few at a time;
`ahead` lets those go first who showed that they have been here before.
"""

import secrets
from collections.abc import Callable
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

LONGEST = 200
#: How much work a password is: werkzeug's words for scrypt with 32 MiB.
METHOD = "scrypt:32768:8:1"


def _here(work: Callable[[], Any], ahead: bool) -> Any:
    return work()


#: How the slow sums are done: in the caller's own time, unless a server knows better.
run: Callable[[Callable[[], Any], bool], Any] = _here

_NOBODY = generate_password_hash(secrets.token_urlsafe(16), METHOD)


def stretched(password: str) -> str:
    """Return what is stored of a password."""
    return str(run(lambda: generate_password_hash(password, METHOD), True))


def fits(stored: str | None, typed: str, *, ahead: bool = False) -> bool:
    """Compare with what is stored; with nothing stored it takes as long and never fits."""
    found = run(lambda: check_password_hash(stored or _NOBODY, typed[:LONGEST]), ahead)
    return bool(found) and stored is not None
