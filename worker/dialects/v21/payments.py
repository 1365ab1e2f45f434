"""Payments at the station (OCPP 2.1 block C, direct payment)."""

from decimal import Decimal

from app.domain import settlements
from worker.dialects.context import Context, Payload
from worker.dialects.kept import keep
from worker.ocpp.fields import Fields

_STATES = {
    "Settled": "settled",
    "Canceled": "cancelled",
    "Rejected": "rejected",
    "Failed": "failed",
}


def settlement(call: Fields, ctx: Context) -> Payload:
    """Pass on what a payment provider settled (C20 to C22)."""
    at, _ = ctx.instant(call, "settlementTime")
    told = settlements.Told(
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
    ctx.session_id = settlements.take_in(ctx.db, ctx.station, told, now=ctx.now).session_id
    return {}


def vat_number(call: Fields, ctx: Context) -> Payload:
    """Keep a request to check a VAT number; nobody here can check one, and that is the answer."""
    keep(call, ctx, "vat_number", "vatNumber")
    answer: Payload = {"status": "Rejected", "vatNumber": call.text("vatNumber", "")}
    if call.raw("evseId") is not None:
        answer["evseId"] = call.integer("evseId", 0)
    return answer
