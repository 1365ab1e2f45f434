"""Certificates (OCPP 2.1 block M): the status of a whole chain."""

from typing import Any

from app.domain.charging import reports
from app.domain.ground.vocabulary import Order
from worker.dialects.context import Context, Payload
from worker.dialects.encoding import Arguments, Encoding, without_blanks
from worker.dialects.route import Outside, Route
from worker.dialects.spelling import read_hash_data, root_orders
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


# Certificates and the password (OCPP 2.1): as in 2.0.1, with request ids and one more root.

ROOTS = {**v201.ROOTS, "oem_root": "OEMRootCertificate"}
LISTED = {**v201.LISTED, "oem_root": "OEMRootCertificate"}
OWN = {**v201.OWN, "v2g20": "V2G20Certificate"}


def _read(arguments: Arguments) -> Payload:
    return without_blanks({"certificateType": [LISTED[use] for use in arguments.get("uses") or ()]})


def _signed(arguments: Arguments) -> Payload:
    return without_blanks(
        {
            "certificateChain": arguments["chain"],
            "certificateType": OWN[arguments["use"]],
            "requestId": arguments.get("request_id"),
        }
    )


ROUTES: dict[str, Route] = {
    "Get15118EVCertificate": Route(ev_certificate),
    "GetCertificateChainStatus": Route(chain_status),
}

ORDERS: dict[Order, Encoding] = {
    **root_orders(ROOTS),
    Order.READ_CERTIFICATES: Encoding(
        "GetInstalledCertificateIds",
        _read,
        decode=lambda answer, given: v201.listed(LISTED, answer, given),
    ),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned",
        _signed,
        sentences={"Rejected": "The charger refused the certificate."},
    ),
}
