"""A small authority for trying things: an OCSP responder and a contract pool on this computer.

    python -m deploy.test_authority

It prints the settings that make Ampdesk ask it.  Its root exists only while it
runs; nothing that it signs is worth anything.
"""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from app.domain.trust import signing

#: The longest request that is read, in bytes.
LONGEST = 64 * 1024


class TestAuthority:
    """The services on a free port; use it in a `with`."""

    __test__ = False

    def __init__(self, port: int = 0) -> None:
        made = signing.make_root("Ampdesk test root", "Ampdesk test", now=datetime.now(UTC))
        self.root = made.certificate
        self._issuer = x509.load_pem_x509_certificate(made.certificate.encode())
        self._key: Any = load_pem_private_key(made.key.encode(), None)
        self._known: dict[int, x509.Certificate] = {}
        self._revoked: set[int] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def ocsp_url(self) -> str:
        """Where the responder listens."""
        return f"http://127.0.0.1:{self._server.server_port}/ocsp"

    @property
    def pool_url(self) -> str:
        """Where the contract pool listens."""
        return f"http://127.0.0.1:{self._server.server_port}/contracts"

    def certificate(self, name: str = "Contract") -> str:
        """Make a certificate that the responder calls good."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(self._key, hashes.SHA256())
        )
        self._known[made.serial_number] = made
        return made.public_bytes(Encoding.PEM).decode()

    def revoke(self, pem: str) -> None:
        """Have the responder call a certificate revoked from now on."""
        self._revoked.add(x509.load_pem_x509_certificate(pem.encode()).serial_number)

    def ocsp_answer(self, body: bytes) -> bytes:
        """Answer an OCSP request (RFC 6960)."""
        try:
            asked = ocsp.load_der_ocsp_request(body)
        except ValueError:
            wrong = ocsp.OCSPResponseStatus.MALFORMED_REQUEST
            return ocsp.OCSPResponseBuilder.build_unsuccessful(wrong).public_bytes(Encoding.DER)
        status = ocsp.OCSPCertStatus.UNKNOWN
        if asked.serial_number in self._known:
            status = ocsp.OCSPCertStatus.GOOD
        if asked.serial_number in self._revoked:
            status = ocsp.OCSPCertStatus.REVOKED
        now = datetime.now(UTC)
        gone = status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=status,
            this_update=now,
            next_update=now + timedelta(days=1),
            revocation_time=now if gone else None,
            revocation_reason=None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self._issuer)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.DER)


def _handler(authority: TestAuthority) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers the two kinds of requests."""

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), LONGEST))
            if self.path == "/ocsp":
                self._answer(authority.ocsp_answer(body), "application/ocsp-response")
            elif self.path == "/contracts":
                asked = json.loads(body)
                answer = {"exiResponse": f"test:{asked['exiRequest']}"}
                self._answer(json.dumps(answer).encode(), "application/json")
            else:
                self.send_error(404)

        def _answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Stay silent: the tests and the terminal have other things to say."""

    return Handler


def main() -> None:
    """Serve until the keyboard says no."""
    with TestAuthority() as running:
        print("A test authority runs; start Ampdesk with these settings to have it asked:")
        print(f"  AMPDESK_OCSP_URL={running.ocsp_url}")
        print(f"  AMPDESK_EV_CERTIFICATE_URL={running.pool_url}")
        print("Ctrl-C ends it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nThe test authority has ended.")


if __name__ == "__main__":
    main()
