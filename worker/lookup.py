"""Finding stations by their identity: read in sets, so that a thousand attempts cost few reads.

Whoever asks waits for a read that begins after the question: what is answered is what the database
says, and a station that was blocked a moment ago is seen as blocked.  A crowd is answered in bites:
each goes on with its handshake at once, and the connected have their turns between.  What was read
is kept for two seconds more, only to refuse out of memory whoever has failed too often; nobody is
let in by it.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy import bindparam, select
from sqlalchemy.exc import TimeoutError as TooSlow

from app.domain.ground.vocabulary import StationMode
from app.extensions import db as flask_db
from app.models import Site, Station
from worker.works import Teller, Waiter

log = logging.getLogger(__name__)

#: The shortest time between two reads, in seconds, and the most identities in one.
PAUSE_S = 0.02
MOST = 200
#: How long somebody waits for a read, in seconds.
PATIENCE_S = 10.0
#: How long what was read may refuse somebody, in seconds, and how many identities are kept.
KEPT_S = 2.0
KEPT = 10_000

_STATION = Station.__table__
#: What the gate needs of stations.  Built once: its compiled form is found again by identity.
_ASKED = (
    select(
        *(_STATION.c[name] for name in ("id", "identity", "identity_key", "tenant_id", "model")),
        *(_STATION.c[name] for name in ("validation", "quirks", "clock_offset_s", "registration")),
        *(_STATION.c[name] for name in ("archived_at", "booted_registration", "password_hash")),
        *(_STATION.c[name] for name in ("next_password_hash", "password_proof", "access_epoch")),
        *(_STATION.c[name] for name in ("username_alias", "security_profile", "site_id", "mode")),
        Site.timezone,
    )
    .join(Site, Site.id == _STATION.c.site_id)
    .where(_STATION.c.identity_key.in_(bindparam("keys", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class Known:
    """What of a station decides about its connection.

    `objection` is why the certificate that was shown does not prove it, for whoever knows which.
    """

    id: int
    identity: str
    tenant_id: int
    model: str | None
    strict: bool
    timezone: str
    quirks: dict[str, Any]
    clock_offset_s: int | None
    registration: str
    archived: bool
    booted: str | None
    password_hash: str | None
    next_password_hash: str | None
    proof: str | None
    alias: str | None
    profile: int
    access_epoch: int
    site_id: int
    mode: StationMode
    objection: str | None = None


def known_of(station: Any, timezone: str, validation: str) -> Known:
    """The snapshot of a station (its row); `validation` is the installation's."""
    return Known(
        id=station.id,
        identity=station.identity,
        tenant_id=station.tenant_id,
        model=station.model,
        strict=(station.validation or validation) == "strict",
        timezone=timezone,
        quirks=dict(station.quirks or {}),
        clock_offset_s=station.clock_offset_s,
        registration=station.registration,
        archived=station.archived_at is not None,
        booted=station.booted_registration,
        password_hash=station.password_hash,
        next_password_hash=station.next_password_hash,
        proof=station.password_proof,
        alias=station.username_alias,
        profile=station.security_profile,
        access_epoch=station.access_epoch,
        site_id=station.site_id,
        mode=station.mode,
    )


class Lookup:
    """The one reader of stations for handshakes."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._wanted: dict[str, list[Waiter]] = {}
        self._kept: dict[str, tuple[float, Known | None]] = {}
        self._asked = Event()
        self._said = ""
        self._teller = Teller()
        self._reader = gevent.spawn(self._read_for_ever)

    def find(self, key: str) -> Known | None:
        """A station as it is now, by its case-folded identity; None: there is none.

        Raises what the read raised, or `TooSlow`.
        """
        waiter = Waiter()
        self._wanted.setdefault(key, []).append(waiter)
        self._asked.set()
        try:
            with gevent.Timeout(PATIENCE_S, TooSlow("the database does not answer")):
                found: Known | None = waiter.wait()
        finally:
            self._ask_no_more(key, waiter)
        return found

    def _ask_no_more(self, key: str, waiter: Waiter) -> None:
        """Forget a question that was answered, or whose asker went."""
        waiting = self._wanted.get(key)
        if waiting is not None and waiter in waiting:
            waiting.remove(waiter)
            if not waiting:
                del self._wanted[key]

    def lately(self, key: str) -> tuple[Known | None] | None:
        """A station as it was two seconds ago at most, in a tuple; None when nobody has looked."""
        found = self._kept.get(key)
        if found is None or found[0] < time.monotonic():
            return None
        return (found[1],)

    def _read_for_ever(self) -> None:
        while True:
            # What is kept is forgotten in time: ten thousand chargers do not come often.
            self._asked.wait(KEPT_S if self._kept else None)
            self._asked.clear()
            while self._wanted:
                self._read_some()
                gevent.sleep(PAUSE_S)
                self._teller.done.wait()
            self._forget()

    def _forget(self) -> None:
        now = time.monotonic()
        while self._kept and next(iter(self._kept.values()))[0] < now:
            del self._kept[next(iter(self._kept))]

    def _read_some(self) -> None:
        """Answer those who ask; a failure is theirs, and the reader goes on."""
        keys = list(self._wanted)[:MOST]
        asking = {key: self._wanted.pop(key) for key in keys}
        try:
            found = self._read(keys)
        except Exception as error:
            if str(error) != self._said:
                log.warning("the database cannot be asked about stations: %s", error)
            self._said = str(error)
            self._teller.wake((waiter, error) for each in asking.values() for waiter in each)
            return
        self._said = ""
        until = time.monotonic() + KEPT_S
        for key, waiters in asking.items():
            self._kept.pop(key, None)
            self._kept[key] = (until, found.get(key))
            self._teller.wake((waiter, found.get(key)) for waiter in waiters)
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def _read(self, keys: Sequence[str]) -> dict[str, Known]:
        with self._app.app_context():
            rows = flask_db.session.execute(_ASKED, {"keys": keys}).all()
        validation = self._app.config["SETTINGS"].validation
        return {row.identity_key: known_of(row, row.timezone, validation) for row in rows}
