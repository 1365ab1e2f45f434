"""Keys and certificates for a test: an authority, servers and stations signed by it."""

import select
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Names = tuple[tuple[Any, str], ...]


class TakingTurns(ssl.SSLSocket):
    """A TLS socket of a client that reads in one thread and writes in another.

    OpenSSL allows one of both at a time: a session ticket that was read while a request was being
    written swallowed the request (three times in a thousand handshakes of TLS 1.3).
    """

    def __new__(cls, *arguments: Any, **more: Any) -> "TakingTurns":
        made = super().__new__(cls, *arguments, **more)
        made.turn = threading.Lock()
        return made

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """Wait outside the turn; what has come is taken within."""
        while True:
            with self.turn:
                within_s = self.gettimeout()
                self.settimeout(0.0)
                try:
                    return super().recv(buflen, flags)
                except ssl.SSLWantReadError:
                    pass
                finally:
                    if self.fileno() >= 0:
                        self.settimeout(within_s)
            if not select.select([self], [], [], within_s)[0]:
                raise TimeoutError("nothing came")

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Write when it is one's turn."""
        with self.turn:
            super().sendall(data, flags)


def client_context(authority: "Authority", pair: "Pair | None" = None) -> ssl.SSLContext:
    """The TLS of a charger that trusts `authority`, and shows the certificate of `pair`."""
    context = ssl.create_default_context(cafile=str(authority.root.cert_file))
    context.sslsocket_class = TakingTurns
    if pair is not None:
        context.load_cert_chain(pair.cert_file, pair.key_file)
    return context


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, also as files."""

    certificate: x509.Certificate
    key: Any
    cert_file: Path
    key_file: Path

    @property
    def pem(self) -> str:
        """The certificate as text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()


class Authority:
    """A root that signs what it is asked to; files go into `folder`."""

    def __init__(self, folder: Path, name: str = "Test Root") -> None:
        self.folder = folder
        self.root: Any = None
        self.root = self._make(
            "root-" + name.replace(" ", "-"), ((NameOID.COMMON_NAME, name),), True
        )

    def server(self, *, with_rsa: bool = False) -> Pair:
        """A certificate for localhost."""
        name = "rsa" if with_rsa else "ecdsa"
        return self._make(name, ((NameOID.COMMON_NAME, "localhost"),), with_rsa=with_rsa)

    def station(self, common_name: str, organisation: str = "Volt", **more: Any) -> Pair:
        """A station's certificate; `days` until it ends."""
        names = ((NameOID.COMMON_NAME, common_name), (NameOID.ORGANIZATION_NAME, organisation))
        return self._make(f"station-{common_name}", names, **more)

    def _make(
        self,
        name: str,
        names: Names,
        authority: bool = False,
        with_rsa: bool = False,
        days: int = 30,
    ) -> Pair:
        key: Any = (
            rsa.generate_private_key(65537, 2048)
            if with_rsa
            else ec.generate_private_key(ec.SECP256R1())
        )
        subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.root.certificate.subject if self.root else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if not authority:
            local = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(local), critical=False)
        signer = self.root.key if self.root else key
        return self._written(name, builder.sign(signer, hashes.SHA256()), key)

    def _written(self, name: str, certificate: x509.Certificate, key: Any) -> Pair:
        pair = Pair(certificate, key, self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.cert_file.write_text(pair.pem)
        pair.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair
