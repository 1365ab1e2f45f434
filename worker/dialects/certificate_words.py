"""How all versions name certificates: by hashes (CertificateHashData)."""

from typing import Any

from worker.dialects.encoding import Arguments, Payload


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
