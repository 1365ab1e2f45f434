"""Sockets on their way into the database as they open and close: in sets; and this node's beat."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.device import deviations
from app.domain.network import connections, credentials, presence
from app.domain.network.connections import Closed, Opened
from app.domain.office.messages import Row
from app.queries.office import system
from worker.batch import Batch, Job, Together
from worker.pace import LAG
from worker.standing import Over, Standing


@dataclass(frozen=True, slots=True)
class _Coming:
    """A link that has just opened, and what is noted of it."""

    link: Any
    opened: Opened


@dataclass(frozen=True, slots=True)
class Others:
    """The workers that live, with how many stations each holds, and which of our connections were
    replaced by newer ones elsewhere."""

    workers: dict[str, int]
    newer_elsewhere: frozenset[int]


class Presence:
    """Which connections this node holds, as all others see it."""

    def __init__(self, batch: Batch, node: str, standing: Standing) -> None:
        self._batch = batch
        self._node = node
        self._standing = standing

    def open(self, link: Any, orders: list[str]) -> int:
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
        work = Together(self._open_all, _Coming(link, opened), link.station.id)
        number: int = self._batch.do(work)
        return number

    def close(self, station_id: int, connection_id: int, code: int, reason: str) -> None:
        """Note that a link is gone; nobody waits for that."""
        closed = Closed(connection_id, code, reason)
        self._batch.later(Together(self._close_all, closed, station_id))

    def beat(self, connection_ids: Sequence[int]) -> Others:
        """Say that this node lives and holds these connections, and end those of dead nodes."""

        def run(db: Any, rows: list[Row]) -> Others:
            now = datetime.now(UTC)
            presence.beat(db, self._node, now=now, lag_ms=lag_ms)
            presence.reopen(db, self._node, connection_ids, now=now)
            presence.close_dead_nodes(db, now=now)
            workers = {node.node: node.stations for node in system.nodes(db, now=now)}
            return Others(workers, presence.superseded(db, self._node, connection_ids))

        lag_ms = round(LAG.taken_worst_s() * 1000)
        others: Others = self._batch.do(Job(run, "the beat"))
        return others

    def seen(self, station_ids: Iterable[int]) -> None:
        """Note that something was heard of these stations; nobody waits for that."""
        ids = list(station_ids)
        if ids:
            self._batch.later(
                Job(lambda db, rows: presence.seen(db, ids, now=datetime.now(UTC)), "last seen")
            )

    def _open_all(self, db: Any, coming: Sequence[_Coming], rows: list[Row]) -> list[Any]:
        results: list[Any] = [None] * len(coming)
        epochs = credentials.access_epochs(db, [one.opened.station_id for one in coming])
        good: list[tuple[int, Opened]] = []
        for place, one in enumerate(coming):
            try:
                self._standing.check(db, one.link, epochs.get(one.opened.station_id))
            except Over as over:
                results[place] = over
            else:
                good.append((place, one.opened))
        if not good:
            return results
        now, opened = datetime.now(UTC), [one for _, one in good]
        numbers = connections.open_all(db, opened, now=now)
        odd = connections.flapping(db, [one.station_id for one in opened], now=now)
        tallies: deviations.Tallies = {}
        for station_id, found in odd.items():
            deviations.count(tallies, station_id, found, now=now)
        deviations.store(db, tallies)
        for (place, _), number in zip(good, numbers, strict=True):
            results[place] = number
        return results

    def _close_all(self, db: Any, closed: Sequence[Closed], rows: list[Row]) -> list[bool]:
        return connections.close_all(db, closed, now=datetime.now(UTC))
