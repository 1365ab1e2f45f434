"""Certificates and the password (OCPP 2.0.1 blocks A01, A02 and M03 to M05)."""

from app.domain.ground.vocabulary import CommandState, Order, Outcome
from worker.dialects.certificate_words import read_hash_data, root_orders
from worker.dialects.encoding import Arguments, Encoding, Payload, without_blanks

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


def _read(arguments: Arguments) -> Payload:
    return without_blanks({"certificateType": [LISTED[use] for use in arguments.get("uses") or ()]})


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


ORDERS: dict[Order, Encoding] = {
    **root_orders(ROOTS),
    Order.READ_CERTIFICATES: Encoding(
        "GetInstalledCertificateIds",
        _read,
        decode=lambda answer, given: listed(LISTED, answer, given),
    ),
    Order.SEND_CERTIFICATE: Encoding(
        "CertificateSigned",
        lambda given: {"certificateChain": given["chain"], "certificateType": OWN[given["use"]]},
        sentences={"Rejected": "The charger refused the certificate."},
    ),
    Order.CHANGE_PASSWORD: Encoding("SetVariables", _password, decode=_taken),
}
