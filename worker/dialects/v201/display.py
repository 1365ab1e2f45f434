"""The texts on a station's display (OCPP 2.0.1 block O)."""

from app.domain.device import display
from app.domain.device.display import Shown
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields

PRIORITIES = {
    "normal_cycle": "NormalCycle",
    "in_front": "InFront",
    "always_front": "AlwaysFront",
}
_READ = {word: ours for ours, word in PRIORITIES.items()}


def display_messages(call: Fields, ctx: Context) -> Payload:
    """Take in one part of what the station shows (O03, O04)."""
    display.report_part(
        ctx.db,
        ctx.station,
        [_shown(item) for item in call.list("messageInfo")],
        request_id=call.integer("requestId", 0),
        last=not call.boolean("tbc", False),
        now=ctx.now,
    )
    return {}


def _shown(item: Fields) -> Shown:
    message, when = item.child("message"), item.text("state")
    return Shown(
        number=item.integer("id", 0),
        text=message.text("content", ""),
        priority=_READ.get(item.text("priority", ""), "normal_cycle"),
        when=when.lower() if when else None,
        starts_at=item.instant("startDateTime"),
        ends_at=item.instant("endDateTime"),
        transaction_ref=item.text("transactionId"),
        language=message.text("language"),
        format=message.text("format", "UTF8").lower(),
    )
