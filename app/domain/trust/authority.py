"""The built-in certificate authority: a root of our own, and certificates for stations.

Pure: keys and certificates go in and out as PEM text.  Where the keys are kept
is `app.key_store`'s business.  It is for operators without an authority of
their own; the specification advises a dedicated one (A02.FR.04).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

#: A root outlives the firmware that carries it (FIELD A6); a station's certificate is renewed.
ROOT_DAYS, STATION_DAYS = 365 * 20, 365 * 2
#: Clocks of stations are late: a certificate is good from a little before it was made.
_EARLIER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and, for a root, its private key."""

    certificate: str
    key: str = ""


def make_root(name: str, organisation: str, *, now: datetime) -> Issued:
    """Make a root certificate with a new P-256 key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name, organisation)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issued(_pem(certificate), _key_pem(key))


def sign(
    csr: str,
    issuer: str,
    issuer_key: str,
    *,
    common_name: str,
    organisation: str,
    now: datetime,
    days: int = STATION_DAYS,
    for_cars: bool = False,
) -> str:
    """Sign a station's request; the subject is ours to say, not the request's.

    `for_cars`: the station shows it to cars (ISO 15118), for which it is a server.

    `csr`, `issuer` and `issuer_key` are PEM.  The result is the leaf followed
    by its issuer, as CertificateSigned carries it.
    """
    request = x509.load_pem_x509_csr(csr.encode())
    parent = x509.load_pem_x509_certificate(issuer.encode())
    key = serialization.load_pem_private_key(issuer_key.encode(), None)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if for_cars else ExtendedKeyUsageOID.CLIENT_AUTH
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name, organisation))
        .issuer_name(parent.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(min(now + timedelta(days=days), parent.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return _pem(certificate) + issuer


def _name(common_name: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
