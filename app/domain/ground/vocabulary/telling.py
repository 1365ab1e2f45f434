"""What alerts are about, and what webhooks tell of."""

from enum import StrEnum


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
