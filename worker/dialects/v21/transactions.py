"""Events of transactions (OCPP 2.1 block E): as in 2.0.1, and more is told of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.domain.charging import remote_starts, sessions
from app.domain.charging.sessions.transaction_events import REMOTE_START
from worker.dialects.context import Context, Payload
from worker.dialects.v201 import transactions as v201
from worker.ocpp.fields import Fields

FACTS = {
    **v201.FACTS,
    "cost_details": "costDetails",
    "preconditioning": "preconditioningStatus",
    "evse_sleep": "evseSleep",
}
#: our limits of a session -> the member, and how its number is spelled (Wh, seconds)
LIMITS: dict[str, tuple[str, Callable[[Any], float]]] = {
    "most_cost": ("maxCost", float),
    "most_kwh": ("maxEnergy", lambda kwh: float(Decimal(kwh) * 1000)),
    "most_minutes": ("maxTime", lambda minutes: int(minutes) * 60),
    "most_percent": ("maxSoC", int),
}
OF_TRANSACTION = {
    **v201.OF_TRANSACTION,
    "limits": "transactionLimit",
    "tariff": "tariffId",
    "operation_mode": "operationMode",
}


def _event(call: Fields, ctx: Context) -> sessions.Told | None:
    """Read one event of a transaction, with what 2.1 tells besides."""
    return v201.told_of(call, ctx, FACTS, OF_TRANSACTION)


def _take_all(db: Any, told: Sequence[sessions.Told | None]) -> list[sessions.Taken | None]:
    """Take events in; one that may follow our order to start is told the limits of that."""
    taken = v201.take_all(db, told)
    ordered = {
        its.session.id: one.report.seq_no
        for one, its in zip(told, taken, strict=True)
        if one is not None and its is not None and _may_follow_an_order(one.report)
    }
    limits = remote_starts.tell_all(db, ordered)
    return [_limited(one, its, limits) for one, its in zip(told, taken, strict=True)]


def _may_follow_an_order(report: sessions.TransactionReport) -> bool:
    """Whether an event may be the one that ties its transaction to our order to start."""
    return report.remote_start_id is not None or report.trigger == REMOTE_START


def _limited(
    told: sessions.Told | None,
    taken: sessions.Taken | None,
    limits: dict[int, dict[str, Any]],
) -> sessions.Taken | None:
    """The limits that are left to be told (E16.FR.02), but those that are tighter there (FR.08)."""
    ours = limits.get(taken.session.id) if taken is not None else None
    if told is None or taken is None or not ours:
        return taken
    theirs = Fields(told.report.payload).child("transactionInfo").child("transactionLimit")
    left = {}
    for name, value in ours.items():
        member, spell = LIMITS[name]
        tighter = theirs.decimal(member)
        if tighter is None or tighter > spell(value):
            left[name] = value
    return replace(taken, limits=left)


def _answer(taken: sessions.Taken | None, ctx: Context) -> Payload:
    """Say what is to be said of an event, the limits of its session among it."""
    told = v201.answer(taken, ctx)
    if taken is not None and taken.limits:
        spelled = ((*LIMITS[name], value) for name, value in taken.limits.items())
        told["transactionLimit"] = {member: spell(value) for member, spell, value in spelled}
    return told


transaction_event = replace(v201.transaction_event, read=_event, together=_take_all, answer=_answer)
