"""Everything about an opening handshake that can be decided without asking anyone.

From the path to an identity, from the offered subprotocols to a version, from an Authorization
header to bytes that may be a password; and the refusals, each with its HTTP status, a reason for
machines and a sentence for the desk.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from worker.ocpp.versions import Version


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
    NO_CREDENTIALS = ("no_credentials", 401, "The charger sent no password.")
    BAD_CREDENTIALS_FORM = (
        "bad_credentials_form",
        401,
        "The charger's Authorization header is not HTTP Basic.",
    )
    WRONG_USERNAME = ("wrong_username", 401, "The user name is not the charger's identity.")
    WRONG_PASSWORD = ("wrong_password", 401, "The password is wrong.")
    THROTTLED = ("throttled", 503, "Too many failed attempts; the charger must wait.")
    NOT_WEBSOCKET = ("not_websocket", 400, "The request is no WebSocket handshake.")
    NO_SUBPROTOCOL = ("no_subprotocol", 101, "The charger named no OCPP version.")
    NO_COMMON_SUBPROTOCOL = (
        "no_common_subprotocol",
        101,
        "The charger offered only OCPP versions that Ampdesk does not speak.",
    )
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


class StationInfo(Protocol):
    """What the worker carries along about an admitted station (the gate makes it)."""

    @property
    def id(self) -> int: ...
    @property
    def identity(self) -> str: ...
    @property
    def tenant_id(self) -> int: ...
    @property
    def model(self) -> str | None: ...
    @property
    def strict(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A connection is let in.  `note` says what was overlooked (an assumed version, say)."""

    station: StationInfo
    note: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What HTTP Basic brought, split for the identity that the address names.

    `username` is None when it is not text.  `candidates` are the passwords that may be meant, the
    raw bytes first, then their hexadecimal reading (FIELD A1); compare each in constant time.
    """

    username: str | None
    matches_identity: bool
    candidates: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """The outcome of choosing a subprotocol.

    `token` is echoed to the letter; None when the charger named none.  `version` is None when
    nothing it named is spoken here; with no token at all it is 1.6, assumed.
    """

    token: str | None
    version: Version | None
    offered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A handshake as the gate sees it.  `path` is safe to log: secrets are taken out."""

    identity: str
    path: str
    remote_address: str
    offer: Offer
    credentials: Credentials | None
    bad_credentials: bool = False
    secure: bool = False
    user_agent: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict, repr=False)
