"""Handlers for messages that are kept as they came, shown, and answered: no operation follows."""

from collections.abc import Callable
from typing import Any

from app.domain.charging import reports
from worker.dialects.context import Context, Payload
from worker.ocpp.fields import Fields


def kept(
    kind: str, word: str = "", answer: Payload | None = None
) -> Callable[[Fields, Context], Payload]:
    """Make a handler that keeps a message as a report, headed by the member `word`."""

    def handle(call: Fields, ctx: Context) -> Payload:
        keep(call, ctx, kind, word)
        return dict(answer or {})

    handle.__doc__ = f"Keep a report of the kind {kind}."
    return handle


def keep(call: Fields, ctx: Context, kind: str, word: str = "") -> None:
    """Keep a message as a report of a kind; `word` names the member that heads it."""
    at, _ = ctx.instant(call, "timestamp")
    payload: dict[str, Any] = dict(call.payload)
    headline = call.raw(word) if word else ""
    reports.add(ctx.db, ctx.station, kind, str(headline or ""), payload, at=at, now=ctx.now)
