"""Refusals of the API as problem+json (RFC 9457): whatever goes wrong under /api is told so."""

import json
from typing import NamedTuple

import orjson
from flask import Response, has_request_context, request
from flask_limiter.errors import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from app.domain.ground.errors import DomainError
from app.domain.ground.texts import N_

MIMETYPE = "application/problem+json"
#: What the header of a 401 says.
CHALLENGE = 'Bearer realm="Ampdesk"'


class Kind(NamedTuple):
    """A kind of refusal: `code` is its stable machine name, `remedy` what its reader can do."""

    status: int
    code: str
    meaning: str
    remedy: str


#: Every kind of refusal; the first of a status is what no operation gave a better name.
KINDS = (
    Kind(
        *(400, "bad_request", N_("The request, or the JSON in it, cannot be read.")),
        N_("Send the body as JSON in UTF-8; detail says what is wrong."),
    ),
    Kind(
        *(401, "unauthenticated", N_("No token, or one that does not work.")),
        N_("Send a token that works: Authorization: Bearer …; make a new one if it is lost."),
    ),
    Kind(
        *(403, "forbidden", N_("The token’s role or sites do not allow this.")),
        N_("Use a token that may do this; GET /token says what this one may do."),
    ),
    Kind(
        *(404, "not_found", N_("Nothing is there, or this token may not see it.")),
        N_("Check the address and the ids in it; lists show what this token may see."),
    ),
    Kind(
        *(404, "not_connected", N_("The station is not connected, so nothing was sent.")),
        N_("Send it again when the station is connected; nothing is kept for later."),
    ),
    Kind(
        *(405, "method_not_allowed", N_("This address does not accept this method.")),
        N_("The header Allow names the methods that it knows."),
    ),
    Kind(
        *(408, "too_slow", N_("The request did not come in time.")),
        N_("Send it again; its body must keep coming, at a kilobyte a second or more."),
    ),
    Kind(
        *(409, "conflict", N_("Its state does not allow it.")),
        N_("Read it again and decide again; detail says what is in the way."),
    ),
    Kind(
        *(409, "taken", N_("A name that must be unique is in use.")),
        N_("Choose another name; field says which member."),
    ),
    Kind(
        *(409, "ends_sessions", N_("It would end running sessions.")),
        N_("Wait until they are over, or send it with force to do it anyway."),
    ),
    Kind(
        *(409, "refused", N_("The charger refused.")),
        N_("Its answer is in order; the station’s messages say more."),
    ),
    Kind(
        *(412, "changed", N_("It has changed since it was read.")),
        N_("Read it again and send the change with the new ETag."),
    ),
    Kind(*(413, "too_large", N_("The body is too large.")), N_("Send less at once.")),
    Kind(
        *(414, "address_too_long", N_("The address is too long.")),
        N_("Ask for less at once: 4,000 bytes of address are always taken."),
    ),
    Kind(
        *(415, "unsupported_media_type", N_("The body is of a type that is not accepted here.")),
        N_("Send it as application/json."),
    ),
    Kind(
        *(417, "unknown_expectation", N_("What the header Expect asks for is not known here.")),
        N_("Leave Expect out, or send 100-continue."),
    ),
    Kind(
        *(422, "invalid", N_("A value cannot be used; field names it.")),
        N_("Correct it; the reference says what each member and parameter takes."),
    ),
    Kind(
        *(429, "too_many_requests", N_("Too many requests.")),
        N_("Wait for as many seconds as Retry-After says; RateLimit-Remaining says what is left."),
    ),
    Kind(
        *(431, "headers_too_large", N_("The headers are too many or too long.")),
        N_("Send less: 60 of them, and 8,000 bytes in each, are always taken."),
    ),
    Kind(
        *(500, "internal", N_("Something went wrong here.")),
        N_("Tell an admin when it happened; the log says what went wrong."),
    ),
    Kind(
        *(501, "unknown_coding", N_("The body comes in a transfer coding that is not known here.")),
        N_("Send it with Content-Length, or chunked."),
    ),
    Kind(
        *(503, "unavailable", N_("The database cannot be reached, or too many are waiting.")),
        N_("Send it again after Retry-After; a POST with the same Idempotency-Key."),
    ),
    Kind(
        *(503, "too_long", N_("Reading it takes too long.")),
        N_("Ask for less: a shorter period, one site, one station."),
    ),
    Kind(
        *(504, "timed_out", N_("The charger did not answer.")),
        N_("See what became of the order; it may still take effect."),
    ),
)
#: status -> the code of a refusal that no operation gave a better one.
CODES = {kind.status: kind.code for kind in reversed(KINDS)}
SENTENCES = {
    # What the server finds in a head is told in its own code's words.
    **{kind.status: kind.meaning for kind in KINDS if kind.status in (408, 414, 417, 431, 501)},
    404: "There is nothing at this address.",
    405: "This address does not accept this method.",
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


def of_a_program() -> bool:
    """Tell whether a request brings no form of ours: one of the API, or a station's file."""
    return wanted() or request.blueprint == "station_files"


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


def database_away(no_writes: bool) -> Response:
    """Say that the database cannot be used, or only be read."""
    read = "The database takes no writes now; what is stored can be read."
    return answer(503, "unavailable", read if no_writes else SENTENCES[503])


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
    response = answer(status, CODES.get(status, "bad_request"), sentence)
    if isinstance(error, RateLimitExceeded):
        response.headers["Retry-After"] = "1"
    if status == 405 and getattr(error, "valid_methods", None):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return response
