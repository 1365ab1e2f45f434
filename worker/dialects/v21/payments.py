"""Payments at the station (OCPP 2.1 block C, direct payment)."""

from decimal import Decimal
from typing import Any

from app.domain.money import settlements
from worker.dialects.context import Context, Outside, Payload
from worker.dialects.kept import keep
from worker.ocpp.fields import Fields

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
    accepted = record is not None and record.known is not False
    answer: Payload = {
        "status": "Accepted" if accepted else "Rejected",
        "vatNumber": call.text("vatNumber", ""),
    }
    if call.raw("evseId") is not None:
        answer["evseId"] = call.integer("evseId", 0)
    if accepted and record.company:
        answer["company"] = record.company
    return answer


vat_number = Outside(_look_up, _vat_number)
