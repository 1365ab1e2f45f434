"""The last look before a bill: does a session contradict its own evidence?  Pure.

`weigh(facts, history)` gives the energy, the figures that it could also be,
each with what speaks for it, and named doubts.  Assessment, live energy and the
cost told to a station all ask here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from app.domain.charging.energy import REGISTER, EnergyFacts, EnergyFlag, EnergyResult, measure
from app.domain.money.billing.continuity import EACH_SESSION, LIFETIME

#: The codes of candidates, in the order in which they are shown.
STOP_START = "stop_start"
LAST_START = "last_start"
SEGMENTS = "segments"
FROM_PREVIOUS = "from_previous"
UNDER_POWER = "under_power"

#: Figures within this much of each other, in Wh, are the same.
_SAME_WH = Decimal(100)
#: A register that starts anew shows no more than this at the start, in Wh.
_ANEW_WH = Decimal(1000)


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
    """What the evidence comes to; the energy's flags name the doubts.

    `proposed_wh` None: no figure is to be proposed.
    """

    energy: EnergyResult
    candidates: tuple[Candidate, ...]
    proposed_wh: Decimal | None


def weigh(facts: EnergyFacts, history: PlugHistory | None = None) -> Weighed:
    """Weigh all that is known of a session's energy."""
    past = history or PlugHistory()
    known, from_past = _with_past(facts, past)
    energy = measure(known)
    if from_past:
        energy = replace(energy, flags=energy.flags | from_past)
    candidates = tuple(_candidates(facts, past, energy))
    return Weighed(energy, candidates, _proposed(energy))


def _with_past(facts: EnergyFacts, past: PlugHistory) -> tuple[EnergyFacts, set[EnergyFlag]]:
    """The facts with what the plug's past adds, and what it says against the first register."""
    stop = past.previous_stop_wh if past.habit != EACH_SESSION else None
    greatest = facts.greatest_power_w or past.greatest_power_w
    if stop is not None or greatest != facts.greatest_power_w:
        before = facts.previous_stop_wh if stop is None else stop
        facts = replace(facts, greatest_power_w=greatest, previous_stop_wh=before)
    begin = facts.meter_start_wh
    if (
        past.habit == EACH_SESSION
        and begin is not None
        and begin > _ANEW_WH
        and not _is_continued(facts, begin)
    ):
        return facts, {EnergyFlag.BEGIN_OFF_HABIT}
    ran_on = past.habit == LIFETIME and stop is not None and stop > _ANEW_WH
    if begin == 0 and ran_on and _highest(facts) >= (stop or 0):
        # The register ran on from where the last session left it: a zero is no register.
        return replace(facts, meter_start_wh=stop), {EnergyFlag.BEGIN_ZERO_PLACEHOLDER}
    return facts, set()


def _is_continued(facts: EnergyFacts, begin: Decimal) -> bool:
    """Whether a reading of the session continues from its first register."""
    return any(
        reading.measurand == REGISTER and reading.value >= begin for reading in facts.readings
    )


def _highest(facts: EnergyFacts) -> Decimal:
    values = [reading.value for reading in facts.readings if reading.measurand == REGISTER]
    return max([facts.meter_stop_wh or Decimal(0), *values])


def _proposed(energy: EnergyResult) -> Decimal | None:
    """The figure to propose; none where it is only the limit of a session that claims more."""
    if energy.basis == "none" or energy.measured_wh > energy.energy_wh:
        return None
    return energy.energy_wh


def _candidates(facts: EnergyFacts, past: PlugHistory, energy: EnergyResult) -> list[Candidate]:
    """All figures that something speaks for; each says what, and what speaks against it."""
    start, stop = facts.meter_start_wh, facts.meter_stop_wh
    found: dict[str, tuple[Decimal, str]] = {}
    if start is not None and stop is not None:
        found[STOP_START] = (stop - start, "The charger named both registers.")
    last = max(
        (r for r in energy.used if r.measurand == REGISTER),
        key=lambda reading: reading.taken_at,
        default=None,
    )
    if start is not None and last is not None:
        found[LAST_START] = (last.value - start, "The last reading that fits the others.")
    if energy.basis in ("register", "interval"):
        found[SEGMENTS] = (energy.measured_wh, "All rises of the register that the plug explains.")
    end = last.value if stop is None and last else stop
    if past.previous_stop_wh is not None and past.habit != EACH_SESSION and end is not None:
        found[FROM_PREVIOUS] = (
            end - past.previous_stop_wh,
            "The plug's last session ended where this one would begin.",
        )
    if energy.power_wh is not None:
        found[UNDER_POWER] = (energy.power_wh, "The measured power, added up over the time.")
    shown = {code: figure for code, figure in found.items() if figure[0] >= 0}
    return [_candidate(code, shown, energy) for code in shown]


def _candidate(code: str, shown: dict[str, tuple[Decimal, str]], energy: EnergyResult) -> Candidate:
    """One figure, with the others that agree with it and what the plug's limit says."""
    wh, sentence = shown[code]
    speaks_for, against = [sentence], []
    near = max(_SAME_WH, wh / 20)
    agreeing = [other for other, (value, _) in shown.items() if abs(value - wh) <= near]
    if len(agreeing) > 1:
        others = len(agreeing) - 1
        count = "Another figure agrees" if others == 1 else f"{others} of the other figures agree"
        speaks_for.append(f"{count} within five percent.")
    if wh > energy.limit_wh:
        against.append("It is more than the plug can deliver in that time.")
    power_wh = energy.power_wh
    if power_wh is not None and abs(power_wh - wh) > max(_SAME_WH, power_wh / 2):
        against.append("The measured power adds up to quite another figure.")
    return Candidate(code, wh, tuple(speaks_for), tuple(against))
