"""Passwords of staff: what is kept of one, and whether what was typed fits.

They are stretched with scrypt, some 60 ms of one core each.  A server sets `run`, so that these
sums are done off its loop and few at a time; `ahead` lets those go first who showed that they have
been here before.
"""

from collections.abc import Callable
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from app.domain.ground.errors import Invalid
from app.models import User

LEAST = 12
MOST = 200
#: How much work a password is: werkzeug's words for scrypt with 32 MiB.
METHOD = "scrypt:32768:8:1"


def _here(work: Callable[[], Any], ahead: bool) -> Any:
    return work()


#: How the slow sums are done: in the caller's own time, unless a server knows better.
run: Callable[[Callable[[], Any], bool], Any] = _here

#: What the password of somebody who does not exist is held against: no password fits it.
_NOBODY = f"{METHOD}$nobody${'0' * 128}"


def hashed(password: str, user: User) -> str:
    """Stretch a password; raises `Invalid` for one that is too easy to guess."""
    if len(password) < LEAST:
        raise Invalid(f"The password needs at least {LEAST} characters.", field="password")
    if len(password) > MOST:
        raise Invalid(f"The password may have at most {MOST} characters.", field="password")
    plain = password.casefold()
    if len(set(plain)) < 5 or plain in {user.email_key, (user.name or "").casefold()}:
        raise Invalid("That password is too easy to guess.", field="password")
    return stretched(password)


def stretched(password: str) -> str:
    """Return what is stored of a password."""
    return str(run(lambda: generate_password_hash(password, METHOD), True))


def fits(stored: str | None, typed: str, *, ahead: bool = False) -> bool:
    """Compare with what is stored; with nothing stored it takes as long and never fits."""
    found = run(lambda: check_password_hash(stored or _NOBODY, typed[:MOST]), ahead)
    return bool(found) and stored is not None
