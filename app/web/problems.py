"""Refusals of the API as problem+json (RFC 9457): whatever goes wrong under /api is told so."""

import json

import orjson
from flask import Response, has_request_context, request
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from app.domain.ground.errors import DomainError

MIMETYPE = "application/problem+json"
#: What the header of a 401 says.
CHALLENGE = 'Bearer realm="Ampdesk"'

#: status -> the stable machine name of a refusal that no operation gave a better one.
CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "changed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
    504: "timed_out",
}
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not know this method.",
    412: "It has changed since it was read; read it again.",
    413: "The body is too large.",
    429: "Too many requests with this token; wait a little.",
    500: "Something went wrong here; the log says what.",
    503: "The database cannot be reached now; try again.",
}


class Problem(Exception):
    """A refusal that concerns the request itself, not the business."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        code: str = "",
        field: str | None = None,
        **more: object,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.code = code or CODES[status]
        self.field = field
        self.more = more


def wanted() -> bool:
    """Tell whether this request is one of the API."""
    return has_request_context() and (request.path == "/api" or request.path.startswith("/api/"))


def json_text(value: object) -> bytes:
    """Write JSON; what chargers sent may hold numbers and characters that only some can write."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode("ascii")


def answer(
    status: int, code: str, sentence: str, *, field: str | None = None, **more: object
) -> Response:
    """Build the answer: `code` is stable and for programs, `detail` is for people."""
    body = {
        "type": f"/api/docs#{code}",
        "title": HTTP_STATUS_CODES.get(status, "Error"),
        "status": status,
        "detail": sentence,
        "code": code,
    }
    if field:
        body["field"] = field
    response = Response(json_text({**body, **more}), status, mimetype=MIMETYPE)
    if status == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def of(error: Exception) -> Response:
    """Tell what an exception means; of a failure of ours nothing but that it happened."""
    if isinstance(error, Problem):
        return answer(error.status, error.code, error.sentence, field=error.field, **error.more)
    if isinstance(error, DomainError):
        return answer(error.status, error.code, error.sentence, field=error.field)
    status = (error.code if isinstance(error, HTTPException) else None) or 500
    if status < 400:
        status = 404
    own = isinstance(error, HTTPException) and status < 500 and status not in SENTENCES
    sentence = SENTENCES.get(status) or (str(error.description) if own else SENTENCES[500])  # type: ignore[attr-defined]
    response = answer(status, CODES.get(status, "refused"), sentence)
    if isinstance(error, RateLimitExceeded):
        response.headers["Retry-After"] = "1"
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response
