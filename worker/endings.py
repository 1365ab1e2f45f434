"""How orders ended, written down in sets.  While the database is away the spool keeps it.

An order that was answered in an outage ends with that answer also when this process does not live
to see the database again.  A sweep may have given it up by then: the answer counts all the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from app.domain.commands.command_rules import Ended, Sent, settle_all
from app.domain.ground.redaction import redact
from app.domain.ground.vocabulary import (
    Arguments,
    CommandState,
    Facts,
    MessageOutcome,
    Order,
    Outcome,
)
from app.domain.network import credentials
from app.domain.office.messages import Row
from app.process.clock import utc_now
from worker.away import Unstored
from worker.batch import Batch
from worker.dialects import DIALECTS
from worker.link import Link
from worker.segments import Frame
from worker.spool import Spool
from worker.standing import Standing
from worker.storage import StorageAway
from worker.works import Together

#: How a command ends whose own end cannot be stored.
UNFIT = Outcome(
    CommandState.FAILED, None, "The charger's answer holds something that cannot be stored."
)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a command over a link, and the row of the call that brought it, if one did.

    `order` was put with the arguments `form` at last.
    """

    link: Link
    ended: Ended
    order: Order
    row: Row | None = None
    form: Arguments = field(default_factory=dict)

    @property
    def action(self) -> str:
        """What it is called in the log."""
        return f"the end of command {self.ended.command_id}"

    @property
    def message_id(self) -> str:
        """That of the call, by which its row is found again."""
        return self.row.message_id if self.row is not None else ""

    def unfit(self) -> "Ending":
        """The same end where the answer cannot be stored; its row is left out."""
        return replace(self, ended=replace(self.ended, outcome=UNFIT), row=None)


class Endings:
    """Writes down how commands ended."""

    def __init__(self, batch: Batch, standing: Standing, spool: Spool) -> None:
        self._batch = batch
        self._standing = standing
        self._spool = spool

    def put(self, ending: Ending, then: Callable[[Any], None], trace: Any = None) -> None:
        """Have an end written; nobody waits, but `then` gets what came of it."""
        self._batch.later(
            replace(self._work(ending), then=then, trace=trace, spool=partial(self._keep, ending))
        )

    def again(self, ending: Ending) -> None:
        """Write down an end that was in the spool; raises `StorageAway` or `Unstored`."""
        try:
            self._batch.do(self._work(ending))
        except StorageAway:
            raise
        except Exception as error:
            raise Unstored(str(error)) from error

    def _work(self, ending: Ending) -> Together:
        # What is not taken is forgotten again, in the station's row.
        writes = ending.order is Order.CHANGE_PASSWORD
        return Together(self._store, ending, ending.link.station.id, writes=writes)

    def _keep(self, ending: Ending) -> bool:
        """Whether the spool has it now."""
        try:
            return self._spool.keep(frame_of(ending))
        except TypeError:  # a text that is no text, say: memory alone can keep it
            return False

    def _store(self, db: Session, told: Sequence[Ending], rows: list[Row]) -> list[None]:
        fences = credentials.fences(db, {one.link.station.id for one in told})
        counted = []
        for one in told:
            epoch, _ = fences[one.link.station.id]
            outcome = self._standing.counted(db, one.link, one.ended.outcome, epoch)
            counted.append(replace(one.ended, outcome=outcome))
        settle_all(db, counted, now=utc_now())
        rows.extend(one.row for one in told if one.row is not None)
        return [None] * len(told)


def frame_of(ending: Ending) -> Frame:
    """What the spool keeps of an end: no text, for it is none that a charger waits for.

    Secrets are blotted out.  What an answer tells is read again from the answer and the form.
    """
    link, ended, row = ending.link, ending.ended, ending.row
    outcome, wire = ended.outcome, ended.wire
    told = {
        "command": ended.command_id,
        "order": ending.order,
        "form": redact(ending.form),
        "outcome": [outcome.state, outcome.answer, outcome.sentence, outcome.word],
        "facts": list(outcome.facts),
        "latency_ms": ended.latency_ms,
        "wire": wire and [wire.action, redact(wire.request), wire.message_id, wire.sent_at],
        "attempts": [redact(attempt) for attempt in ended.attempts],
        "row": row and row._asdict(),
    }
    at = utc_now() if row is None else row.at
    return Frame(link.station.id, link.station.identity, link.version, at, None, "", told)


def ending_of(link: Link, frame: Frame) -> Ending:
    """The end that such a frame tells of; raises KeyError, TypeError or ValueError for others."""
    told = frame.told
    order, form, row = Order(told["order"]), told["form"], told["row"]
    state, answer, sentence, word = told["outcome"]
    facts: Facts = {"form": form} if "form" in told["facts"] else {}
    if set(told["facts"]) - {"form"}:
        facts |= DIALECTS[frame.version].orders[order].outcome(answer, form).facts
    if wire := told["wire"]:
        action, request, message_id, sent_at = wire
        wire = Sent(action, request, message_id, datetime.fromisoformat(sent_at))
    if row:
        row = Row(**row | {"outcome": MessageOutcome(row["outcome"]), "at": frame.received_at})
    ended = Ended(
        told["command"],
        Outcome(CommandState(state), answer, sentence, facts, word),
        told["latency_ms"],
        wire,
        told["attempts"],
        late=True,
    )
    return Ending(link, ended, order, row, form)
