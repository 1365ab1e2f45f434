"""The facts of a station's certificate: from our own TLS, or as a trusted proxy hands it on."""

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from worker.ocpp.handshake import ClientCertificate

#: Longest header that is read; a certificate with a long key has about 3,000 bytes.
_LONGEST = 32_768
_ARMOUR = re.compile(rb"-----(BEGIN|END) CERTIFICATE-----")


def read_der(der: bytes) -> ClientCertificate | None:
    """The facts of a certificate in DER; None when it is none."""
    try:
        found = x509.load_der_x509_certificate(der)
        names = [
            [str(attribute.value) for attribute in found.subject.get_attributes_for_oid(oid)]
            for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        ]
    except (ValueError, TypeError, x509.InvalidVersion):
        return None
    common, organisations = names
    return ClientCertificate(
        common_name=common[0] if len(common) == 1 else "",
        organisations=tuple(organisations),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        expires_at=found.not_valid_after_utc,
    )


def read_header(value: str) -> ClientCertificate | None:
    """The facts of the certificate in a proxy's header; None when there is none.

    Proxies hand on the PEM text URL-encoded (nginx), or the DER in Base64, with or without the
    lines around it.  Only the first certificate counts: it is the station's own.
    """
    if not value.strip() or len(value) > _LONGEST:
        return None
    text = unquote_to_bytes(value.encode("latin-1", "replace"))
    pieces = _ARMOUR.split(text)
    body = pieces[2] if len(pieces) > 2 else pieces[0]
    try:
        return read_der(base64.b64decode(b"".join(body.strip(b' ":').split()), validate=True))
    except (binascii.Error, ValueError):
        return None
