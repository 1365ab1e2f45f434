"""How a station proves who it is: security profiles 0 to 3 (OCPP 2.0.1 part 2, block A).

A connection may prove more than the station needs and never less, so that nobody who stands
between can talk a station down (A05.FR.07).  A hash that is slow on purpose is computed elsewhere
(`stretching`), and its outcome is remembered, so that a thousand reconnects do not stall anybody.
"""

import hashlib
import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain import credentials
from worker.ocpp.frames import Call
from worker.ocpp.handshake import ClientCertificate, Reason, Refused, Request
from worker.ocpp.versions import Version
from worker.stretching import Crowded, Stretching

#: So many outcomes of slow comparisons are remembered of each kind: right, wrong, not looked at.
REMEMBERED = 20_000

#: Refusals of one who has proved something already: no guessing is behind them.
PROVED = frozenset({Reason.NO_TLS, Reason.WRONG_CERTIFICATE})


class Undecided(Exception):
    """Only a slow comparison can tell."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A station proved itself: by which security profile, and by the hash of which password."""

    profile: int
    password_hash: str | None = None


class Proofs:
    """Checks passwords and certificates of handshakes.

    `cpo_name` is the organisation that certificates must name; empty: any.
    """

    def __init__(self, cpo_name: str, stretching: Stretching) -> None:
        self._cpo_name = cpo_name
        self._stretching = stretching
        self._key = secrets.token_bytes(32)
        self._outcomes: dict[bool | None, dict[bytes, None]] = {True: {}, False: {}, None: {}}

    def check(
        self, request: Request, station: dict[str, Any], *, at_once: bool = False
    ) -> Proof | Refused:
        """What the handshake proves, when that is enough for the station; else the refusal.

        May wait for its turn at a slow comparison; `at_once` raises `Undecided` instead.
        """
        needed = station["profile"]
        if needed == 0:
            return Proof(0) if _is_allowed(request, station) else Refused(Reason.NOT_ALLOWED)
        by_certificate = self._certificate(request.certificate, station)
        if isinstance(by_certificate, Proof) or needed == 3:
            return by_certificate
        try:
            found = self._password(request, station, at_once)
        except Crowded as crowded:
            return crowded.refused
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

    def _password(self, request: Request, station: dict[str, Any], at_once: bool) -> str | Reason:
        """The hash of the password that was given, when it is right; else what is wrong."""
        if request.bad_credentials:
            return Reason.BAD_CREDENTIALS_FORM
        given = request.credentials
        if given is None:
            return Reason.NO_CREDENTIALS
        alias = station["alias"]
        if not given.matches_identity and not (alias and given.username == alias):
            return Reason.WRONG_USERNAME
        hashes = [station["password_hash"], station["next_password_hash"]]
        for stored in sorted(filter(None, hashes), key=credentials.is_slow):
            if self._is_right(stored, given.candidates, request, at_once):
                return str(stored)
        return Reason.WRONG_PASSWORD

    def _is_right(
        self, stored: str, candidates: tuple[bytes, ...], request: Request, at_once: bool
    ) -> bool:
        if not credentials.is_slow(stored):
            return any(credentials.matches(stored, given) for given in candidates)
        digests = {given: self._digest(stored, given) for given in candidates}
        if any(digest in self._outcomes[True] for digest in digests.values()):
            return True
        new = tuple(given for given in candidates if digests[given] not in self._outcomes[False])
        if not new:
            return False
        if at_once:
            raise Undecided
        again = any(digest in self._outcomes[None] for digest in digests.values())
        where = (request.remote_address, request.identity)
        try:
            right = self._stretching.matching(stored, new, *where, again=again)
        except Crowded:
            self._remember(digests[new[0]], None)
            raise
        for given in new if right is None else (right,):
            self._remember(digests[given], right is not None)
        return right is not None

    def _digest(self, stored: str, given: bytes) -> bytes:
        """What a comparison is remembered by: useless outside of this process."""
        return hashlib.blake2b(
            stored.encode() + b"|" + given, key=self._key, digest_size=16
        ).digest()

    def _remember(self, digest: bytes, right: bool | None) -> None:
        known = self._outcomes[right]
        known[digest] = None
        if len(known) > REMEMBERED:
            del known[next(iter(known))]


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


def _is_allowed(request: Request, station: dict[str, Any]) -> bool:
    """Without a password (security profile 0) only named networks may connect."""
    try:
        address = ipaddress.ip_address(request.remote_address)
    except ValueError:
        return False
    networks = station["quirks"].get("allowed_networks", ())
    return any(address in ipaddress.ip_network(network) for network in networks)
