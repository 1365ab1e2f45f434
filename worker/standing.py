"""Open connections: whether each would still be let in, and how all others come to know of them.

A station's `access_epoch` says that something was decided about who may connect; only then this
looks at what.  The handshake's own checks run again, on the station as it is now and on what the
connection showed, so that whatever the gate comes to refuse ends open connections, too.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from app import reactions
from app.config import Settings
from app.domain.device import deviations
from app.domain.ground.vocabulary import CommandState, Outcome, Registration
from app.domain.network import connections, credentials, presence
from app.domain.network.connections import Closed, Opened
from app.domain.office.messages import Row
from app.domain.trust import certificates
from app.extensions import AWAY
from app.models import Station
from app.process.clock import utc_now
from app.queries.office import system
from worker.batch import Batch
from worker.certificates import Trust
from worker.link import Link
from worker.lookup import known_of
from worker.ocpp.frames import Payload
from worker.ocpp.refusals import Reason, Refused, Throttle
from worker.pace import LAG
from worker.proof import Proofs
from worker.stretching import Stretching
from worker.works import Job, Together

#: How long a call in work may delay the end of a connection that is over, in seconds.
ANSWER_S = 3.0

#: Redis channel on which a node tells the others which connections are the newest.
NEWEST = "ampdesk:newest"

#: What a refusal means to whoever was let in before, as the close frame says it.
_WORDS = {
    Reason.NOT_ALLOWED: "its address is not allowed any more",
    Reason.WRONG_USERNAME: "its user name was changed",
    Reason.WRONG_PASSWORD: "its password was changed",
    Reason.WRONG_CERTIFICATE: "its certificate is not good for it any more",
}


class Over(Exception):
    """A connection is over: nothing of it counts any more.  The text says why, in a few words."""

    #: What its socket is closed with.
    code = 1008


class Superseded(Over):
    """Its station has come over a newer connection, wherever that is held."""

    code = 1000


@dataclass(slots=True)
class Held:
    """A link, the row of its connection, and what this conversation has brought so far.

    `served` says that the station's boot was accepted, now or on an earlier
    connection; `triggered` are messages that we asked for before that.  `over` says why
    nothing of this connection counts any more, mostly nothing.  `silent`: its charger has said
    nothing yet.  `told` is what the charger was
    answered when the message went into the spool, from which it comes now.
    """

    link: Link
    connection_id: int | None = None
    served: bool = True
    triggered: set[str] = field(default_factory=set)
    over: str = ""
    silent: bool = True
    told: Payload | None = None


class Standing:
    """Holds connections against what was decided since they were let in."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Nothing is stretched here: a link keeps the hash that it proved, and no password.
        self._proofs = Proofs(
            settings.ocpp_cpo_name, Stretching(Throttle()), settings.signing_key()
        )
        self._trust = Trust(settings.ocpp_tls_client_ca)

    def station(self, db: Session, link: Link) -> Station:
        """The station of a connection, in a unit of work; raises `Over` when it may not go on.

        The link's own epoch stays: what this reads may not be committed yet.
        """
        station = db.get_one(Station, link.station.id)
        _check_newest(link, station.connection_id)
        decided = station.access_epoch != link.station.access_epoch
        if decided and (why := self._why(db, station, link)):
            raise Over(why)
        return station

    def check(self, db: Session, link: Link, epoch: int, newest: int | None) -> None:
        """Raise `Over` when the connection may not go on.

        `epoch` is that of its station now, `newest` the connection that its row names.
        """
        _check_newest(link, newest)
        if epoch != link.station.access_epoch:
            self.station(db, link)

    def counted(self, db: Session, link: Link, outcome: Outcome, epoch: int) -> Outcome:
        """How an order of ours ended: an answer over a connection that is over does not count.

        `epoch` is that of its station now.  What was answered before a newer connection came is so.
        """
        try:
            if outcome.answer is not None:
                self.check(db, link, epoch, None)
        except Over as over:
            return Outcome(CommandState.FAILED, None, f"Its answer does not count: {over}.")
        return outcome

    def over(self, db: Session, links: Mapping[int, Any]) -> dict[int, str]:
        """Which of these open connections, by station, are over, and why.

        Reads what is committed, and lets the epochs of those that stand catch up.
        """
        found = {}
        for number, (epoch, _) in credentials.fences(db, links).items():
            link = links[number]
            if epoch == link.station.access_epoch:
                continue
            station = db.get_one(Station, number)
            if why := self._why(db, station, link):
                found[number] = why
            else:
                link.station.access_epoch = station.access_epoch
        return found

    def _why(self, db: Session, station: Station, link: Link) -> str:
        shown = link.station.shown
        assert shown is not None  # the gate keeps it
        if station.registration is Registration.BLOCKED:
            return "this station was blocked"
        if station.archived_at is not None:
            return "this station is in the archive"
        if station.identity_key != shown.identity.casefold():
            return "this station has another identity now"
        if link.profile < station.security_profile:
            return f"it now needs security profile {station.security_profile}"
        # Proved more than is needed: held against what it proved, which must still be right.
        known = replace(
            known_of(station, station.site.timezone, self._settings.validation),
            profile=link.profile,
            objection=self._trust.objection(db, station, shown.certificate),
        )
        proof = self._proofs.check(shown, known)
        if not isinstance(proof, Refused):
            return ""
        certificate = shown.certificate if proof.reason is Reason.WRONG_CERTIFICATE else None
        if certificate and certificates.is_revoked(db, certificate.fingerprint):
            return "its certificate was revoked"
        return _WORDS.get(proof.reason, "it would not be let in any more")


