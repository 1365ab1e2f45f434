"""Who may connect: the identity, the password and the network, before the upgrade.

Every attempt becomes a row that the desk shows.  A hash that is slow on purpose
is compared in another thread, and a password that was right is remembered for
some minutes, so that a thousand reconnects do not stall anybody.
"""

import hashlib
import ipaddress
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gevent
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.domain import credentials, presence
from app.domain.presence import Knock
from app.extensions import db as flask_db
from app.models import Station
from worker.batch import Batch, Job
from worker.ocpp.handshake import Accepted, Reason, Refused, Request, choose_offered
from worker.ocpp.throttle import Throttle
from worker.ocpp.versions import Version

log = logging.getLogger(__name__)

#: How long a password that was right is believed without hashing it again, in seconds.
REMEMBERED_S = 600.0


@dataclass(slots=True)
class Admitted:
    """What the worker carries along about a station: the seed's tenant and model, and more."""

    id: int
    identity: str
    tenant_id: int
    model: str | None
    strict: bool
    timezone: str
    quirks: dict[str, Any]
    served: bool
    supported: bool = True


class Gate:
    """Decides about handshakes; knows the database, not the socket."""

    def __init__(self, app: Flask, batch: Batch) -> None:
        self._app = app
        self._settings = app.config["SETTINGS"]
        self._batch = batch
        self._throttle = Throttle()
        self._right: dict[bytes, float] = {}

    def admit(self, request: Request) -> Accepted | Refused:
        """Decide about a handshake; never raises."""
        station: dict[str, Any] | None = None
        try:
            station = self._find(request.identity)
            answer = self._decide(request, station)
        except SQLAlchemyError as error:
            log.warning("the database cannot be asked about %s: %s", request.identity, error)
            answer = Refused(Reason.UNAVAILABLE, retry_after_s=10)
        self._note(request, answer, station)
        return answer

    def turned_away(self, request: Request, refused: Refused) -> None:
        """Keep an attempt that was refused without asking: a bad address, too much at once."""
        self._note(request, refused, None)

    def _find(self, identity: str) -> dict[str, Any] | None:
        with self._app.app_context():
            station = flask_db.session.scalar(
                select(Station).where(
                    Station.identity_key == identity.casefold(), Station.archived_at.is_(None)
                )
            )
            if station is None:
                return None
            return {
                "id": station.id,
                "identity": station.identity,
                "tenant_id": station.tenant_id,
                "model": station.model,
                "strict": (station.validation or self._settings.validation) == "strict",
                "timezone": station.site.timezone,
                "quirks": dict(station.quirks or {}),
                "registration": station.registration,
                "booted": station.booted_registration,
                "password_hash": station.password_hash,
                "alias": station.username_alias,
                "profile": station.security_profile,
            }

    def _decide(self, request: Request, station: dict[str, Any] | None) -> Accepted | Refused:
        address, identity = request.remote_address, request.identity
        now = time.monotonic()
        if (early := self._throttle.may_check(address, identity, now)) is not None:
            return early
        if station is None:
            return self._throttle.failed(address, identity, Reason.UNKNOWN_IDENTITY, now)
        reason = self._check_secret(request, station)
        if reason is not None:
            return self._throttle.failed(address, identity, reason, now)
        self._throttle.succeeded(address, identity)
        if station["registration"] == "blocked":
            return Refused(Reason.BLOCKED)
        return self._check_version(request, station)

    def _check_secret(self, request: Request, station: dict[str, Any]) -> Reason | None:
        """What is wrong with the credentials; None when they are right, or none are needed."""
        if station["profile"] == 0:
            return None if self._is_allowed(request, station) else Reason.NOT_ALLOWED
        if request.bad_credentials:
            return Reason.BAD_CREDENTIALS_FORM
        given = request.credentials
        if given is None:
            return Reason.NO_CREDENTIALS
        alias = station["alias"]
        named = given.matches_identity or (alias and given.username == alias)
        if not named:
            return Reason.WRONG_USERNAME
        right = station["password_hash"] and self._is_right(
            station["password_hash"], given.candidates
        )
        return None if right else Reason.WRONG_PASSWORD

    def _is_allowed(self, request: Request, station: dict[str, Any]) -> bool:
        """Without a password (security profile 0) only named networks may connect."""
        try:
            address = ipaddress.ip_address(request.remote_address)
        except ValueError:
            return False
        networks = station["quirks"].get("allowed_networks", ())
        return any(address in ipaddress.ip_network(network) for network in networks)

    def _is_right(self, stored: str, candidates: tuple[bytes, ...]) -> bool:
        now = time.monotonic()
        keys = [hashlib.sha256(stored.encode() + b"|" + given).digest() for given in candidates]
        if any(self._right.get(key, 0.0) > now for key in keys):
            return True
        for key, given in zip(keys, candidates, strict=True):
            if self._matches(stored, given):
                if len(self._right) > 20_000:
                    self._right.clear()
                self._right[key] = now + REMEMBERED_S
                return True
        return False

    def _matches(self, stored: str, given: bytes) -> bool:
        if not credentials.is_slow(stored):
            return credentials.matches(stored, given)
        pool = gevent.get_hub().threadpool
        return bool(pool.apply(credentials.matches, (stored, given)))

    def _check_version(self, request: Request, station: dict[str, Any]) -> Accepted | Refused:
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
        kept = ("id", "identity", "tenant_id", "model", "strict", "timezone", "quirks")
        info = Admitted(**{name: station[name] for name in kept}, served=told == "accepted")
        note = "" if offer.token else f"It named no OCPP version; {offer.version} was assumed."
        return Accepted(info, note, offer)

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
