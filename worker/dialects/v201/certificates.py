"""Certificates and security events (OCPP 2.0.1 blocks A02 to A04, M01, M02 and M06)."""

from typing import Any

from app.domain.charging import reports
from app.domain.ground.vocabulary import Arguments, CommandState, Order, Outcome
from app.domain.trust import certificates
from worker.dialects import files
from worker.dialects.context import Context, Payload
from worker.dialects.records import Encoding, Outside, Route, status, without_blanks
from worker.dialects.shared import read_hash_data, root_orders
from worker.ocpp.fields import Fields

#: What a requested certificate is for; without a word it is the station's own (A02).
USES = {
    "ChargingStationCertificate": "station",
    "V2GCertificate": "v2g",
    "V2G20Certificate": "v2g20",
}


def sign_certificate(call: Fields, ctx: Context) -> Payload:
    """Take in a signing request; the signed certificate follows by CertificateSigned (A02)."""
    use = USES.get(call.text("certificateType", "ChargingStationCertificate"), "station")
    row = certificates.request_signature(
        ctx.db, ctx.station, call.text("csr", ""), use, call.integer("requestId"), now=ctx.now
    )
    if row.state != "rejected":
        return {"status": "Accepted"}
    info = {"reasonCode": "InvalidCSR", "additionalInfo": (row.sentence or "")[:512]}
    return {"status": "Rejected", "statusInfo": info}


def _ask_status(call: Fields, ctx: Context, services: Any) -> Any:
    return services.certificate_status(read_hash_data(call.raw("ocspRequestData")))


def _tell_status(call: Fields, ctx: Context) -> Payload:
    """Pass the responder's answer on as it is; the station checks its signature (M06)."""
    reports.add(
        ctx.db, ctx.station, "certificate_status", ctx.found.word, dict(call.payload),
        at=ctx.now, now=ctx.now,
    )  # fmt: skip
    if ctx.found.response and len(ctx.found.response) <= 5500:
        return {"status": "Accepted", "ocspResult": ctx.found.response}
    return {"status": "Failed", **status_info(ctx.found.why)}


def ask_pool(call: Fields, ctx: Context, services: Any) -> Any:
    return services.ev_certificate(
        call.text("iso15118SchemaVersion", ""),
        call.text("action", "Install"),
        call.text("exiRequest", ""),
    )


def tell_car(call: Fields, ctx: Context) -> Payload:
    """Pass the pool's EXI on to the car, unopened (M01, M02)."""
    word = f"{call.text('action', '')} {'done' if ctx.found.exi else 'failed'}"
    told = {key: value for key, value in call.payload.items() if key != "exiRequest"}
    reports.add(ctx.db, ctx.station, "ev_certificate", word, told, at=ctx.now, now=ctx.now)
    if not ctx.found.exi:
        return {"status": "Failed", "exiResponse": "", **status_info(ctx.found.why)}
    return {"status": "Accepted", "exiResponse": ctx.found.exi}


def status_info(why: str) -> Payload:
    """A `statusInfo` with a reason, or nothing."""
    return {"statusInfo": {"reasonCode": "Unavailable", "additionalInfo": why}} if why else {}


AWAY = "The database is away; try again later."


def status_away(_call: Fields, _ctx: Context) -> Payload:
    """A status that cannot be noted is not asked for: the car is asked again (M06)."""
    return {"status": "Failed", **status_info(AWAY)}


def contract_away(_call: Fields, _ctx: Context) -> Payload:
    """A contract that cannot be noted is not asked for: the car hears so (M01, M02)."""
    return {"status": "Failed", "exiResponse": "", **status_info(AWAY)}


certificate_status = Outside(_ask_status, _tell_status)
ev_certificate = Outside(ask_pool, tell_car)


# Certificates and the password (OCPP 2.0.1 blocks A01, A02 and M03 to M05).

#: What a root is for.
ROOTS = {
    "csms_root": "CSMSRootCertificate",
    "manufacturer_root": "ManufacturerRootCertificate",
    "v2g_root": "V2GRootCertificate",
    "mo_root": "MORootCertificate",
}
LISTED = {**ROOTS, "v2g_chain": "V2GCertificateChain"}
#: What a certificate that the station asked for is for.
OWN = {"station": "ChargingStationCertificate", "v2g": "V2GCertificate"}


def listed(words: dict[str, str], answer: Payload, arguments: Arguments) -> Outcome:
    """Read the certificates that a station lists; `words` are the version's kinds."""
    uses = {word: use for use, word in words.items()}
    found = [
        {
            "use": uses.get(str(one.get("certificateType")), "other"),
            **read_hash_data(one.get("certificateHashData")),
            "children": [
                read_hash_data(child) for child in one.get("childCertificateHashData", ())
            ],
        }
        for one in answer.get("certificateHashDataChain") or ()
    ]
    facts = {"certificates": found, "uses": arguments.get("uses") or list(words)}
    sentence = f"{len(found)} certificates listed." if found else "The charger has none of these."
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts, str(answer.get("status", "")))


def of_roots(roots: dict[str, str], words: dict[str, str]) -> dict[Order, Encoding]:
    """The orders that install, delete and list; `words` are the version's for what is listed."""
    return {
        **root_orders(roots),
        Order.READ_CERTIFICATES: Encoding(
            "GetInstalledCertificateIds",
            lambda given: without_blanks(
                {"certificateType": [words[use] for use in given.get("uses") or ()]}
            ),
            decode=lambda answer, given: listed(words, answer, given),
        ),
    }


def _password(arguments: Arguments) -> Payload:
    return {
        "setVariableData": [
            {
                "attributeValue": arguments["password"],
                "component": {"name": "SecurityCtrlr"},
                "variable": {"name": "BasicAuthPassword"},
            }
        ]
    }


def _taken(answer: Payload, arguments: Arguments) -> Outcome:
    status = str(answer["setVariableResult"][0]["attributeStatus"])
    taken = status in ("Accepted", "RebootRequired")
    sentence = (
        "The charger took the new password; it comes back with it."
        if taken
        else f"The charger answered {status}: the password stays as it was."
    )
    state = CommandState.ACCEPTED if taken else CommandState.REJECTED
    return Outcome(state, answer, sentence, {}, status)


ROUTES: dict[str, Route] = {
    "Get15118EVCertificate": Route(ev_certificate, without_storage=contract_away),
    "GetCertificateStatus": Route(certificate_status, without_storage=status_away),
    "SecurityEventNotification": Route(files.security_event, spooled=True),
    "SignCertificate": Route(
        sign_certificate,
        asked_by=(
            "SignChargingStationCertificate",
            "SignV2GCertificate",
            "SignV2G20Certificate",
            "SignCombinedCertificate",
        ),
        # A request that turns out to be none comes again after a while (A02.FR.17).
        without_storage=status("Accepted"),
        spooled=True,
    ),
}

ORDERS: dict[Order, Encoding] = {
    **of_roots(ROOTS, LISTED),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned",
        lambda given: {"certificateChain": given["chain"], "certificateType": OWN[given["use"]]},
        sentences={"Rejected": "The charger refused the certificate."},
    ),
    Order.CHANGE_PASSWORD: Encoding("SetVariables", _password, decode=_taken),
}
