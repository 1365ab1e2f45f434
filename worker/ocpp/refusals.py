"""Why a connection is turned away, and the HTTP answer that says so."""

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a connection was refused: machine code, HTTP status, sentence for staff.

    Status 101 means that the specification wants the upgrade completed and the socket closed at
    once (OCPP-J section 3.2: no subprotocol in common).
    """

    NO_IDENTITY = ("no_identity", 404, "The address holds no charge point identity.")
    BAD_IDENTITY = ("bad_identity", 400, "The identity in the address cannot be decoded.")
    IDENTITY_TOO_LONG = ("identity_too_long", 404, "The identity is longer than 64 characters.")
    UNKNOWN_IDENTITY = ("unknown_identity", 404, "No charger with this identity is registered.")
    NOT_ALLOWED = ("not_allowed", 404, "This charger is switched off in Ampdesk.")
    BLOCKED = ("blocked", 403, "This charger is blocked in Ampdesk.")
    ARCHIVED = ("archived", 403, "This charger is in the archive.")
    NO_CREDENTIALS = ("no_credentials", 401, "The charger sent no password.")
    BAD_CREDENTIALS_FORM = (
        "bad_credentials_form",
        401,
        "The charger's Authorization header is not HTTP Basic.",
    )
    WRONG_USERNAME = ("wrong_username", 401, "The user name is not the charger's identity.")
    WRONG_PASSWORD = ("wrong_password", 401, "The password is wrong.")
    NO_TLS = (
        "no_tls",
        403,
        "The station must connect over TLS (security profile 2) and did not.",
    )
    NO_CERTIFICATE = (
        "no_certificate",
        403,
        "The station must show a certificate (security profile 3) and showed none.",
    )
    WRONG_CERTIFICATE = ("wrong_certificate", 403, "The certificate is not good for this station.")
    TLS_FAILED = ("tls_failed", 400, "The TLS handshake failed.")
    UNFINISHED = ("unfinished", 408, "A connection was opened, and nothing was asked in time.")
    THROTTLED = ("throttled", 429, "Too many failed attempts; the charger must wait.")
    RESTLESS = ("restless", 429, "The charger connects again and again; it must wait a little.")
    NOT_WEBSOCKET = ("not_websocket", 400, "The request is no WebSocket handshake.")
    NO_SUBPROTOCOL = ("no_subprotocol", 101, "The charger named no OCPP version.")
    NO_COMMON_SUBPROTOCOL = (
        "no_common_subprotocol",
        101,
        "The charger offered only OCPP versions that Ampdesk does not speak.",
    )
    OTHER_VERSION = ("other_version", 101, "The station is pinned to another version of OCPP.")
    OVERLOADED = ("overloaded", 503, "Too many chargers connect at once; this one must wait.")
    DRAINING = ("draining", 503, "The worker is shutting down; the charger must come again.")
    UNAVAILABLE = ("unavailable", 503, "The database cannot be asked; the charger must wait.")

    def __init__(self, code: str, status: int, sentence: str) -> None:
        self.code = code
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection is turned away.  `retry_after_s` goes out as Retry-After."""

    reason: Reason
    detail: str = ""
    retry_after_s: int | None = None

    @property
    def status(self) -> int:
        return self.reason.status

    @property
    def sentence(self) -> str:
        """What the desk shows: the reason, and the detail when there is one."""
        return f"{self.reason.sentence} {self.detail}".strip()


def http_answer(refused: Refused) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers and body of a refusal.

    The body is the reason's code alone: the sentence is for staff, not for whoever knocks.
    """
    body = (refused.reason.code + "\n").encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if refused.status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="OCPP", charset="UTF-8"'))
    if refused.reason is Reason.NOT_WEBSOCKET:
        headers.append(("Sec-WebSocket-Version", "13"))
    if refused.retry_after_s is not None:
        headers.append(("Retry-After", str(refused.retry_after_s)))
    return f"{refused.status} {_PHRASES[refused.status]}", headers, body


_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    429: "Too Many Requests",
    503: "Service Unavailable",
}
