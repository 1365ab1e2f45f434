"""Alerts, webhooks and reports on schedule as they are sent, and what their lists are asked for."""

from typing import Literal

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import AlertKind, DeliveryState, ReportKind, WebhookEvent
from app.schemas.base import (
    Asked,
    Flag,
    Instant,
    RowId,
    RowIds,
    Schema,
    Text,
    Whole,
    changes,
    left_out,
    needed,
)

#: The longest wait of a rule, in minutes: a month.
LONGEST_WAIT = 31 * 24 * 60
#: Addresses of one rule, and characters of all of them as they are typed.
MOST_ADDRESSES = 20

_MINUTES = Asked(
    N_("For how long (minutes)"),
    N_(
        "How long it must last before anybody is notified. Empty: 10 for an offline station, "
        "1440 for a session without a stop, otherwise 0."
    ),
)
_DAYS = Asked(
    N_("How many days before"),
    N_("Empty: 60 days for a certificate, 14 for an API token."),
)
_QUIET_FROM = Asked(
    N_("Quiet from"),
    N_("Mails wait until the quiet hours are over; the desk and webhooks do not."),
    look={"placeholder": "22:00"},
)
_QUIET_UNTIL = Asked(N_("Quiet until"), "", look={"placeholder": "06:00"})
_ZONE = Asked(
    N_("Time zone of the quiet hours"),
    "",
    look={"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
)
_ESCALATE = Asked(
    N_("Escalate after (minutes)"),
    N_("If nobody has acknowledged it by then. Empty: never."),
)


class NewAlertRule(
    Schema,
    example={
        "name": "Stations that are gone",
        "kind": "station_offline",
        "minutes": 15,
        "mail_to": ["duty@example.com"],
        "quiet_from": "22:00",
        "quiet_until": "06:00",
        "timezone": "Europe/Berlin",
        "escalate_after": 60,
        "escalate_to": ["head@example.com"],
    },
):
    """What is to be watched, and who is told."""

    name: Text = needed(
        "", Asked(N_("Name"), missing=N_("Give the rule a name.")), min_length=1, max_length=120
    )
    kind: AlertKind = needed("What is watched.")
    site_ids: RowIds = left_out(
        "Where; none: wherever no other rule of this kind is at work.",
    )
    minutes: Whole | None = left_out(
        "How long it has to last; null: as is usual for its kind.",
        _MINUTES,
        ge=0,
        le=LONGEST_WAIT,
    )
    days: Whole | None = left_out(
        "How many days before the end of a certificate (null: 60) or of an API token (null: 14).",
        _DAYS,
        ge=1,
        le=365,
    )
    mail_to: list[Text] = left_out("Addresses of mails.", max_length=MOST_ADDRESSES)
    quiet_from: Text | None = left_out(
        "Mails wait from this time of day, like 22:00.", _QUIET_FROM, max_length=5
    )
    quiet_until: Text | None = left_out("Until this time of day.", _QUIET_UNTIL, max_length=5)
    timezone: Text = left_out("Of the quiet hours: IANA name.", _ZONE, max_length=64)
    escalate_after: Whole | None = left_out(
        "Minutes after the first mail; null: never.", _ESCALATE, ge=1, le=LONGEST_WAIT
    )
    escalate_to: list[Text] = left_out("Addresses that are told then.", max_length=MOST_ADDRESSES)


AlertRuleChanges = changes(NewAlertRule, example={"minutes": 30})


class AlertRules(Schema):
    """Which rules are listed."""

    kind: AlertKind = left_out()
    archived: Flag = left_out()


class Alerts(Schema):
    """Which alerts are listed."""

    state: Literal["open", "closed"] = left_out("Without it, both.")
    kind: AlertKind = left_out()
    site_id: RowId = left_out()
    station_id: RowId = left_out()
    acknowledged: Flag = left_out()


class AlertChanges(Schema, example={"note": "The electrician comes at noon.", "assigned_to_id": 1}):
    """What is to be different about an alert."""

    assigned_to_id: RowId | None = left_out("A member of staff who sees to it; null: nobody.")
    snoozed_until: Instant | None = left_out("No mails about it before then; null: as usual.")
    note: Text | None = left_out(max_length=500)


class AlertClosing(Schema, example={"note": "The station was taken down for the winter."}):
    """Why an alert is closed."""

    note: Text | None = left_out(max_length=500)


_URL = Asked(
    N_("Address"),
    N_("An https address that takes POST. It must lead to the public internet."),
    N_("Type the address."),
    {"placeholder": "https://example.com/ampdesk", "inputmode": "url", "autocomplete": "off"},
)


class NewWebhook(
    Schema,
    example={
        "name": "Fleet portal",
        "url": "https://example.com/ampdesk",
        "events": ["session.ended", "bill.issued"],
    },
):
    """An endpoint that is to be told of events."""

    name: Text = needed(
        "", Asked(N_("Name"), missing=N_("Give the webhook a name.")), min_length=1, max_length=120
    )
    url: Text = needed("An https address that takes POST.", _URL, min_length=1, max_length=500)
    events: list[WebhookEvent] = needed("What it is told of.", min_length=1, max_length=50)


WebhookChanges = changes(NewWebhook, example={"events": ["alert.opened", "alert.closed"]})


class Webhooks(Schema):
    """Which webhooks are listed."""

    archived: Flag = left_out()


class Deliveries(Schema):
    """Which deliveries of a webhook are listed."""

    state: DeliveryState = left_out()
    event: Text = left_out("As session.ended.", max_length=40)


class ReportAsked(Schema):
    """Over which days a report is, and what its lines are."""

    from_day: Text = left_out("The first day, like 2026-10-01; 30 days ago.", max_length=10)
    to_day: Text = left_out("The last day; today.", max_length=10)
    by: Text = left_out("A site, station, connector, tariff, driver or error.", max_length=12)
    site_id: RowId = left_out("Only this site.")
    station_id: RowId = left_out("Only this station.")


class EventsAsked(Schema):
    """Of which events a stream is told."""

    kinds: Text = left_out("Only these, as session.started,order.ended.", max_length=400)
    station_id: RowId = left_out("Only what happens at this station.")
    after: Text = left_out("Like Last-Event-ID, for whoever cannot send it.", max_length=200)
    seconds: Whole = left_out(
        "End after so many seconds; 0: when all that has happened is told.", ge=0, le=86_400
    )


#: Addresses of one schedule.
MOST_RECIPIENTS = 20

_REPORT_ZONE = Asked(
    N_("Time zone"),
    N_("It is made at 6 in the morning there, when the week or month is over."),
    look={"list": "zones", "placeholder": "Europe/Berlin", "autocomplete": "off"},
)


class NewReportSchedule(
    Schema,
    example={
        "name": "Energy of the month",
        "kind": "energy",
        "by": "site",
        "every": "month",
        "file_format": "pdf",
        "timezone": "Europe/Berlin",
        "recipients": ["ada@example.org"],
        "confirm_outside": True,
    },
):
    """A report that is to go out by itself."""

    name: Text = needed(
        "What people call it.",
        Asked(N_("Name"), "", missing=N_("Give the schedule a name.")),
        min_length=1,
        max_length=120,
    )
    kind: ReportKind = needed("What it is of.")
    by: Text = left_out(
        "What its lines are: site, station, connector, tariff, driver or error; as is usual.",
        max_length=12,
    )
    site_id: RowId | None = left_out("Only this site; null: all.")
    every: Literal["week", "month"] = left_out("About the last whole one; month.")
    file_format: Literal["pdf", "xlsx", "csv"] = left_out("What is attached; pdf.")
    timezone: Text = left_out("Where a week or month ends: IANA name.", _REPORT_ZONE, max_length=64)
    recipients: list[Text] = needed(
        "Addresses that get it.", min_length=1, max_length=MOST_RECIPIENTS
    )
    confirm_outside: Flag = left_out("Whether addresses that are nobody's on the staff may get it.")


ReportScheduleChanges = changes(
    NewReportSchedule, example={"every": "week", "recipients": ["ada@example.org"]}
)


class ReportSchedules(Schema):
    """Which schedules are listed."""

    kind: ReportKind = left_out("Of this kind.")
    archived: Flag = left_out("True: those that are paused instead.")
