"""What a 2.x transaction told of itself, for the page of its session."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.money.billing.charger_money import total_of
from app.models import ChargingSession, TransactionEvent

#: Triggers of events that only bring readings.
ROUTINE = ("MeterValuePeriodic", "MeterValueClock", "SignedDataReceived", "RunningCost")
MOST = 80


@dataclass(frozen=True, slots=True)
class TransactionFacts:
    """How many events there are, how many were kept while offline, and the last of each fact."""

    events: int
    offline: int
    facts: dict[str, Any]

    @property
    def cost(self) -> str | None:
        """The station's own total, as it told it."""
        told = total_of(self.facts.get("cost_details"))
        return None if told is None else f"{told[1]} {told[0]}"

    @property
    def limits(self) -> str:
        """The limits that the station confirmed, in words."""
        given = self.facts.get("limits")
        return ", ".join(_limits(given)) if isinstance(given, dict) else ""


def _limits(given: dict[str, Any]) -> Iterator[str]:
    for name, words in (
        ("maxCost", "cost {}"),
        ("maxEnergy", "{} Wh"),
        ("maxTime", "{} s"),
        ("maxSoC", "{} % charge"),
    ):
        if given.get(name) is not None:
            yield words.format(given[name])


def of(db: Session, session: ChargingSession) -> TransactionFacts | None:
    """Gather what the events of a session told; None where it has none."""
    if session.last_seq_no is None:
        return None
    rows = db.execute(
        select(TransactionEvent.facts, TransactionEvent.offline)
        .where(TransactionEvent.session_id == session.id)
        .order_by(TransactionEvent.at, TransactionEvent.seq_no)
    ).all()
    facts: dict[str, Any] = {}
    for told, _ in rows:
        facts |= told
    return TransactionFacts(len(rows), sum(offline for _, offline in rows), facts)


def telling(db: Session, session: ChargingSession) -> Iterator[TransactionEvent]:
    """The events that tell more than readings, by the station's clock."""
    if session.last_seq_no is None:
        return
    yield from db.scalars(
        select(TransactionEvent)
        .where(
            TransactionEvent.session_id == session.id,
            TransactionEvent.trigger.not_in(ROUTINE) | (TransactionEvent.kind != "updated"),
        )
        .order_by(TransactionEvent.at, TransactionEvent.seq_no)
        .limit(MOST)
    )
