"""The last look before a bill: does a session contradict its own evidence?  Pure.

`weigh(facts, history)` gives the energy, the figures that it could also be,
each with what speaks for it, and named doubts.  Assessment, live energy and the
cost told to a station all ask here.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from app.domain.energy import EnergyFacts, EnergyResult, measure


@dataclass(frozen=True, slots=True)
class PlugHistory:
    """What a plug's earlier sessions say about the next one; None is not known.

    `habit` is "lifetime" (the register runs on) or "session" (it starts anew
    each time).  `greatest_power_w` is the most that the plug ever measured in a
    session that nothing spoke against.
    """

    previous_stop_wh: Decimal | None = None
    previous_ended_at: datetime | None = None
    habit: str | None = None
    greatest_power_w: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A figure that the energy could be; `speaks_for` and `against` are sentences."""

    code: str
    energy_wh: Decimal
    speaks_for: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the evidence comes to.  `proposed_wh` None: no figure is to be proposed.

    `doubts` are codes beside the energy's own flags; each holds the bill.
    """

    energy: EnergyResult
    candidates: tuple[Candidate, ...]
    proposed_wh: Decimal | None
    doubts: tuple[str, ...] = ()


def weigh(facts: EnergyFacts, history: PlugHistory | None = None) -> Weighed:
    """Weigh all that is known of a session's energy."""
    energy = measure(facts)
    return Weighed(energy, (), energy.energy_wh)
