"""Who may connect: the identity, its proof and the version, before the upgrade.

Every attempt becomes a row that the desk shows.  `proof` has the security profiles.
"""

import logging
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.domain import password_rotation, presence
from app.domain.presence import Knock
from app.extensions import db as flask_db
from app.models import Station, StationCertificate
from worker.batch import Batch, Job
from worker.ocpp.handshake import Accepted, Reason, Refused, Request, choose_offered
from worker.ocpp.throttle import Throttle
from worker.ocpp.versions import Version
from worker.proof import PROVED, Proof, Proofs

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Admitted:
    """What the worker carries along about a station: the seed's tenant and model, and more.

    `access_epoch` is that of the decisions that it was let in under, `shown` the handshake with
    the hash of the password that was right in the place of the password.
    """

    id: int
    identity: str
    tenant_id: int
    model: str | None
    strict: bool
    timezone: str
    quirks: dict[str, Any]
    served: bool
    supported: bool = True
    clock_offset_s: int | None = None
    access_epoch: int = 1
    shown: Request | None = None


class Gate:
    """Decides about handshakes; knows the database, not the socket."""

    def __init__(self, app: Flask, batch: Batch) -> None:
        self._app = app
        self._settings = app.config["SETTINGS"]
        self._batch = batch
        self._throttle = Throttle()
        self._proofs = Proofs(self._settings.ocpp_cpo_name)

    def admit(self, request: Request) -> Accepted | Refused:
        """Decide about a handshake; never raises."""
        station: dict[str, Any] | None = None
        try:
            station = self._find(request)
            answer = self._decide(request, station)
        except SQLAlchemyError as error:
            log.warning("the database cannot be asked about %s: %s", request.identity, error)
            answer = Refused(Reason.UNAVAILABLE, retry_after_s=10)
        self._note(request, answer, station)
        return answer

    def turned_away(self, request: Request, refused: Refused) -> None:
        """Keep an attempt that was refused without asking: a bad address, too much at once."""
        self._note(request, refused, None)

    def _find(self, request: Request) -> dict[str, Any] | None:
        with self._app.app_context():
            station = flask_db.session.scalar(
                select(Station).where(Station.identity_key == request.identity.casefold())
            )
            if station is None:
                return None
            return facts_of(station, request, self._settings.validation)

    def _decide(self, request: Request, station: dict[str, Any] | None) -> Accepted | Refused:
        address, identity = request.remote_address, request.identity
        now = time.monotonic()
        if (early := self._throttle.may_check(address, identity, now)) is not None:
            return early
        if station is None:
            return self._throttle.failed(address, identity, Reason.UNKNOWN_IDENTITY, now)
        proof = self._proofs.check(request, station)
        if isinstance(proof, Refused):
            if proof.reason in PROVED:
                return proof
            return self._throttle.failed(address, identity, proof.reason, now)
        self._throttle.succeeded(address, identity)
        if station["registration"] == "blocked":
            return Refused(Reason.BLOCKED)
        if station["archived"]:
            return Refused(Reason.ARCHIVED)
        answer = self._check_version(request, station, proof)
        if isinstance(answer, Accepted) and proof.password_hash is not None:
            self._note_password(station, proof.password_hash)
        return answer

    def _note_password(self, station: dict[str, Any], used: str) -> None:
        """While a new password is on its way, what a station comes with tells whether it has it."""
        if station["next_password_hash"] is None:
            return
        now = datetime.now(UTC)

        def run(db: Any, rows: list[dict[str, Any]]) -> None:
            password_rotation.came_with(db, db.get(Station, station["id"]), used, now=now)

        self._batch.later(Job(run))

    def _check_version(
        self, request: Request, station: dict[str, Any], proof: Proof
    ) -> Accepted | Refused:
        offer, pin = request.offer, station["quirks"].get("pin_version")
        if pin:
            offer = choose_offered(offer.offered, (Version(pin),), assumed=Version(pin))
        if offer.version is None:
            named = f"It offered {', '.join(offer.offered)}"
            if pin:
                return Refused(Reason.OTHER_VERSION, f"{named}; only OCPP {pin} is accepted.")
            return Refused(Reason.NO_COMMON_SUBPROTOCOL, f"{named}.")
        assume = station["quirks"].get("assume_subprotocol", not station["strict"])
        if offer.token is None and not assume:
            return Refused(Reason.NO_SUBPROTOCOL)
        told = station["booted"] or station["registration"]
        kept = ("id", "identity", "tenant_id", "model", "strict", "timezone", "quirks",
                "clock_offset_s", "access_epoch")  # fmt: skip
        info = Admitted(**{name: station[name] for name in kept}, served=told == "accepted",
                        shown=_without_password(request, proof))  # fmt: skip
        note = "" if offer.token else f"It named no OCPP version; {offer.version} was assumed."
        deflate = offer.version is not Version.V16 or bool(info.quirks.get("deflate_16"))
        deflate = deflate and not info.quirks.get("no_deflate")
        return Accepted(info, note, offer, proof.profile, deflate)

    def _note(
        self, request: Request, answer: Accepted | Refused, station: dict[str, Any] | None
    ) -> None:
        """Keep the attempt as a row, without making anybody wait."""
        accepted = isinstance(answer, Accepted)
        # Whoever tries many names shares one row a minute: guessing must not fill the disk.
        guessing = station is None and not accepted and answer.reason is Reason.THROTTLED
        knock = Knock(
            identity="(many)" if guessing else request.identity,
            path=request.path,
            address=request.remote_address,
            subprotocols=", ".join(request.offer.offered),
            had_credentials=request.credentials is not None or request.bad_credentials,
            accepted=accepted,
            status=101 if accepted else answer.status,
            reason="accepted" if accepted else answer.reason.code,
            sentence=(answer.note or "The charger is connected.") if accepted else answer.sentence,
            station_id=station["id"] if station else None,
            tenant_id=station["tenant_id"] if station else None,
        )
        self._batch.later(
            Job(lambda db, rows: presence.note_knock(db, knock, now=datetime.now(UTC)) and None)
        )


def facts_of(station: Station, request: Request, validation: str) -> dict[str, Any]:
    """What of a station decides about a connection; `validation` is the installation's."""
    return {
        "id": station.id,
        "identity": station.identity,
        "tenant_id": station.tenant_id,
        "model": station.model,
        "strict": (station.validation or validation) == "strict",
        "timezone": station.site.timezone,
        "quirks": dict(station.quirks or {}),
        "clock_offset_s": station.clock_offset_s,
        "registration": station.registration,
        "archived": station.archived_at is not None,
        "booted": station.booted_registration,
        "password_hash": station.password_hash,
        "next_password_hash": station.next_password_hash,
        "serial": station.serial,
        "revoked": _revoked(station.id) if request.certificate else (),
        "alias": station.username_alias,
        "profile": station.security_profile,
        "access_epoch": station.access_epoch,
    }


def _without_password(request: Request, proof: Proof) -> Request:
    """What a handshake showed, to be kept while its connection is open: no password is."""
    given = request.credentials
    if given is not None and proof.password_hash is not None:
        return replace(
            request, credentials=replace(given, candidates=(), proved=proof.password_hash)
        )
    return replace(request, credentials=None)


def _revoked(station_id: int) -> frozenset[str]:
    """The fingerprints of a station's certificates that are good no longer."""
    query = select(StationCertificate.fingerprint).where(
        StationCertificate.station_id == station_id, StationCertificate.state == "revoked"
    )
    return frozenset(print_ for print_ in flask_db.session.scalars(query) if print_)
