"""The header Idempotency-Key: a POST that is sent again is not done again."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime

from cryptography.fernet import Fernet
from flask import Response, request

from app.api.ground._access import Caller
from app.domain.office import api_tokens
from app.domain.office.api_tokens import FIELD, Kept
from app.uow import unit_of_work


def once(
    caller: Caller,
    raw: bytes,
    act: Callable[[], Response],
    *,
    secret: bool,
    now: datetime,
) -> Response:
    """Act, or answer as the same request under the same key was answered before.

    A `secret` answer (with a new password in it) is kept so that only the caller's own
    token can open it again.
    """
    key = request.headers.get(FIELD)
    if key is None:
        return act()
    line = f"{request.method} {request.full_path}\n".encode()
    fingerprint = hashlib.sha256(line + raw).hexdigest()
    with unit_of_work() as db:
        before = api_tokens.claim_key(
            db,
            tenant_id=caller.tenant_id,
            token_id=caller.token_id,
            key=key,
            fingerprint=fingerprint,
            now=now,
        )
    if before is not None:
        return _again(before, secret)
    try:
        answer = act()
    except BaseException:
        with unit_of_work() as db:
            api_tokens.release_key(db, caller.token_id, key)
        raise
    text = answer.get_data(as_text=True)
    kept = Kept(
        answer.status_code,
        _lock().encrypt(text.encode()).decode() if secret else text,
        answer.mimetype or "",
        answer.headers.get("Location"),
    )
    with unit_of_work() as db:
        api_tokens.finish_key(db, caller.token_id, key, kept)
    return answer


def _again(kept: Kept, secret: bool) -> Response:
    body = _lock().decrypt(kept.body.encode()) if secret else kept.body.encode()
    answer = Response(body, kept.status, mimetype=kept.mimetype or None)
    if kept.location:
        answer.headers["Location"] = kept.location
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _lock() -> Fernet:
    """What only this token opens: its secret is not in the database."""
    token = request.headers["Authorization"].partition(" ")[2].strip()
    return Fernet(urlsafe_b64encode(hashlib.sha256(f"{FIELD}\n{token}".encode()).digest()))
