"""Secrets that are shown once, kept for ten minutes so that a reload still shows them.

We keep only a hash, so the clear text rides in a cookie of the very page that
shows it: sealed with the installation's key, out of reach of scripts, for one
person, and for a subject that ends with the secret itself (a password that was
changed since is no longer shown).  Nothing of it stands in a URL or a log, nor in the
database, but as only the form opens it that was answered with it (`app.web.once`).
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from flask import Response, current_app, request
from flask_login import current_user

KEPT_S = 600
_COOKIE = "shown_once"


def keep(response: Response, subject: str, secret: str) -> Response:
    """Let the page that `response` (a 303) leads to show `secret` for ten minutes."""
    sealed = _lock().encrypt(json.dumps([current_user.id, subject, secret]).encode())
    response.set_cookie(
        _COOKIE,
        sealed.decode("ascii"),
        max_age=KEPT_S,
        path=urlsplit(str(response.location)).path,
        secure=bool(current_app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Strict",
    )
    return response


def kept(subject: str) -> str | None:
    """The secret of `subject` that this person was just given on this page, if any."""
    sealed = request.cookies.get(_COOKIE, "")
    try:
        found: Any = json.loads(_lock().decrypt(sealed.encode(), ttl=KEPT_S))
    except (InvalidToken, ValueError):
        return None
    whose, what, secret = found
    return str(secret) if (whose, what) == (current_user.id, subject) else None


def _lock() -> Fernet:
    key = f"{_COOKIE}\n{current_app.secret_key!s}".encode()
    return Fernet(urlsafe_b64encode(hashlib.sha256(key).digest()))
