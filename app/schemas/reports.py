"""Reports on schedule as they are sent: what, about which period, to whom."""

from typing import Literal

from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import ReportKind
from app.schemas.base import Asked, Flag, RowId, Schema, Text, changes, left_out, needed

#: Addresses of one schedule.
MOST_RECIPIENTS = 20

_ZONE = Asked(
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
    timezone: Text = left_out("Where a week or month ends: IANA name.", _ZONE, max_length=64)
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
