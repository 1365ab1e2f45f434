"""The worker's own TLS: what chargers of security profiles 2 and 3 connect to.

TLS 1.2 at least, with the suites that OCPP asks for (2.0.1 part 2, A00.FR.318 and 421): one
certificate with an RSA key serves some chargers, one with an ECDSA key the others, and both may be
given.  Nothing is compressed and nothing renegotiated.
"""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from gevent import ssl

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


def server_context(settings: Any) -> Any:
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


def load(context: Any, settings: Any) -> None:
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
