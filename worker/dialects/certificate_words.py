"""What all versions say of certificates alike: their names, installing and deleting."""

from typing import Any

from app.domain.ground.vocabulary import Order
from worker.dialects.encoding import Arguments, Encoding, Payload


def hash_data(arguments: Arguments) -> Payload:
    """Spell the name of a certificate; serial numbers are hexadecimal without leading zeros."""
    return {
        "hashAlgorithm": arguments["algorithm"].upper(),
        "issuerNameHash": arguments["issuer_name_hash"],
        "issuerKeyHash": arguments["issuer_key_hash"],
        "serialNumber": arguments["serial_number"],
    }


def read_hash_data(told: Any) -> dict[str, str]:
    """Read the name of a certificate; stations differ in case and in leading zeros."""
    given = told if isinstance(told, dict) else {}
    return {
        "algorithm": str(given.get("hashAlgorithm", "SHA256")).upper()[:10],
        "issuer_name_hash": str(given.get("issuerNameHash", "")).lower()[:128],
        "issuer_key_hash": str(given.get("issuerKeyHash", "")).lower()[:128],
        "serial_number": str(given.get("serialNumber", "")).lower().lstrip("0")[:60] or "0",
    }


def root_orders(roots: dict[str, str]) -> dict[Order, Encoding]:
    """The orders that install and delete; `roots` are the version's words for what a root is for.

    A use that the version has no word for cannot be put (KeyError).
    """
    return {
        Order.INSTALL_CERTIFICATE: Encoding(
            "InstallCertificate",
            lambda given: {
                "certificateType": roots[given["use"]],
                "certificate": given["certificate"],
            },
            sentences={"Failed": "The charger took it for good and could not store it."},
        ),
        Order.DELETE_CERTIFICATE: Encoding(
            "DeleteCertificate",
            lambda given: {"certificateHashData": hash_data(given)},
            sentences={"NotFound": "The charger has no such certificate."},
        ),
    }
