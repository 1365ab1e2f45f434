"""The message log of the desk: every OCPP frame, a call and its answer in one row."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, g

from app import message_words
from app.presentation import FIXED, number

blueprint = Blueprint("messages", __name__, url_prefix="/messages")
blueprint.add_app_template_filter(message_words.in_words, "in_words")
blueprint.add_app_template_filter(message_words.pretty, "pretty_json")


@blueprint.app_template_filter()
def milliseconds(latency_ms: float) -> str:
    """A latency: `3 ms`, `2.1 s`."""
    if latency_ms < 1000:
        return f"{number(latency_ms)}{FIXED}ms"
    return f"{number(latency_ms / 1000, 1)}{FIXED}s"


@blueprint.app_template_filter()
def stamp(moment: datetime) -> str:
    """A frame's time to the millisecond on the reader's clock; with its day unless it is today."""
    zone = ZoneInfo(g.get("zone", "UTC"))
    here = moment.astimezone(zone)
    clock = f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"
    today = g.get("now", datetime.now(UTC)).astimezone(zone).date()
    return clock if here.date() == today else f"{here:%-d %b} {clock}"
