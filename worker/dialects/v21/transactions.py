"""Transactions, payments at the station, battery swaps (OCPP 2.1 blocks E, C and S)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from app.domain.charging import remote_starts, reports, sessions
from app.domain.charging.sessions.transaction_events import REMOTE_START
from app.domain.ground.vocabulary import Arguments, Json, Order, Token
from app.domain.money import settlements
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Outside, Route
from worker.dialects.shared import filled, keep, read_moment, read_rate
from worker.dialects.v21 import access
from worker.dialects.v21.profiles import WORDS
from worker.dialects.v201 import transactions as v201
from worker.dialects.v201.access import id_token, read_token
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
    told: sessions.Told | None, taken: sessions.Taken | None, limits: dict[int, Json]
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


# Payments at the station (OCPP 2.1 block C, direct payment).

_STATES = {
    "Settled": "settled",
    "Canceled": "cancelled",
    "Rejected": "rejected",
    "Failed": "failed",
}


def _settlement(call: Fields, ctx: Context) -> Payload:
    """Pass on what a payment provider settled (C20 to C22); tell the receipt, if it is ours."""
    at, _ = ctx.instant(call, "settlementTime")
    told = settlements.Reported(
        psp_reference=call.text("pspRef", ""),
        state=_STATES.get(call.text("status", ""), "failed"),
        amount=call.decimal("settlementAmount", Decimal(0)),
        settled_at=at,
        transaction_ref=call.text("transactionId"),
        info=call.text("statusInfo"),
        receipt_number=call.text("receiptId"),
        receipt_url=call.text("receiptUrl"),
        company=dict(call.child("vatCompany").payload) or None,
        vat_number=call.text("vatNumber"),
    )
    row = settlements.take_in(ctx.db, ctx.station, told, now=ctx.now)
    ctx.session_id = row.session_id
    if row.receipt_key is None or told.state != settlements.SETTLED:
        return {}
    return {"receiptUrl": f"{ctx.found}/r/{row.receipt_key}", "receiptId": f"S-{row.id}"}


settlement = Outside(lambda call, ctx, services: services.receipts_base, _settlement)


def _look_up(call: Fields, ctx: Context, services: Any) -> Any:
    """Ask the register about a VAT number that has the form of one; None: it has not."""
    del ctx
    read = settlements.read_vat_number(call.text("vatNumber", ""))
    return services.vat_record(read.prefix, read.number) if read is not None else None


def _vat_number(call: Fields, ctx: Context) -> Payload:
    """Say whether a VAT number is one; where no register answers, its form decides (C18.FR.09)."""
    keep(call, ctx, "vat_number", "vatNumber")
    record = ctx.found
    answer = _said(call, record is not None and record.known is not False)
    if answer["status"] == "Accepted" and record.company:
        answer["company"] = record.company
    return answer


def _vat_number_away(call: Fields, _ctx: Context) -> Payload:
    """Without a database as without a register: its form decides."""
    return _said(call, settlements.read_vat_number(call.text("vatNumber", "")) is not None)


def _said(call: Fields, accepted: bool) -> Payload:
    answer: Payload = {
        "status": "Accepted" if accepted else "Rejected",
        "vatNumber": call.text("vatNumber", ""),
    }
    if call.raw("evseId") is not None:
        answer["evseId"] = call.integer("evseId", 0)
    return answer


vat_number = Outside(_look_up, _vat_number)


# Battery swaps (OCPP 2.1 block S).

_STEPS = {"BatteryIn": "in", "BatteryOut": "out", "BatteryOutTimeout": "out_timed_out"}


def battery_swap(call: Fields, ctx: Context) -> Payload:
    """Pass on one step of a swap: who, and which batteries."""
    reports.take_swap(
        *(ctx.db, ctx.station),
        request_number=call.integer("requestId", 0),
        step=_STEPS.get(call.text("eventType", ""), "in"),
        token=read_token(call.child("idToken")) or Token(""),
        batteries=[_battery(item) for item in call.list("batteryData")],
        now=ctx.now,
    )
    return {}


def _battery(item: Fields) -> Json:
    return filled(
        {
            "slot": item.integer("evseId"),
            "serial": item.text("serialNumber"),
            "charge_percent": read_rate(item, "soC"),
            "health_percent": read_rate(item, "soH"),
            "made_at": read_moment(item, "productionDate"),
            "vendor_info": item.text("vendorInfo"),
        }
    )


def _swap(arguments: Arguments) -> Payload:
    kind = str(arguments.get("token_kind") or "id_tag")
    token = id_token(str(arguments["token"]), kind, access.KINDS, access.LONGEST)
    return {"requestId": arguments["number"], "idToken": token}


ROUTES: dict[str, Route] = {
    "BatterySwap": Route(battery_swap, spooled=True),
    "NotifySettlement": Route(settlement, spooled=True),
    "TransactionEvent": replace(v201.ROUTES["TransactionEvent"], handler=transaction_event),
    "VatNumberValidation": Route(vat_number, without_storage=_vat_number_away, spooled=True),
}

ORDERS: dict[Order, Encoding] = {
    Order.START_CHARGING: v201.start_as(access.KINDS, access.LONGEST, WORDS),
    Order.REQUEST_BATTERY_SWAP: Encoding("RequestBatterySwap", _swap),
}
