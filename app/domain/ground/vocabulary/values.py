"""What is told and decided: small values that travel between the layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from app.domain.ground.vocabulary.words import Activity, Area, Availability, Right, Verdict

#: An object of JSON: a document, a payload, what is kept in a column of JSON.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConnectorRef:
    """A plug: `evse` as the station numbers it (0: the station itself)."""

    evse: int
    connector: int = 1


#: What a token may be, in our words; "id_tag" is one whose kind nobody said.
TOKEN_KINDS = (
    *("id_tag", "central", "direct_payment", "emaid", "evccid", "iso14443", "iso15693"),
    *("key_code", "local", "mac_address", "nema", "no_authorization", "vin"),
)
_SPELLINGS = {kind.replace("_", ""): kind for kind in TOKEN_KINDS}


def token_kind(word: str) -> str:
    """The kind of a token, also from OCPP's spelling of it; an unknown one stays as it is."""
    told = word.strip().casefold()
    return _SPELLINGS.get(told.replace("_", ""), told[:40])


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


class Sample(NamedTuple):  # made for every value of every meter: frozen dataclasses cost more
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


class MeterReport(NamedTuple):
    """What a station says of its meters at one instant; `claimed_at` by a clock that is off."""

    taken_at: datetime
    samples: tuple[Sample, ...]
    assumed_time: bool = False
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What a station says of one of its plugs; `activity` None: it did not say what goes on."""

    connector: ConnectorRef
    availability: Availability
    activity: Activity | None
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
    raw: Json | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a tap, with its reason code and the facts behind it.

    `language` is the driver's, where it is known.
    """

    verdict: Verdict
    reason: str
    sentence: str
    tag_id: int | None = None
    driver_id: int | None = None
    parent: str | None = None
    expires_at: datetime | None = None
    language: str | None = None

    @property
    def accepted(self) -> bool:
        """Tell whether charging may begin or go on."""
        return self.verdict is Verdict.ACCEPTED


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a member of staff (`user_id`), the command line or the system.

    `token_id` says through which token; `rights` what they may give to others (None: anything).
    """

    name: str
    user_id: int | None = None
    address: str | None = None
    token_id: int | None = field(default=None, compare=False)
    rights: Mapping[Area, Right] | None = field(default=None, compare=False)


SYSTEM = Actor("system")


class AlertKind(StrEnum):
    """What a rule watches."""

    STATION_OFFLINE = "station_offline"
    CONNECTOR_FAULTED = "connector_faulted"
    SESSION_ENDLESS = "session_endless"
    BILL_HELD = "bill_held"
    MAIL_FAILED = "mail_failed"
    TASK_FAILED = "task_failed"
    CERTIFICATE_EXPIRING = "certificate_expiring"
    SECURITY_EVENT = "security_event"
    UNKNOWN_CHARGER = "unknown_charger"
    SUPPLY_EXCEEDED = "supply_exceeded"
    NO_WORKER = "no_worker"
    WEBHOOK_GIVEN_UP = "webhook_given_up"
    TOKEN_EXPIRING = "token_expiring"


#: Kinds that wait, and for how many minutes unless a rule says otherwise.
WAITS: dict[AlertKind, int] = {
    AlertKind.STATION_OFFLINE: 10,
    AlertKind.CONNECTOR_FAULTED: 0,
    AlertKind.SESSION_ENDLESS: 24 * 60,
    AlertKind.BILL_HELD: 0,
}
#: Kinds of what ends on a day that is known, and how many days before unless a rule says otherwise.
AHEAD: dict[AlertKind, int] = {AlertKind.CERTIFICATE_EXPIRING: 60, AlertKind.TOKEN_EXPIRING: 14}
#: Kinds that are about the installation, and so about no site.
OF_NO_SITE = frozenset(
    {
        *(AlertKind.MAIL_FAILED, AlertKind.TASK_FAILED, AlertKind.NO_WORKER),
        *(AlertKind.UNKNOWN_CHARGER, AlertKind.WEBHOOK_GIVEN_UP, AlertKind.TOKEN_EXPIRING),
    }
)


class WebhookEvent(StrEnum):
    """What a webhook may be told of."""

    SESSION_STARTED = "session.started"
    SESSION_ENDED = "session.ended"
    BILL_ISSUED = "bill.issued"
    BILL_CORRECTED = "bill.corrected"
    BILL_HELD = "bill.held"
    STATION_ONLINE = "station.online"
    STATION_OFFLINE = "station.offline"
    CONNECTOR_STATUS = "connector.status"
    ORDER_ENDED = "order.ended"
    ALERT_OPENED = "alert.opened"
    ALERT_CLOSED = "alert.closed"


#: What a test of a webhook is called; nobody asks for it.
PING = "webhook.test"
#: What only streams of events are told of: how running sessions come on.
PROGRESS = "session.progress"


class DeliveryState(StrEnum):
    """Where a delivery to a webhook stands."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
