"""The facts of a station's certificate: from our own TLS, or as a trusted proxy hands it on."""

import base64
import binascii
import re
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from worker.ocpp.handshake import ClientCertificate

#: Longest header that is read; a certificate with a long key has about 3,000 bytes.
_LONGEST = 32_768
_ARMOUR = re.compile(rb"-----(BEGIN|END) CERTIFICATE-----")
#: A station's own certificate and those above it.
_MOST = 5


def read_chain(chain: list[bytes], *, verified: bool = False) -> ClientCertificate | None:
    """The facts of a station's certificate, and what came with it (DER); None when it is none.

    `verified`: our TLS has followed its chain to a root.
    """
    try:
        found, *_ = [x509.load_der_x509_certificate(der) for der in chain[:_MOST]]
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
        chain=tuple(chain[:_MOST]),
        verified=verified,
    )


def read_headers(name: str, values: list[str]) -> ClientCertificate | None:
    """The certificate that a trusted proxy hands on in the header `name`, not verified yet.

    A header that came twice proves nothing but that the proxy adds its own to the charger's.
    """
    given = [value for value in values if value.strip()]
    if len(values) > 1:
        problem = f"The header {name} came {len(values)} times; the proxy must overwrite it."
        return ClientCertificate("", (), "", datetime.now(UTC), problem=problem)
    return read_chain(_decoded(given[0])) if given else None


def _decoded(value: str) -> list[bytes]:
    """The certificates in a header as DER; none where it cannot be read.

    Proxies hand on the PEM text URL-encoded (nginx), or the DER in Base64, with or without the
    lines around it (Caddy, HAProxy), and a chain with commas between (Traefik).
    """
    if len(value) > _LONGEST:
        return []
    text = _ARMOUR.sub(b",", unquote_to_bytes(value.encode("latin-1", "replace")))
    pieces = [b"".join(piece.strip(b' ":').split()) for piece in text.split(b",")]
    try:
        return [base64.b64decode(piece, validate=True) for piece in pieces if piece][:_MOST]
    except (binascii.Error, ValueError):
        return []
