"""Who may connect: the identity, its proof and the version, before the upgrade.

Whoever has failed too often is refused from memory.  For all others the station is read, in sets
(`lookup`), and what it asks for is checked (`proof` has the security profiles).  Every attempt is
shown by the desk (`connections`).
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from flask import Flask
from sqlalchemy import bindparam, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain.device import password_rotation
from app.domain.network.connections import Knock
from app.domain.office.messages import Row
from app.domain.trust import signing
from app.extensions import db as flask_db
from app.models import Station
from app.process.clock import utc_now
from worker.batch import Batch
from worker.certificates import Trust
from worker.lookup import Known, Lookup
from worker.metrics import COUNTS
from worker.ocpp.handshake import Accepted, Admitted, Request, choose_offered
from worker.ocpp.refusals import Reason, Refused, Throttle, Turns
from worker.ocpp.versions import Version
from worker.proof import PROVED, Proof, Proofs, Undecided
from worker.storage import StorageAway
from worker.stretching import Stretching
from worker.tallies import Knocks
from worker.works import Together

log = logging.getLogger(__name__)

_STATION = Station.__table__
_KEEP = (
    update(_STATION)
    .where(_STATION.c.id == bindparam("station"), _STATION.c.password_hash == bindparam("hash"))
    .values(password_proof=bindparam("proof"))
)

#: So many of those who have failed too often may wait for the database at once.
SUSPECTS = 100
#: While the database is away those who come are told to come again at this distance.
AWAY_EVERY_S = 0.02


_CARRIED = {each.name for each in fields(Admitted)} & {each.name for each in fields(Known)}


class Gate:
    """Decides about handshakes; knows the database, not the socket."""

    def __init__(self, app: Flask, batch: Batch) -> None:
        self._app = app
        self._settings = app.config["SETTINGS"]
        self._batch = batch
        self._knocks = Knocks(batch)
        self._lookup = Lookup(app)
        self._throttle = Throttle()
        self._proofs = Proofs(
            self._settings.ocpp_cpo_name, Stretching(self._throttle), self._settings.signing_key()
        )
        self._trust = Trust(self._settings.ocpp_tls_client_ca)
        self._turns = Turns()
        self._suspects = 0

    def admit(self, request: Request) -> Accepted | Refused:
        """Decide about a handshake; never raises."""
        key = request.identity.casefold()
        now = time.monotonic()
        refused = self._throttle.used_up(request.remote_address, request.identity, now)
        known = self._lookup.lately(key) if refused is not None else None
        station = known[0] if known is not None else None
        if refused is not None and self._is_hopeless(request, known):
            self._note(request, refused, station)
            return refused
        self._suspects += refused is not None
        try:
            if self._batch.away:  # it may be read all the same, and its connection not stored
                raise StorageAway
            station = self._lookup.find(key)
            answer = self._decide(request, station)
        except (SQLAlchemyError, StorageAway):
            again_s = self._turns.next_s(time.monotonic(), AWAY_EVERY_S, after_s=5)
            answer = Refused(Reason.UNAVAILABLE, retry_after_s=again_s)
        finally:
            self._suspects -= refused is not None
        self._note(request, answer, station)
        return answer

    def own_roots(self) -> list[str]:
        """The roots of the built-in authority as PEM, as far as the database can be asked."""
        try:
            with self._app.app_context():
                return signing.own_roots(flask_db.session())
        except SQLAlchemyError as error:
            log.warning("the database cannot be asked about roots: %s", error)
            return []

    def turned_away(self, request: Request, refused: Refused) -> None:
        """Keep an attempt that was refused without asking: a bad address, too much at once."""
        self._note(request, refused, None)

    def stop(self) -> None:
        """Hand the last attempts to the batch."""
        self._knocks.stop()

    def _is_hopeless(self, request: Request, known: tuple[Known | None] | None) -> bool:
        """Whether one who has failed too often fails again, by what was read a moment ago."""
        if known is None:
            return self._suspects >= SUSPECTS
        if known[0] is None:
            return True
        if request.certificate is not None:
            return False
        try:
            proof = self._proofs.check(request, known[0], at_once=True)
        except Undecided:
            return False
        return isinstance(proof, Refused) and proof.reason not in PROVED

    def _decide(self, request: Request, station: Known | None) -> Accepted | Refused:
        address, identity = request.remote_address, request.identity
        now = time.monotonic()
        if station is None:
            return self._throttle.failed(address, identity, Reason.UNKNOWN_IDENTITY, now)
        if request.certificate is not None:
            station = replace(station, objection=self._objection(request, station.id))
        proof = self._proofs.check(request, station)
        if isinstance(proof, Refused):
            if proof.reason in PROVED or proof.detail or proof.retry_after_s is not None:
                return proof
            return self._throttle.failed(address, identity, proof.reason, now)
        self._throttle.succeeded(address, identity)
        if proof.to_keep is not None:
            self._keep(station.id, proof)
        if station.registration == "blocked":
            return Refused(Reason.BLOCKED)
        if station.archived:
            return Refused(Reason.ARCHIVED)
        if (restless := self._throttle.arrived(identity, now)) is not None:
            return restless
        answer = self._check_version(request, station, proof)
        if isinstance(answer, Accepted) and proof.password_hash is not None:
            self._note_password(station, proof.password_hash)
        return answer

    def _keep(self, station_id: int, proof: Proof) -> None:
        """Have the password known again after a restart, without a slow comparison."""

        given = {"station": station_id, "hash": proof.password_hash, "proof": proof.to_keep}
        self._later(station_id, lambda db: db.execute(_KEEP, given))

    def _note_password(self, station: Known, used: str) -> None:
        """While a new password is on its way, what a station comes with tells whether it has it."""
        if station.next_password_hash is None:
            return
        now = utc_now()

        def tell(db: Session) -> None:
            password_rotation.came_with(db, db.get_one(Station, station.id), used, now=now)

        self._later(station.id, tell)

    def _later(self, station_id: int, write: Callable[[Session], object]) -> None:
        """Have the row of a station written; nobody waits for that."""
        self._batch.later(Together(_write_all, write, station_id, writes=True))

    def _check_version(self, request: Request, station: Known, proof: Proof) -> Accepted | Refused:
        offer, pin = request.offer, station.quirks.get("pin_version")
        if pin:
            offer = choose_offered(offer.offered, (Version(pin),), assumed=Version(pin))
        if offer.version is None:
            named = f"It offered {', '.join(offer.offered)}"
            if pin:
                return Refused(Reason.OTHER_VERSION, f"{named}; only OCPP {pin} is accepted.")
            return Refused(Reason.NO_COMMON_SUBPROTOCOL, f"{named}.")
        assume = station.quirks.get("assume_subprotocol", not station.strict)
        if offer.token is None and not assume:
            return Refused(Reason.NO_SUBPROTOCOL)
        told = station.booted or station.registration
        info = Admitted(
            **{name: getattr(station, name) for name in _CARRIED},
            served=told == "accepted",
            shown=_without_password(request, proof),
        )
        note = "" if offer.token else f"It named no OCPP version; {offer.version} was assumed."
        deflate = offer.version is not Version.V16 or bool(info.quirks.get("deflate_16"))
        deflate = deflate and not info.quirks.get("no_deflate")
        return Accepted(info, note, offer, proof.profile, deflate)

    def _objection(self, request: Request, station_id: int) -> str | None:
        """Why the certificate that was shown does not prove the station."""
        with self._app.app_context():
            db = flask_db.session()
            return self._trust.objection(db, db.get_one(Station, station_id), request.certificate)

    def _note(self, request: Request, answer: Accepted | Refused, station: Known | None) -> None:
        """Keep the attempt for the desk, without making anybody wait."""
        if isinstance(answer, Accepted):
            status, reason, sentence = 101, "accepted", answer.note or "The charger is connected."
        else:
            status, reason, sentence = answer.status, answer.reason.code, answer.sentence
        COUNTS.handshakes[reason] += 1
        knock = Knock(
            identity=request.identity,
            path=request.path,
            address=request.remote_address,
            subprotocols=", ".join(request.offer.offered),
            had_credentials=request.credentials is not None or request.bad_credentials,
            accepted=isinstance(answer, Accepted),
            status=status,
            reason=reason,
            sentence=sentence,
            station_id=station.id if station else None,
            tenant_id=station.tenant_id if station else None,
        )
        self._knocks.note(knock)


def _without_password(request: Request, proof: Proof) -> Request:
    """What a handshake showed, to be kept while its connection is open: no password is."""
    given = request.credentials
    if given is not None and proof.password_hash is not None:
        return replace(
            request, credentials=replace(given, candidates=(), proved=proof.password_hash)
        )
    return replace(request, credentials=None)


def _write_all(
    db: Session, writes: Sequence[Callable[[Session], object]], rows: list[Row]
) -> list[Any]:
    for write in writes:
        write(db)
    return [None] * len(writes)
