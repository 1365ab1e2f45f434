"""Certificates and signing requests, read: who, by whom, until when, and OCPP's names for them.

OCPP names a certificate by hashes of its issuer's name and key and by its
serial number (CertificateHashData, 2.0.1 part 2 section 2.6; as in RFC 6960).  What a responder
says of a contract's certificates is judged here, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Decision, Json, Verdict

#: The hashes of OCPP.
HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
#: The weakest keys that are signed (security whitepaper, certificate properties).
_RSA_BITS, _EC_BITS = 2048, 224


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says; `pem` is its own text, without the rest of a chain."""

    pem: str
    subject: str
    issuer: str
    common_names: tuple[str, ...]
    organisation: str
    serial_number: str
    fingerprint: str
    starts_at: datetime
    expires_at: datetime
    is_authority: bool

    @property
    def columns(self) -> Json:
        """What every row of a certificate keeps of it, by column."""
        return {
            "subject": self.subject,
            "serial_number": self.serial_number[:60],
            "fingerprint": self.fingerprint,
            "starts_at": self.starts_at,
            "expires_at": self.expires_at,
        }

    @property
    def common_name(self) -> str:
        """The common name; empty when there is none, or more than one."""
        return self.common_names[0] if len(self.common_names) == 1 else ""


@dataclass(frozen=True, slots=True)
class HashData:
    """OCPP's name of a certificate, in lower case."""

    algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


def read(pem: str) -> Facts:
    """Read the first certificate of a PEM text; raises `Invalid` when there is none."""
    return _facts(_load(pem)[0])


def read_chain(pem: str) -> list[Facts]:
    """Read all certificates of a PEM text, the leaf first."""
    return [_facts(certificate) for certificate in _load(pem)]


def hash_data(pem: str, issuer_pem: str, algorithm: str = "SHA256") -> HashData:
    """OCPP's name of a certificate of a known issuer (a root is its own issuer)."""
    certificate, issuer = _load(pem)[0], _load(issuer_pem)[0]
    kind = HASHES[algorithm]
    name = hashes.Hash(kind())
    name.update(issuer.subject.public_bytes())
    return HashData(
        algorithm, name.finalize().hex(), _key_hash(issuer, kind), f"{certificate.serial_number:x}"
    )


def _key_hash(issuer: x509.Certificate, kind: type[hashes.HashAlgorithm]) -> str:
    """Hash the key's bit string, without its tag, length and unused bits (RFC 6960)."""
    public = issuer.public_key()
    form = (
        serialization.PublicFormat.UncompressedPoint
        if isinstance(public, ec.EllipticCurvePublicKey)
        else serialization.PublicFormat.PKCS1
    )
    encoding = (
        serialization.Encoding.X962
        if isinstance(public, ec.EllipticCurvePublicKey)
        else serialization.Encoding.DER
    )
    digest = hashes.Hash(kind())
    digest.update(public.public_bytes(encoding, form))
    return digest.finalize().hex()


def names_in_request(pem: str) -> tuple[str, ...]:
    """The common names of a signing request.

    Raises `Invalid` with why the request cannot be signed: no PEM, a signature
    that does not fit its key, a key that is too weak.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode())
        sound = request.is_signature_valid
        public = request.public_key()
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        raise Invalid("The signing request cannot be read.", field="csr") from None
    if not sound:
        raise Invalid("The signing request is not signed by its own key.", field="csr")
    strong = (isinstance(public, rsa.RSAPublicKey) and public.key_size >= _RSA_BITS) or (
        isinstance(public, ec.EllipticCurvePublicKey) and public.curve.key_size >= _EC_BITS
    )
    if not strong:
        raise Invalid("The key of the signing request is too weak.", field="csr")
    return _attributes(request.subject, NameOID.COMMON_NAME)


def belongs(csr: str, pem: str) -> bool:
    """Tell whether a certificate was made for the key of a signing request."""
    request, certificate = x509.load_pem_x509_csr(csr.encode()), _load(pem)[0]
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return request.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)


def is_signed_by(pem: str, issuers: list[str]) -> bool:
    """Tell whether the key of one of the issuers signed a certificate, which names it as such."""
    certificate = _load(pem)[0]
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(_load(issuer)[0])
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return True
    return False


def _load(pem: str) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        found = []
    if not found:
        raise Invalid("This is not a certificate in PEM form.", field="certificate")
    return found


def _facts(certificate: x509.Certificate) -> Facts:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        basic = False
    return Facts(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        certificate.subject.rfc4514_string()[:300],
        certificate.issuer.rfc4514_string()[:300],
        _attributes(certificate.subject, NameOID.COMMON_NAME),
        next(iter(_attributes(certificate.subject, NameOID.ORGANIZATION_NAME)), ""),
        f"{certificate.serial_number:x}",
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        basic,
    )


def _attributes(name: x509.Name, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in name.get_attributes_for_oid(oid))


#: Verdicts of a contract's token that mean: there is no such contract any more.
_NO_CONTRACT = frozenset({Verdict.BLOCKED, Verdict.EXPIRED, Verdict.INVALID})


def judge_contract(decision: Decision, found: Sequence[str] | None) -> tuple[Decision, str]:
    """The decision about a token of ISO 15118 and what its certificates are (C07.FR.13 to 17).

    `found` is what the responder says of each certificate (good, revoked,
    unknown or failed); nothing found means that they could not be looked at.
    """
    if found and "revoked" in found:
        return _refused(decision, "The certificate of the contract is revoked."), "revoked"
    if not found or any(word != "good" for word in found):
        return _refused(decision, "The contract's certificates cannot be verified."), "unverified"
    return decision, "cancelled" if decision.verdict in _NO_CONTRACT else "accepted"


def _refused(decision: Decision, sentence: str) -> Decision:
    return replace(decision, verdict=Verdict.INVALID, reason="contract", sentence=sentence)
