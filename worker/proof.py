"""How a station proves who it is: security profiles 0 to 3 (OCPP 2.0.1 part 2, block A).

A connection may prove more than the station needs and never less, so that nobody who stands
between can talk a station down (A05.FR.07).  A hash that is slow on purpose is compared in another
thread, and a password that was right is remembered for some minutes, so that a thousand reconnects
do not stall anybody.
"""

import hashlib
import ipaddress
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gevent

from app.domain import credentials
from worker.ocpp.frames import Call
from worker.ocpp.handshake import ClientCertificate, Reason, Refused, Request
from worker.ocpp.versions import Version

#: How long a password that was right is believed without hashing it again, in seconds.
REMEMBERED_S = 600.0

#: Refusals of one who has proved something already: no guessing is behind them.
PROVED = frozenset({Reason.NO_TLS, Reason.WRONG_CERTIFICATE})


@dataclass(frozen=True, slots=True)
class Proof:
    """A station proved itself: by which security profile, and by the hash of which password."""

    profile: int
    password_hash: str | None = None


class Proofs:
    """Checks passwords and certificates of handshakes.

    `cpo_name` is the organisation that certificates must name; empty: any.
    """

    def __init__(self, cpo_name: str) -> None:
        self._cpo_name = cpo_name
        self._right: dict[bytes, float] = {}

    def check(self, request: Request, station: dict[str, Any]) -> Proof | Refused:
        """What the handshake proves, when that is enough for the station; else the refusal."""
        needed = station["profile"]
        if needed == 0:
            return Proof(0) if _is_allowed(request, station) else Refused(Reason.NOT_ALLOWED)
        by_certificate = self._certificate(request.certificate, station)
        if isinstance(by_certificate, Proof) or needed == 3:
            return by_certificate
        found = self._password(request, station)
        if isinstance(found, Reason):
            # Who shows a certificate in place of a password hears what is wrong with that.
            shown = request.certificate is not None and found is Reason.NO_CREDENTIALS
            return by_certificate if shown else Refused(found)
        if needed == 2 and not request.secure:
            return Refused(Reason.NO_TLS)
        return Proof(2 if request.secure else 1, found)

    def _certificate(
        self, certificate: ClientCertificate | None, station: dict[str, Any]
    ) -> Proof | Refused:
        """Whether a verified certificate is this station's and its owner's (A00.FR.403 to 405)."""
        if certificate is None:
            return Refused(Reason.NO_CERTIFICATE)
        name = certificate.common_name
        problem = ""
        names = (station["quirks"].get("certificate_name"), station["serial"], station["identity"])
        if name.casefold() not in [known.casefold() for known in names if known]:
            problem = f"It is made out to {name[:64] or 'nobody'}."
        elif self._cpo_name and self._cpo_name not in certificate.organisations:
            whose = ", ".join(certificate.organisations)[:64] or "no organisation"
            problem = f"It names {whose} and not {self._cpo_name}."
        elif certificate.fingerprint in station["revoked"]:
            problem = "It was revoked."
        elif certificate.expires_at <= datetime.now(UTC):
            problem = "It has expired."
        return Refused(Reason.WRONG_CERTIFICATE, problem) if problem else Proof(3)

    def _password(self, request: Request, station: dict[str, Any]) -> str | Reason:
        """The hash of the password that was given, when it is right; else what is wrong."""
        if request.bad_credentials:
            return Reason.BAD_CREDENTIALS_FORM
        given = request.credentials
        if given is None:
            return Reason.NO_CREDENTIALS
        alias = station["alias"]
        if not given.matches_identity and not (alias and given.username == alias):
            return Reason.WRONG_USERNAME
        for stored in (station["password_hash"], station["next_password_hash"]):
            if stored and (stored == given.proved or self._is_right(stored, given.candidates)):
                return str(stored)
        return Reason.WRONG_PASSWORD

    def _is_right(self, stored: str, candidates: tuple[bytes, ...]) -> bool:
        now = time.monotonic()
        keys = [hashlib.sha256(stored.encode() + b"|" + given).digest() for given in candidates]
        if any(self._right.get(key, 0.0) > now for key in keys):
            return True
        for key, given in zip(keys, candidates, strict=True):
            if _matches(stored, given):
                if len(self._right) > 20_000:
                    self._right.clear()
                self._right[key] = now + REMEMBERED_S
                return True
        return False


def contradiction(link: Any, call: Call) -> str:
    """What in a boot contradicts the certificate that let the station in; mostly nothing.

    Under security profile 3 the serial number must be the certificate's common name, or the
    connection is closed (2.0.1 B01.FR.11, B01.FR.12).  A name that staff gave stands above that.
    """
    certificate = link.certificate
    if certificate is None or call.action != "BootNotification" or link.version is Version.V16:
        return ""
    if link.station.quirks.get("certificate_name"):
        return ""
    about = call.payload.get("chargingStation")
    serial = about.get("serialNumber") if isinstance(about, dict) else None
    if serial is None or serial == certificate.common_name:
        return ""
    return "the serial number is not that of the certificate"


def _matches(stored: str, given: bytes) -> bool:
    if not credentials.is_slow(stored):
        return credentials.matches(stored, given)
    pool = gevent.get_hub().threadpool
    return bool(pool.apply(credentials.matches, (stored, given)))


def _is_allowed(request: Request, station: dict[str, Any]) -> bool:
    """Without a password (security profile 0) only named networks may connect."""
    try:
        address = ipaddress.ip_address(request.remote_address)
    except ValueError:
        return False
    networks = station["quirks"].get("allowed_networks", ())
    return any(address in ipaddress.ip_network(network) for network in networks)
