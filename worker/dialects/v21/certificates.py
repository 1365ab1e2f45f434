"""Certificates (OCPP 2.1 block M): the status of a whole chain."""

from typing import Any

from app.domain.charging import reports
from worker.dialects.certificate_words import read_hash_data
from worker.dialects.context import Context, Outside, Payload
from worker.dialects.v201 import certificates as v201
from worker.ocpp.fields import Fields, format_instant


def _ask(call: Fields, ctx: Context, services: Any) -> Any:
    return [
        services.certificate_status(read_hash_data(one.raw("certificateHashData")))
        for one in list(call.list("certificateStatusRequests"))[:4]
    ]


def _tell(call: Fields, ctx: Context) -> Payload:
    """Say of each certificate of a chain whether it is good (M06 of 2.1)."""
    words = ", ".join(status.word for status in ctx.found)
    reports.add(
        ctx.db, ctx.station, "certificate_status", words, dict(call.payload),
        at=ctx.now, now=ctx.now,
    )  # fmt: skip
    asked = list(call.list("certificateStatusRequests"))
    return {
        "certificateStatus": [
            {
                "certificateHashData": one.raw("certificateHashData"),
                # A list of revoked certificates is never fetched: its address is the station's.
                "source": "OCSP",
                "status": status.word.capitalize(),
                "nextUpdate": format_instant(status.next_update or ctx.now),
            }
            for one, status in zip(asked, ctx.found, strict=False)
        ]
    }


def _tell_car(call: Fields, ctx: Context) -> Payload:
    """As in 2.0.1, and how many contracts are left for the car."""
    answer = v201.tell_car(call, ctx)
    if ctx.found.exi and ctx.found.remaining is not None:
        answer["remainingContracts"] = ctx.found.remaining
    return answer


chain_status = Outside(_ask, _tell)
ev_certificate = Outside(v201.ask_pool, _tell_car)
