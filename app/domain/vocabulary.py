"""The words of the business: values that mean the same in every OCPP version."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Availability(StrEnum):
    """Whether a connector (or a whole station) can serve."""

    AVAILABLE = "available"
    OCCUPIED = "occupied"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"
    UNKNOWN = "unknown"


class Activity(StrEnum):
    """What happens at an occupied connector."""

    NONE = "none"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED_EV = "suspended_ev"
    SUSPENDED_EVSE = "suspended_evse"
    FINISHING = "finishing"


class Registration(StrEnum):
    """How a BootNotification of the station is answered."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


class StationMode(StrEnum):
    """Who may charge at a station."""

    CLOSED = "closed"
    LISTED = "listed"
    OPEN = "open"


class TagStatus(StrEnum):
    """Whether a tag may be used at all."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class Verdict(StrEnum):
    """The answer to a tap."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    CONCURRENT = "concurrent"


class StopReason(StrEnum):
    """Why a charging session ended."""

    LOCAL = "local"
    REMOTE = "remote"
    EV_DISCONNECTED = "ev_disconnected"
    DEAUTHORIZED = "deauthorized"
    EMERGENCY_STOP = "emergency_stop"
    HARD_RESET = "hard_reset"
    SOFT_RESET = "soft_reset"
    REBOOT = "reboot"
    POWER_LOSS = "power_loss"
    UNLOCK_COMMAND = "unlock_command"
    OTHER = "other"
    NEVER_REPORTED = "never_reported"


class SessionState(StrEnum):
    """Where a charging session stands."""

    CHARGING = "charging"
    ENDED = "ended"


class BillingState(StrEnum):
    """Where the money of a charging session stands."""

    OPEN = "open"
    HELD = "held"
    BILLED = "billed"
    WAIVED = "waived"


class BillKind(StrEnum):
    """What a bill row is: the first, the credit that cancels one, or its replacement."""

    BILL = "bill"
    CREDIT = "credit"
    CORRECTION = "correction"


class ReceiptState(StrEnum):
    """Where the mail of a bill stands; `UNKNOWN`: the server may or may not have taken it."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class CommandState(StrEnum):
    """Where a command stands."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    UNSUPPORTED = "unsupported"


#: The moves a command may make; an absent pair is an illegal move.
COMMAND_MOVES: frozenset[tuple[CommandState, CommandState]] = frozenset(
    (before, after)
    for before, afters in {
        CommandState.QUEUED: (CommandState.SENT, CommandState.EXPIRED, CommandState.UNSUPPORTED),
        CommandState.SENT: (
            CommandState.ACCEPTED,
            CommandState.REJECTED,
            CommandState.FAILED,
            CommandState.TIMED_OUT,
            CommandState.EXPIRED,
            CommandState.UNSUPPORTED,
        ),
    }.items()
    for after in afters
)


class Order(StrEnum):
    """What the desk may ask of a station: one name per meaning, for every version."""

    START_CHARGING = "start_charging"
    STOP_CHARGING = "stop_charging"
    RESET = "reset"
    UNLOCK = "unlock"
    SET_AVAILABILITY = "set_availability"
    CHANGE_SETTING = "change_setting"
    READ_SETTINGS = "read_settings"
    CLEAR_CACHE = "clear_cache"
    TRIGGER = "trigger"
    DATA_TRANSFER = "data_transfer"


class Role(StrEnum):
    """What a member of staff may do; each includes the ones after it."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"

    def includes(self, other: "Role") -> bool:
        """Tell whether this role may do all that `other` may."""
        order = list(Role)
        return order.index(self) <= order.index(other)


class MessageOutcome(StrEnum):
    """How an OCPP call ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    STRAY = "stray"


@dataclass(frozen=True, slots=True)
class ConnectorRef:
    """A plug: `evse` as the station numbers it (0: the station itself)."""

    evse: int
    connector: int = 1


@dataclass(frozen=True, slots=True)
class Token:
    """What a driver shows: compared without case, outer blanks or (as a second look) separators."""

    value: str
    kind: str = "id_tag"

    @property
    def key(self) -> str:
        """The form that is compared and indexed (FIELD: CiString, trimmed)."""
        return self.value.strip().casefold()

    @property
    def bare_key(self) -> str:
        """The second look-up: without the separators that some readers insert."""
        return "".join(char for char in self.key if char.isalnum())


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value as reported, in base units where the unit is known.

    `value` is None when the reported text holds no number; `text` keeps it.
    """

    measurand: str
    value: Decimal | None
    unit: str
    phase: str | None = None
    location: str | None = None
    context: str | None = None
    text: str | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class MeterReport:
    """What a station says of its meters at one instant."""

    taken_at: datetime
    samples: tuple[Sample, ...]
    assumed_time: bool = False


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a station says of one of its plugs."""

    connector: ConnectorRef
    availability: Availability
    activity: Activity
    word: str
    at: datetime
    error_code: str | None = None
    vendor_error: str | None = None
    info: str | None = None


@dataclass(frozen=True, slots=True)
class BootReport:
    """Who a station says it is."""

    vendor: str | None
    model: str | None
    serial: str | None = None
    firmware: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial: str | None = None
    raw: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a tap, with its reason code and the facts behind it."""

    verdict: Verdict
    reason: str
    sentence: str
    tag_id: int | None = None
    driver_id: int | None = None
    parent: str | None = None
    expires_at: datetime | None = None
    record_id: int | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether charging may begin or go on."""
        return self.verdict is Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a station answered an order; `answer` is its payload, `sentence` says it in words."""

    state: CommandState
    answer: dict[str, Any] | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a member of staff (`user_id`), the command line or the system."""

    name: str
    user_id: int | None = None
    address: str | None = None


SYSTEM = Actor("system")
