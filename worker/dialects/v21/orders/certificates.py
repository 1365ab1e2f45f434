"""Certificates and the password (OCPP 2.1): as in 2.0.1, with request ids and one more root."""

from app.domain.ground.vocabulary import Order
from worker.dialects.certificate_words import root_orders
from worker.dialects.encoding import Arguments, Encoding, Payload, without_blanks
from worker.dialects.v201.orders import certificates as v201

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


ORDERS: dict[Order, Encoding] = {
    **v201.ORDERS,
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
