"""Certificates that stations show: what they say, and whether they are believed.

They come from our own TLS, or as a trusted proxy hands them on.  What a proxy hands on is verified
here as if it had been shown to us (2.0.1 part 2, A00.FR.403): a proxy that trusts too much, or that
lets a charger write the header, proves nothing by itself.
"""

import base64
import binascii
import re
from datetime import datetime
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy.orm import Session

from app.domain.trust import certificate_names, signing
from app.models import Station
from app.process.clock import utc_now
from worker.ocpp.handshake import ClientCertificate
from worker.tls import is_root, read_roots

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
        return ClientCertificate("", (), "", utc_now(), problem=problem)
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


#: Certificates between a station's own and a root.
DEPTH = 4


class Trust:
    """Judges certificates that stations show: the chain to a root, then whose they are.

    Roots are those of `ca_file`, which may be empty, and the built-in authority's own.  What stands
    between roots and stations may be in the file, too: not every proxy hands it on.
    Raises `worker.tls.WrongTls`.
    """

    def __init__(self, ca_file: str) -> None:
        self._given = read_roots(ca_file) if ca_file else []

    def objection(
        self, db: Session, station: Station, shown: ClientCertificate | None
    ) -> str | None:
        """Why what a handshake shows does not prove the station; None when it does, or is nothing.

        One sentence for staff.
        """
        if shown is None:
            return None
        if shown.problem:
            return shown.problem
        own = signing.own_roots(db)
        chain = [x509.load_der_x509_certificate(der) for der in shown.chain]
        if not shown.verified and (problem := self._broken(chain, own, utc_now())):
            return problem
        return certificate_names.objection(
            db,
            station,
            common_name=shown.common_name,
            fingerprint=shown.fingerprint,
            pem=chain[0].public_bytes(Encoding.PEM).decode(),
        )

    def _broken(self, chain: list[x509.Certificate], own: list[str], now: datetime) -> str:
        """Why a chain leads to no root of ours; empty when it does."""
        if chain[0].not_valid_after_utc <= now:
            return "It has expired."
        ours = [x509.load_pem_x509_certificate(pem.encode()) for pem in own]
        roots = [*(found for found in self._given if is_root(found)), *ours]
        if not roots:
            return "No root is known that it could lead to."
        between = [found for found in self._given if not is_root(found)]
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(roots))
            .time(now)
            .max_chain_depth(DEPTH)
            .extension_policies(ca_policy=_AUTHORITIES, ee_policy=_STATIONS)
            .build_client_verifier()
        )
        try:
            verifier.verify(chain[0], [*chain[1:], *between])
        except (verification.VerificationError, ValueError, UnsupportedAlgorithm):
            return "It leads to no root that is trusted here."
        return ""


def _signs(policy: object, certificate: object, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("it may not sign certificates")


def _signs_certificates(policy: object, certificate: object, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("its key may not sign certificates")


def _is_for_clients(
    policy: object, certificate: object, found: x509.ExtendedKeyUsage | None
) -> None:
    good = (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if found is not None and not any(use in found for use in good):
        raise ValueError("it is not for clients")


# Stations' certificates name no host and often lack what the Web demands; the rest of RFC 5280,
# signatures, times, the length of paths, holds.
_ANY = verification.ExtensionPolicy.permit_all()
_EITHER = verification.Criticality.AGNOSTIC
_AUTHORITIES = _ANY.require_present(x509.BasicConstraints, _EITHER, _signs).may_be_present(
    x509.KeyUsage, _EITHER, _signs_certificates
)
_STATIONS = _ANY.may_be_present(x509.ExtendedKeyUsage, _EITHER, _is_for_clients)
