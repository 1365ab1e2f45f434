"""One action on many rows, as it is sent: which rows, and what is to be done to them."""

from typing import Literal

from app.schemas.access import Drivers, Tags
from app.schemas.base import Instant, RowId, RowIds, Schema, Text, left_out, needed
from app.schemas.charging import Sessions
from app.schemas.money import Bills, Reviews
from app.schemas.network import Stations
from app.schemas.office import Alerts

_ACTION = "What is done to each of them."
_FILTER = "Instead of `ids`: all rows that the list finds by this; {} is the whole list."
_NOTE = "Why; the audit keeps it."


class Bulk(Schema):
    """Which rows are meant."""

    ids: RowIds = left_out("Numbers of the rows; those out of reach are told as refused.")


class StationsBulk(Bulk, example={"action": "archive", "filter": {"site_id": 1}}):
    """What is done to many stations."""

    action: Literal["archive"] = needed(_ACTION)
    filter: Stations = left_out(_FILTER)


class TagsBulk(Bulk, example={"action": "block", "ids": [1, 2]}):
    """What is done to many tags."""

    action: Literal["block", "unblock", "archive", "restore", "group"] = needed(_ACTION)
    filter: Tags = left_out(_FILTER)
    group_id: RowId | None = left_out("For `group`: the group; null takes them out of theirs.")


class DriversBulk(Bulk, example={"action": "restore", "filter": {"archived": True}}):
    """What is done to many drivers."""

    action: Literal["archive", "restore"] = needed(_ACTION)
    filter: Drivers = left_out(_FILTER)


class SessionsBulk(Bulk, example={"action": "recount", "ids": [1, 2], "note": "Register mended."}):
    """What is done to many sessions: those that wait for their stop billed, or bills recounted."""

    action: Literal["bill", "recount"] = needed(_ACTION)
    filter: Sessions = left_out(_FILTER)
    note: Text = needed(_NOTE, min_length=1, max_length=300)


class BillsBulk(Bulk, example={"action": "resend", "ids": [1, 2]}):
    """What is done to many bills: their receipts are sent again."""

    action: Literal["resend"] = needed(_ACTION)
    filter: Bills = left_out(_FILTER)


class ReviewsBulk(Bulk, example={"action": "approve", "ids": [1], "note": "Our technician."}):
    """What is done to many held sessions."""

    action: Literal["approve"] = needed(_ACTION)
    filter: Reviews = left_out(_FILTER)
    note: Text = needed(_NOTE, min_length=1, max_length=300)


class AlertsBulk(Bulk, example={"action": "acknowledge", "filter": {"state": "open"}}):
    """What is done to many alerts."""

    action: Literal["acknowledge", "close", "snooze"] = needed(_ACTION)
    filter: Alerts = left_out(_FILTER)
    until: Instant | None = left_out("For `snooze`: no mails before then.")


class OrdersBulk(Bulk, example={"action": "repeat", "ids": [1, 2]}):
    """What is done to many orders: the same is asked of the same stations again."""

    action: Literal["repeat"] = needed(_ACTION)
