"""Certificates, security events, the password (OCPP 1.6 security whitepaper, sections 4 and 5)."""

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from app.domain.trust import certificates, security_events
from worker.dialects.context import Context, Payload
from worker.dialects.encoding import Arguments, Encoding, Facts
from worker.dialects.route import Route
from worker.dialects.spelling import read_hash_data, root_orders
from worker.ocpp.fields import Fields

#: The two kinds of roots that 1.6 knows; the rest cannot be put.
ROOTS = {
    "csms_root": "CentralSystemRootCertificate",
    "manufacturer_root": "ManufacturerRootCertificate",
}


def _use(arguments: Arguments) -> str:
    """1.6 lists one kind at a time; without a wish it is ours."""
    return str((arguments.get("uses") or ["csms_root"])[0])


def _listed(answer: Payload, arguments: Arguments) -> Outcome:
    use = _use(arguments)
    found = [{"use": use, **read_hash_data(one)} for one in answer.get("certificateHashData") or ()]
    facts: Facts = {"certificates": found, "uses": [use]}
    sentence = f"{len(found)} certificates listed." if found else "The charger has none of these."
    return Outcome(CommandState.ACCEPTED, answer, sentence, facts, str(answer.get("status", "")))


def security_event(call: Fields, ctx: Context) -> Payload:
    """Keep a security event; grave ones alarm (whitepaper A04)."""
    at, _ = ctx.instant(call, "timestamp")
    kind = call.text("type", "")
    security_events.take(ctx.db, ctx.station, kind, dict(call.payload), at=at, now=ctx.now)
    return {}


def sign_certificate(call: Fields, ctx: Context) -> Payload:
    """Take in a signing request; the certificate follows by CertificateSigned (whitepaper A02)."""
    row = certificates.request_signature(
        ctx.db, ctx.station, call.text("csr", ""), "station", None, now=ctx.now
    )
    return {"status": "Rejected" if row.state == "rejected" else "Accepted"}


ROUTES: dict[str, Route] = {
    "SecurityEventNotification": Route(security_event),
    "SignCertificate": Route(sign_certificate, asked_by=("SignChargePointCertificate",)),
}

ORDERS: dict[Order, Encoding] = {
    **root_orders(ROOTS),
    Order.READ_CERTIFICATES: Encoding(
        "GetInstalledCertificateIds",
        lambda given: {"certificateType": ROOTS[_use(given)]},
        decode=_listed,
    ),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned",
        lambda given: {"certificateChain": given["chain"]},
        sentences={"Rejected": "The charger refused the certificate."},
    ),
    Order.CHANGE_PASSWORD: Encoding(
        "ChangeConfiguration",
        # The octets in hexadecimal (FIELD A1): what we make is hexadecimal already.
        lambda given: {"key": "AuthorizationKey", "value": given["password"]},
        frozenset({"Accepted", "RebootRequired"}),
        {
            "Accepted": "The charger took the new password; it comes back with it.",
            "RebootRequired": "The charger took the new password and uses it after a restart.",
            "NotSupported": "The charger lets nobody change its password.",
        },
    ),
}