def _check_newest(link: Link, newest: int | None) -> None:
    """Raise `Superseded` when the connection that a station's row names is newer than this one."""
    held: Held | None = link.data
    if newest is not None and held is not None and (held.connection_id or newest) < newest:
        raise Superseded(connections.REPLACED)


class Newest:
    """Tells the other nodes at once which connections have opened here; the rows are what counts.

    One publish takes along all that have opened meanwhile, and what was not heard of is told again.
    """

    def __init__(self, app: Flask, node: str) -> None:
        self._app = app
        self._node = node
        self._untold: dict[int, int] = {}

    def add(self, station_id: int, connection_id: int) -> None:
        """Have a connection told of, the newest of its station."""
        self._untold[station_id] = connection_id
        reactions.nudge(self._tell, self._app)

    def _tell(self, app: Flask) -> None:
        told, self._untold = self._untold, {}
        if not told:
            return
        text = json.dumps({"node": self._node, "newest": list(told.items())})
        try:
            app.extensions["redis_of_nudges"].publish(NEWEST, text)
        except AWAY:
            self._untold = told | self._untold
            raise


@dataclass(frozen=True, slots=True)
class _Coming:
    """A link that has just opened, and what is noted of it."""

    link: Link
    opened: Opened


@dataclass(frozen=True, slots=True)
class Others:
    """The workers that live, with how many stations each holds, and which of our connections were
    replaced by newer ones elsewhere."""

    workers: dict[str, int]
    superseded: frozenset[int]


class Presence:
    """Which connections this node holds, as all others see it.  They are written in sets."""

    def __init__(self, batch: Batch, node: str, standing: Standing) -> None:
        batch.ask_by(self.live)
        #: How many frames wait in the spool, their bytes, and since when.
        self.spooled: Callable[[], tuple[int, int, datetime | None]] = lambda: (0, 0, None)
        self._batch = batch
        self._node = node
        self._standing = standing

    def open(self, link: Link, orders: list[str]) -> int:
        """Note an open link, and what may be ordered over it; return the id of its row.

        Raises `StorageAway`, and `Over` when it was decided meanwhile that it may not be there.
        """
        opened = Opened(
            link.station.id,
            node=self._node,
            address=link.remote_address,
            protocol=link.subprotocol or f"ocpp{link.version.value}",
            orders=orders,
            profile=link.profile,
        )
        work = Together(self._open_all, _Coming(link, opened), link.station.id, writes=True)
        begin = time.monotonic()
        number: int = self._batch.do(work)
        LAG.stored(time.monotonic() - begin)
        return number

    def close(self, station_id: int, connection_id: int, code: int, reason: str) -> None:
        """Note that a link is gone; nobody waits for that."""
        closed = Closed(connection_id, code, reason)
        self._batch.later(Together(self._close_all, closed, station_id, writes=True))

    def live(self, db: Session) -> None:
        """Say that this node lives: what is written to find out whether the database is back."""
        presence.beat(db, self._node, now=utc_now())

    def beat(self, held: Callable[[], Sequence[int]]) -> Others:
        """Say that this node lives and what it holds, and end the connections of dead nodes.

        `held` is asked when it is written: storage may be away for long before that.
        """

        def run(db: Session, rows: list[Row]) -> Others:
            now = utc_now()
            presence.beat(db, self._node, now=now, lag_ms=lag_ms)
            presence.note_spool(db, self._node, *self.spooled())
            superseded = presence.settle(db, self._node, held(), now=now)
            presence.close_dead_nodes(db, now=now)
            workers = {node.node: node.stations for node in system.nodes(db, now=now)}
            return Others(workers, superseded)

        lag_ms = round(LAG.taken_worst_s() * 1000)
        others: Others = self._batch.do(Job(run, "the beat"))
        return others

    def seen(self, station_ids: Iterable[int]) -> None:
        """Note that something was heard of these stations; nobody waits for that."""
        ids = list(station_ids)
        if ids:
            self._batch.later(
                Job(lambda db, rows: presence.seen(db, ids, now=utc_now()), "last seen")
            )

    def _open_all(self, db: Session, coming: Sequence[_Coming], rows: list[Row]) -> list[Any]:
        results: list[Any] = [None] * len(coming)
        fences = credentials.fences(db, [one.opened.station_id for one in coming])
        good: list[tuple[int, Opened]] = []
        for place, one in enumerate(coming):
            try:
                self._standing.check(db, one.link, *fences[one.opened.station_id])
            except Over as over:
                results[place] = over
            else:
                good.append((place, one.opened))
        if not good:
            return results
        now, opened = utc_now(), [one for _, one in good]
        numbers = connections.open_all(db, opened, now=now)
        odd = connections.flapping(db, [one.station_id for one in opened], now=now)
        tallies: deviations.Tallies = {}
        for station_id, found in odd.items():
            deviations.count(tallies, station_id, found, now=now)
        deviations.store(db, tallies)
        for (place, _), number in zip(good, numbers, strict=True):
            results[place] = number
        return results

    def _close_all(self, db: Session, closed: Sequence[Closed], rows: list[Row]) -> list[bool]:
        return connections.close_all(db, closed, now=utc_now())
