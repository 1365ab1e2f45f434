"""Facts that have become true; recorded inside a unit of work, acted on after its commit.

Each carries ids only, because whoever hears of it reads the row: the row is
the truth, the event is a nudge.  Only the end of an order is told whole, because
programs wait for it.  `record` keeps them on the open session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, dataclass_transform

_KEY = "events"


@dataclass_transform(frozen_default=True)
@dataclass(frozen=True)
class Event:
    """The base of all facts."""

    tenant_id: int

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True)(cls)


class StationChanged(Event):
    """State, connection, connectors or messages of a station changed."""

    station_id: int


class AccessChanged(Event):
    """Who may connect as a station was decided anew: an open connection has to prove itself."""

    station_id: int


class SessionChanged(Event):
    """A charging session began or has new readings."""

    session_id: int
    station_id: int


class SessionEnded(Event):
    """A charging session has ended (provisionally or not) and wants to be billed."""

    session_id: int
    station_id: int


class BillIssued(Event):
    """A bill, a credit or a correction exists and wants a receipt."""

    bill_id: int
    session_id: int


class BillHeld(Event):
    """A session waits in the review inbox."""

    session_id: int


class ReceiptChanged(Event):
    """A receipt was sent, skipped or failed."""

    bill_id: int
    session_id: int


class ReceiptWanted(Event):
    """Someone asked that a receipt be sent (again)."""

    receipt_id: int
    session_id: int


class CommandQueued(Event):
    """A command waits for the worker that holds its station."""

    command_id: int
    station_id: int


class CommandChanged(Event):
    """A command moved to another state."""

    command_id: int
    station_id: int


class CommandEnded(CommandChanged):
    """A command was settled; `told` is its row as it stands then, by column."""

    told: Mapping[str, Any] = field(compare=False)


class BroadcastChanged(Event):
    """A broadcast sent something, or ended."""

    broadcast_id: int


class BroadcastWaits(BroadcastChanged):
    """A broadcast has begun, or stations of it are done: it may go on."""


class HandshakeSeen(Event):
    """Somebody knocked at the OCPP port (accepted or refused)."""

    station_id: int | None


class MailWanted(Event):
    """A mail other than a receipt is to be sent (password reset, invitation)."""

    mail_id: int


class CertificateRequested(Event):
    """A station asked for a signature."""

    certificate_id: int


class ReservationChanged(Event):
    """A reservation was asked for, answered, used or ended."""

    reservation_id: int
    station_id: int


class AlertsChanged(Event):
    """Alerts were opened, closed, or seen to."""


class JobWanted(Event):
    """An import or an export waits to be done."""

    job_id: int


class ReportWanted(JobWanted):
    """The job that waits to be done makes a report."""


class JobsChanged(Event):
    """An import or an export got on, or has ended."""

    job_id: int


class WebhooksChanged(Event):
    """Something waits for webhooks, or was delivered."""


class DeliveryWanted(WebhooksChanged):
    """Someone asked that something be delivered to a webhook at once."""


class Decided(Event):
    """Somebody decided something: what needed attention may be solved."""


def record(db: Any, event: Event) -> None:
    """Keep a fact with the open session until its unit of work has committed."""
    db.info.setdefault(_KEY, []).append(event)


def station_changed(db: Any, station: Any) -> None:
    """Write what is pending of a station (its row of either kind), and keep that it changed."""
    db.flush()
    record(db, StationChanged(station.tenant_id, station.id))


def take(db: Any) -> list[Event]:
    """Return the facts recorded so far, each once, and forget them."""
    return list(dict.fromkeys(db.info.pop(_KEY, [])))
