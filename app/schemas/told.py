"""What webhooks are told: the `data` of each kind of event, member by member."""

from typing import Any

from pydantic import Field

from app.domain.ground.vocabulary import (
    PROGRESS,
    Activity,
    AlertKind,
    Availability,
    BillKind,
    CommandState,
    StopReason,
    WebhookEvent,
)
from app.schemas.answers import Answer, read
from app.schemas.base import Instant, Number


def _member(doc: str, default: Any = ...) -> Any:
    return Field(default, description=doc)


class SessionTold(Answer):
    """A charging session."""

    id: int = _member("Its number, as in /api/v1/sessions.")
    station_id: int
    station: str = _member("The station's identity.")
    site_id: int
    evse: int
    connector: int
    transaction_ref: str | None = _member("Its id at the station.")
    tag_id: int | None
    driver_id: int | None
    started_at: Instant
    ended_at: Instant | None
    energy_wh: Number = _member("What was measured so far, in watt-hours.")
    stop_reason: StopReason | None
    provisional: bool = _member(
        "The end is assumed: if the station's own comes later, the event comes again without."
    )


class ProgressTold(Answer):
    """How far a running session is."""

    session_id: int = _member("Its number, as in /api/v1/sessions.")
    station_id: int
    station: str = _member("The station's identity.")
    site_id: int
    evse: int
    connector: int
    transaction_ref: str | None = _member("Its id at the station.")
    started_at: Instant
    energy_wh: Number = _member("What was measured so far, in watt-hours.")
    power_w: Number | None = _member("What it draws, in watts.")
    soc_percent: Number | None = _member("How full the battery is.")
    taken_at: Instant = _member("When the meter was read.")


class BillTold(Answer):
    """A bill, a credit note or a correction."""

    id: int
    number: str
    kind: BillKind
    session_id: int
    site_id: int
    corrects_id: int | None = _member("The bill that it takes back or replaces.")
    currency: str
    energy_wh: Number
    net_minor: int = _member("In minor units, as cents.")
    tax_minor: int
    gross_minor: int
    issued_at: Instant


def _code(reason: Any) -> str:
    return str(reason.get("code", "")) if isinstance(reason, dict) else str(reason)


_REASONS = read(
    list[str],
    lambda row: [_code(reason) for reason in row["reasons"]],
    "Codes of what cannot be trusted.",
)


class HeldTold(Answer):
    """A session whose bill waits for a person's decision."""

    session_id: int
    site_id: int
    reasons: _REASONS  # type: ignore[valid-type]
    opened_at: Instant


class StationTold(Answer):
    """A station that came or went."""

    id: int
    identity: str
    name: str
    site_id: int
    protocol: str | None
    at: Instant = _member("When it connected, or was last connected.")


class ConnectorTold(Answer):
    """A change of a connector's status."""

    station_id: int
    station: str = _member("The station's identity.")
    site_id: int
    evse: int = _member("0 is the station itself.")
    connector: int
    availability: Availability
    activity: Activity
    status_word: str = _member("As the station spelled it.")
    error_code: str | None
    at: Instant


class OrderTold(Answer):
    """An order to a station that has ended."""

    id: int
    order: str
    station_id: int
    station: str = _member("The station's identity.")
    site_id: int
    state: CommandState
    sentence: str | None = _member("What came of it, in words.")
    requested_by: str
    requested_at: Instant
    settled_at: Instant


class AlertTold(Answer):
    """An alert that was opened, or is over."""

    id: int
    kind: AlertKind
    subject: str = _member("What it is about, within its kind.")
    what: str = _member("The same in words.")
    site_id: int | None
    station_id: int | None
    began_at: Instant
    opened_at: Instant
    closed_at: Instant | None


class PingTold(Answer):
    """A test that somebody asked for."""

    webhook: str = _member("The webhook's name.")


#: What the `data` of each kind of event looks like.
TOLD: dict[WebhookEvent, type[Answer]] = {
    WebhookEvent.SESSION_STARTED: SessionTold,
    WebhookEvent.SESSION_ENDED: SessionTold,
    WebhookEvent.BILL_ISSUED: BillTold,
    WebhookEvent.BILL_CORRECTED: BillTold,
    WebhookEvent.BILL_HELD: HeldTold,
    WebhookEvent.STATION_ONLINE: StationTold,
    WebhookEvent.STATION_OFFLINE: StationTold,
    WebhookEvent.CONNECTOR_STATUS: ConnectorTold,
    WebhookEvent.ORDER_ENDED: OrderTold,
    WebhookEvent.ALERT_OPENED: AlertTold,
    WebhookEvent.ALERT_CLOSED: AlertTold,
}

#: What the `data` of each kind of event looks like that streams are told of.
HEARD: dict[str, type[Answer]] = {kind.value: told for kind, told in TOLD.items()}
HEARD[PROGRESS] = ProgressTold
