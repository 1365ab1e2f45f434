"""How a station proves who it is: security profiles 0 to 3 (OCPP 2.0.1 part 2, block A).

A connection may prove more than the station needs and never less, so that nobody who stands
between can talk a station down (A05.FR.07); what it proves beyond takes the place of nothing.  A
hash that is slow on purpose is computed elsewhere (`stretching`), and its outcome is remembered, so
that a thousand reconnects do not stall anybody; of the right one so is a digest in the station's
row, keyed with the installation's secret, so that a restart does not either.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from app.domain.network import credentials
from app.process.clock import utc_now
from worker.link import Link
from worker.lookup import Known
from worker.ocpp.frames import Call
from worker.ocpp.handshake import ClientCertificate, Request
from worker.ocpp.refusals import Reason, Refused
from worker.stretching import Crowded, Stretching

#: So many outcomes of slow comparisons are remembered of each kind: right, wrong, not looked at.
REMEMBERED = 20_000

#: What staff do about a station that has moved to a certificate before its row here has.
_RAISE = "Its certificate is good; raise its security profile to 3 and it needs no password."

#: Refusals of one who has proved something already: no guessing is behind them, nor behind one
#: with a detail.
PROVED = frozenset({Reason.NO_TLS, Reason.WRONG_CERTIFICATE})


class Undecided(Exception):
    """Only a slow comparison can tell."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A station proved itself: by which security profile, and by the hash of which password.

    `to_keep` is what its row is to have as `password_proof` from now on, where that is new.
    """

    profile: int
    password_hash: str | None = None
    to_keep: str | None = None


class Proofs:
    """Checks passwords and certificates of handshakes.

    `cpo_name` is the organisation that certificates must name; empty: any.  `secret` is the
    installation's: whoever has the database and not this can make nothing of what is remembered.
    """

    def __init__(self, cpo_name: str, stretching: Stretching, secret: str) -> None:
        self._cpo_name = cpo_name
        self._stretching = stretching
        self._key = hashlib.blake2b(secret.encode(), person=b"password proof").digest()
        self._outcomes: dict[bool | None, dict[str, None]] = {True: {}, False: {}, None: {}}

    def check(self, request: Request, station: Known, *, at_once: bool = False) -> Proof | Refused:
        """What the handshake proves, when that is enough for the station; else the refusal.

        A certificate counts where profile 3 is asked for, and takes the place of nothing else; one
        that is not good for the station is refused whatever comes with it.
        May wait for its turn at a slow comparison; `at_once` raises `Undecided` instead.
        """
        needed = station.profile
        shown = self._certificate(request.certificate, station)
        if isinstance(shown, Refused):
            return shown
        if needed == 3:
            return shown or Refused(Reason.NO_CERTIFICATE)
        if needed == 0:
            return Proof(0) if _is_allowed(request, station) else Refused(Reason.NOT_ALLOWED)
        try:
            found = self._password(request, station, at_once)
        except Crowded as crowded:
            return crowded.refused
        if found is Reason.NO_CREDENTIALS and shown is not None:
            return Refused(found, _RAISE)
        if isinstance(found, Reason):
            return Refused(found)
        if needed == 2 and not request.secure:
            return Refused(Reason.NO_TLS)
        return Proof(2 if request.secure else 1, *found)

    def _certificate(
        self, certificate: ClientCertificate | None, station: Known
    ) -> Proof | Refused | None:
        """Whether a certificate is this station's and its owner's (A00.FR.403 to 405), if any."""
        if certificate is None:
            return None
        problem = station.objection or ""
        if problem:
            pass
        elif self._cpo_name and self._cpo_name not in certificate.organisations:
            whose = ", ".join(certificate.organisations)[:64] or "no organisation"
            problem = f"It names {whose} and not {self._cpo_name}."
        elif certificate.expires_at <= utc_now():
            problem = "It has expired."
        return Refused(Reason.WRONG_CERTIFICATE, problem) if problem else Proof(3)

    def _password(
        self, request: Request, station: Known, at_once: bool
    ) -> tuple[str, str | None] | Reason:
        """The hash of the password that was given and what to keep of it; else what is wrong."""
        if request.bad_credentials:
            return Reason.BAD_CREDENTIALS_FORM
        given = request.credentials
        if given is None:
            return Reason.NO_CREDENTIALS
        alias = station.alias
        if not given.matches_identity and not (alias and given.username == alias):
            return Reason.WRONG_USERNAME
        hashes = [station.password_hash, station.next_password_hash]
        for stored in sorted(filter(None, hashes), key=credentials.is_slow):
            if stored == given.proved:
                return stored, None
            if not credentials.is_slow(stored):
                if any(credentials.matches(stored, one) for one in given.candidates):
                    return stored, None
            elif (right := self._right(stored, station.proof, request, at_once)) is not None:
                return stored, right if right != station.proof else None
        return Reason.WRONG_PASSWORD

    def _right(self, stored: str, proof: str | None, request: Request, at_once: bool) -> str | None:
        """The digest of the candidate that a slow hash is of, which may be known; None: of none."""
        assert request.credentials is not None
        candidates = request.credentials.candidates
        digests = {given: self._digest(stored, given) for given in candidates}
        for digest in digests.values():
            if digest in self._outcomes[True] or hmac.compare_digest(digest, proof or ""):
                return digest
        new = tuple(given for given in candidates if digests[given] not in self._outcomes[False])
        if not new:
            return None
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
        return None if right is None else digests[right]

    def _digest(self, stored: str, given: bytes) -> str:
        """What a comparison is remembered by: of this hash alone, and useless without the key."""
        return hashlib.blake2b(
            stored.encode() + b"|" + given, key=self._key, digest_size=32
        ).hexdigest()

    def _remember(self, digest: str, right: bool | None) -> None:
        known = self._outcomes[right]
        known[digest] = None
        if len(known) > REMEMBERED:
            del known[next(iter(known))]


def contradiction(link: Link, call: Call, serial: tuple[str, str] | None) -> str:
    """What in a boot contradicts the certificate that let the station in; mostly nothing.

    Under security profile 3 the serial number must be the certificate's common name, or the
    connection is closed (2.0.1 B01.FR.11, B01.FR.12).  A certificate in the name of the identity
    holds no serial number; a name that staff gave is one for stations that are checked strictly.
    `serial` leads to the number in messages that have one.
    """
    certificate = link.certificate
    if certificate is None or serial is None:
        return ""
    given = link.station.quirks.get("certificate_name", "")
    if not link.station.strict or given.casefold() != certificate.common_name.casefold():
        return ""
    about = call.payload.get(serial[0])
    shown = about.get(serial[1]) if isinstance(about, dict) else None
    if shown is None or shown == certificate.common_name:
        return ""
    return "the serial number is not that of the certificate"


def _is_allowed(request: Request, station: Known) -> bool:
    """Without a password (security profile 0) only named networks may connect."""
    try:
        address = ipaddress.ip_address(request.remote_address)
    except ValueError:
        return False
    networks = station.quirks.get("allowed_networks", ())
    return any(address in ipaddress.ip_network(network) for network in networks)
