"""The built-in certificate authority: its roots, their keys, and what it signs for stations.

It is for operators without an authority of their own; the specification advises a dedicated one
(A02.FR.04).  Roots of others that staff keep for installing at stations are rows of the same table.
"""

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import SYSTEM, Actor
from app.domain.office import audit
from app.domain.trust.x509 import read as read_certificate
from app.models import AuthorityCertificate

#: A root outlives the firmware that carries it (FIELD A6); a station's certificate is renewed.
ROOT_DAYS, STATION_DAYS = 365 * 20, 365 * 2
#: Clocks of stations are late: a certificate is good from a little before it was made.
_EARLIER = timedelta(hours=24)
#: Who issues certificates where the installation has no name of its own.
UNNAMED = "Ampdesk"


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
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


_NAME = re.compile(r"[a-z0-9-]{1,70}\.key")


class KeyStore:
    """The folder `keys` of the data folder: private keys, in files that only we may read."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "keys"

    def keep(self, name: str, pem: str) -> None:
        """Write a key; raises FileExistsError rather than overwrite one."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())

    def read(self, name: str) -> str:
        """Return a key as PEM; raises OSError when it is not there."""
        return self._path(name).read_text(encoding="ascii")

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a key")
        return self._folder / name


def keep(
    db: Session,
    actor: Actor,
    tenant_id: int,
    *,
    name: str,
    use: str,
    pem: str,
    key_file: str | None,
    now: datetime,
) -> AuthorityCertificate:
    """Keep a root: our own (with a key) or one that is to be installed at stations."""
    facts = read_certificate(pem)
    row = AuthorityCertificate(
        tenant_id=tenant_id,
        name=(name.strip() or facts.common_name or "Certificate")[:120],
        use=use,
        pem=facts.pem,
        **facts.columns,
        key_file=key_file,
        created_at=now,
    )
    return audit.added(db, actor, "authority.keep", row, now=now)


#: Puts a root away; what it signed stays good until it is revoked.
archive = partial(audit.archive, kind="authority")


def newest_root(db: Session, tenant_id: int, *, now: datetime) -> AuthorityCertificate | None:
    """The newest root of the built-in authority that is good now."""
    return newest(
        db,
        AuthorityCertificate,
        AuthorityCertificate.key_file.is_not(None),
        AuthorityCertificate.archived_at.is_(None),
        AuthorityCertificate.expires_at > now,
        tenant_id=tenant_id,
        use="station_root",
    )


def own_roots(db: Session) -> list[str]:
    """All roots of the built-in authority as PEM, of every tenant, also those that were put away.

    What they signed is good until it is revoked or ends.
    """
    query = select(AuthorityCertificate.pem).where(AuthorityCertificate.key_file.is_not(None))
    return list(db.scalars(query.order_by(AuthorityCertificate.id)))


def own_root(
    db: Session,
    tenant_id: int,
    keys: KeyStore,
    organisation: str,
    *,
    now: datetime,
    actor: Actor = SYSTEM,
) -> AuthorityCertificate:
    """The root of the built-in authority, made when it is first needed."""
    root = newest_root(db, tenant_id, now=now)
    if root is not None:
        return root
    organisation = organisation or UNNAMED
    name = f"{organisation} stations"
    made = make_root(name, organisation, now=now)
    key_file = f"station-root-{tenant_id}-{int(now.timestamp())}.key"
    keys.keep(key_file, made.key)
    return keep(
        db, actor, tenant_id, name=name, use="station_root", pem=made.certificate,
        key_file=key_file, now=now,
    )  # fmt: skip
