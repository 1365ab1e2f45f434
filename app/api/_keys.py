"""The header Idempotency-Key: a POST that is sent again is not done again."""

import hashlib
from collections.abc import Callable
from datetime import datetime

import orjson
from flask import Response, request

from app.api._access import Caller
from app.domain import idempotency
from app.domain.idempotency import FIELD, Kept
from app.uow import unit_of_work


def once(
    caller: Caller,
    raw: bytes,
    act: Callable[[], Response],
    *,
    secret: tuple[str, ...],
    now: datetime,
) -> Response:
    """Act, or answer as the same request under the same key was answered before.

    Members named in `secret` are null in a repeated answer: they are kept nowhere.
    """
    key = request.headers.get(FIELD)
    if key is None:
        return act()
    line = f"{request.method} {request.full_path}\n".encode()
    fingerprint = hashlib.sha256(line + raw).hexdigest()
    with unit_of_work() as db:
        before = idempotency.begin(
            db,
            tenant_id=caller.tenant_id,
            token_id=caller.token_id,
            key=key,
            fingerprint=fingerprint,
            now=now,
        )
    if before is not None:
        return _again(before)
    try:
        answer = act()
    except BaseException:
        with unit_of_work() as db:
            idempotency.release(db, caller.token_id, key)
        raise
    kept = Kept(
        answer.status_code,
        _without(secret, answer.get_data(as_text=True)),
        answer.mimetype,
        answer.headers.get("Location"),
    )
    with unit_of_work() as db:
        idempotency.finish(db, caller.token_id, key, kept)
    return answer


def _again(kept: Kept) -> Response:
    answer = Response(kept.body, kept.status, mimetype=kept.mimetype or None)
    if kept.location:
        answer.headers["Location"] = kept.location
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _without(secret: tuple[str, ...], body: str) -> str:
    if not secret:
        return body
    value = orjson.loads(body)
    return orjson.dumps({**value, **dict.fromkeys(secret)}).decode()
