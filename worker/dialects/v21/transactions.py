"""Events of transactions (OCPP 2.1 block E): as in 2.0.1, and more is told of them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.domain import session_limits
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


def transaction_event(call: Fields, ctx: Context) -> Payload:
    """Pass on one event of a transaction, with what 2.1 tells besides."""
    told = v201.answer(call, ctx, FACTS, OF_TRANSACTION)
    if ctx.session_id is not None and _may_follow_an_order(call):
        number = call.integer("seqNo")
        told |= _limit(session_limits.to_tell(ctx.db, ctx.session_id, number), call)
    return told


def _may_follow_an_order(call: Fields) -> bool:
    """Whether an event may be the one that ties its transaction to our order to start."""
    named = call.child("transactionInfo").integer("remoteStartId") is not None
    return named or call.text("triggerReason") == "RemoteStart"


def _limit(limits: dict[str, Any], call: Fields) -> Payload:
    """The limits of a session on the wire (E16.FR.02), but those that are tighter there (FR.08)."""
    theirs = call.child("transactionInfo").child("transactionLimit")
    found: Payload = {}
    for name, (member, spell) in LIMITS.items():
        tighter = theirs.decimal(member)
        if name in limits and (tighter is None or tighter > spell(limits[name])):
            found[member] = spell(limits[name])
    return {"transactionLimit": found} if found else {}
