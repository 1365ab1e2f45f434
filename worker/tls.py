"""The worker's own TLS: what chargers of security profiles 2 and 3 connect to.

TLS 1.2 at least, with the suites that OCPP asks for (2.0.1 part 2, A00.FR.318 and 421): one
certificate with an RSA key serves some chargers, one with an ECDSA key the others, and both may be
given.  Nothing is compressed and nothing renegotiated.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from gevent import ssl

from app.config import Settings
from app.process.clock import utc_now

log = logging.getLogger(__name__)

#: Of TLS 1.2; those of TLS 1.3 are all good.  Two without forward secrecy are asked for by OCPP.
SUITES = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    )
)


#: The settings of the first and the second certificate end so.
NUMBERS = ("", "2")


class WrongTls(Exception):
    """TLS cannot be served as it is set; the message is one sentence that names the setting."""


def server_context(settings: Settings) -> ssl.SSLContext | None:
    """The context of the TLS listener, or None when none is wanted.

    `settings` has the ocpp_tls_* settings.  Raises `WrongTls`.
    """
    roots = read_roots(settings.ocpp_tls_client_ca) if settings.ocpp_tls_client_ca else []
    if not settings.ocpp_tls_port:
        return None
    if not settings.ocpp_tls_cert:
        raise WrongTls("AMPDESK_OCPP_TLS_PORT needs AMPDESK_OCPP_TLS_CERT, a file.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    load(context, settings)
    trust(context, [root.public_bytes(Encoding.PEM).decode() for root in roots])
    return context


def load(context: Any, settings: Settings) -> None:
    """Load the certificates into a context, also one in use.  Raises `WrongTls`."""
    for number in NUMBERS:
        certificate = getattr(settings, f"ocpp_tls_cert{number}")
        if certificate:
            _load(context, number, certificate, getattr(settings, f"ocpp_tls_key{number}"))


def _load(context: Any, number: str, certificate: str, key: str) -> None:
    name = f"AMPDESK_OCPP_TLS_CERT{number}"
    _must_be_read(name, certificate)
    if key:
        _must_be_read(f"AMPDESK_OCPP_TLS_KEY{number}", key)
    try:
        context.load_cert_chain(certificate, key or None, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        said = str(reason).replace("_", " ").lower()
        raise WrongTls(
            f"{name}={certificate!r} and AMPDESK_OCPP_TLS_KEY{number} cannot be used: {said}."
        ) from None


def trust(context: Any, roots: list[str]) -> None:
    """Ask for certificates of stations that lead to these roots (PEM), also in use.

    Profile 2 comes without, so none is demanded; without any root none is asked for.
    """
    for root in roots:
        context.load_verify_locations(cadata=root)
        context.verify_mode = ssl.CERT_OPTIONAL


def read_roots(path: str) -> list[x509.Certificate]:
    """The certificates above stations' own; at least one must be a root.  Raises `WrongTls`."""
    name = "AMPDESK_OCPP_TLS_CLIENT_CA"
    _must_be_read(name, path)
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (ValueError, UnsupportedAlgorithm):
        found = []
    if not found:
        raise WrongTls(f"{name}={path!r} holds no certificate (PEM).")
    if not any(is_root(certificate) for certificate in found):
        raise WrongTls(f"{name}={path!r} holds no root, only certificates that others signed.")
    return found


def is_root(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate names itself as its issuer."""
    return certificate.subject == certificate.issuer


def _must_be_read(name: str, path: str) -> None:
    try:
        Path(path).read_bytes()
    except OSError as error:
        raise WrongTls(f"{name}={path!r} cannot be read: {error.strerror}.") from None


def _no_password() -> str:
    """Nobody is there to type one."""
    raise ValueError("the key is locked with a password")


#: Days before the end of a certificate at which staff are warned.
WARNED_AT = (60, 30, 7, 1, 0)
LOOK_S = 60.0

_FILES = [f"ocpp_tls_{kind}{number}" for number in NUMBERS for kind in ("cert", "key")]


class Renewal:
    """Watches the files behind a TLS context, and the roots of the built-in authority.

    Renewed files are taken up, old ones complained about: a certificate that runs out cuts a whole
    fleet off at once (FIELD A6), and chargers with a root that ends too cannot be told over a dead
    line.

    `own_roots` gives those as PEM: the first one is made while the worker runs.
    """

    def __init__(
        self, context: Any, settings: Settings, own_roots: Callable[[], list[str]] = list
    ) -> None:
        self._context = context
        self._own_roots = own_roots
        self._trusted: set[str] = set()
        self._settings = settings
        self._stamps = self._read_stamps()
        self._warned: int | None = None
        self.expires_at = self._first_end()
        self._trust_own_roots()

    def health(self) -> dict[str, Any]:
        """What the worker's health check adds."""
        return {"tls_expires_at": self.expires_at.isoformat() if self.expires_at else None}

    def watch(self) -> None:
        """Look at the files again and again; does not return."""
        while True:
            for sentence in self.look(utc_now()):
                log.warning(sentence)
            gevent.sleep(LOOK_S)

    def look(self, now: datetime) -> list[str]:
        """Take up renewed files and new roots; return what staff should hear, each thing once."""
        sentences = []
        self._trust_own_roots()
        if (stamps := self._read_stamps()) != self._stamps:
            self._stamps = stamps
            try:
                # All must fit together before anything of it reaches the open listener.
                server_context(self._settings)
                load(self._context, self._settings)
            except WrongTls as error:
                return [f"The new TLS files are not used: {error}"]
            self.expires_at, self._warned = self._first_end(), None
            sentences.append("New TLS files are in use.")
        if self.expires_at is not None:
            left = (self.expires_at - now).days
            due = min((days for days in WARNED_AT if left <= days), default=None)
            if due is not None and due != self._warned:
                self._warned = due
                sentences.append(f"The TLS certificate for chargers ends in {max(left, 0)} days.")
        return sentences

    def _trust_own_roots(self) -> None:
        new = [root for root in self._own_roots() if root not in self._trusted]
        trust(self._context, new)
        self._trusted.update(new)

    def _read_stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(getattr(self._settings, name)) for name in _FILES]

    def _first_end(self) -> datetime | None:
        """When the first certificate of all served chains ends."""
        ends = []
        for number in NUMBERS:
            path = getattr(self._settings, f"ocpp_tls_cert{number}")
            try:
                chain = x509.load_pem_x509_certificates(Path(path).read_bytes()) if path else []
            except (OSError, ValueError):
                continue
            ends += [certificate.not_valid_after_utc for certificate in chain]
        return min(ends, default=None)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
