"""The ends of our calls, and of the commands behind them, written with the next batch in a set."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from app.domain.commands.command_ends import Ended, settle_all
from app.domain.ground.vocabulary import CommandState, Outcome
from app.domain.network import credentials
from app.domain.office.messages import Row
from worker.batch import Batch, Job, StorageAway, Together
from worker.standing import Standing

log = logging.getLogger(__name__)

#: How a command ends whose own end cannot be stored.
UNFIT = Outcome(
    CommandState.FAILED, None, "The charger's answer holds something that cannot be stored."
)


@dataclass(slots=True)
class Told:
    """The end of a command over a link, and the row of the call that brought it, if one did."""

    link: Any
    ended: Ended
    row: Row | None


class Settling:
    """Settles commands once each, whatever the answer holds."""

    def __init__(self, batch: Batch, standing: Standing) -> None:
        self._batch = batch
        self._standing = standing

    def settle(self, link: Any, ended: Ended, row: Row | None = None) -> None:
        """Have an end written; what cannot be stored fails the command instead."""

        def stored(result: Any) -> None:
            if not isinstance(result, Exception):
                return
            log.error("the end of command %d is not taken in: %s", ended.command_id, result)
            if isinstance(result, StorageAway) or ended.outcome is UNFIT:
                return
            self.settle(link, replace(ended, outcome=UNFIT))
            self.log(row)

        told = Told(link, ended, row)
        self._batch.later(Together(self._store, told, link.station.id, then=stored))

    def log(self, row: Row | None) -> None:
        """Keep the row of a call."""
        if row is not None:
            self._batch.later(Job(lambda db, rows: rows.append(row)))

    def _store(self, db: Any, told: Sequence[Told], rows: list[Row]) -> list[None]:
        epochs = credentials.access_epochs(db, {one.link.station.id for one in told})
        counted = []
        for one in told:
            epoch = epochs.get(one.link.station.id)
            outcome = self._standing.counted(db, one.link, one.ended.outcome, epoch)
            counted.append(replace(one.ended, outcome=outcome))
        settle_all(db, counted, now=datetime.now(UTC))
        rows.extend(one.row for one in told if one.row is not None)
        return [None] * len(told)
