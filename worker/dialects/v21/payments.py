"""Payments at the station (OCPP 2.1 block C, direct payment)."""

from worker.dialects.context import Context, Payload
from worker.dialects.kept import keep, kept
from worker.ocpp.fields import Fields

settlement = kept("settlement", "status")


def vat_number(call: Fields, ctx: Context) -> Payload:
    """Keep a request to check a VAT number; nobody here can check one, and that is the answer."""
    keep(call, ctx, "vat_number", "vatNumber")
    answer: Payload = {"status": "Rejected", "vatNumber": call.text("vatNumber", "")}
    if call.raw("evseId") is not None:
        answer["evseId"] = call.integer("evseId", 0)
    return answer
