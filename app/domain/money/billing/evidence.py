"""The last look before a bill: does a session contradict its own evidence?  Pure.

`weigh(facts, history)` gives the energy, the figures that it could also be,
each with what speaks for it, and named doubts.  Assessment, live energy and the
cost told to a station all ask here.  `compare` holds a session against those
before and after it at the same plug: a lifetime register runs on, so a session
that begins below the end of another one claims kilowatt-hours a second time, one
that begins above it leaves some to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from app.domain.charging.energy import REGISTER, EnergyFacts, EnergyFlag, EnergyResult, measure
from app.domain.charging.energy.checks import rises_alike_from_zero
from app.domain.charging.energy.plausibility import COARSE_WH, RESOLUTION_WH

LIFETIME, EACH_SESSION = "lifetime", "session"

OVERLAP, AGAIN, GAP, FELL = "register_overlap", "session_again", "register_gap", "register_fell"

#: What a charger itself may draw through its meter between two sessions.
STANDBY_W = Decimal(10)
STANDBY_MOST_WH = Decimal(500)
#: A session told again keeps its length; its times may each be a second off.
SAME_LENGTH = timedelta(seconds=2)
#: Sessions that begin and end at one register, this short, are starts that failed.
FAILED_START = timedelta(minutes=2)
#: Sessions that have to begin at zero before that is the plug's way.
LEARNT_FROM = 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """A session's stretch of its plug's register; instants are aware UTC.

    `start_wh` and `stop_wh` are what the charger told; `first_wh` and `last_wh` what is
    believed of it, None where nothing is.  `billed`: a bill of it stands; `dated`: by its clock.
    """

    session_id: int
    started_at: datetime
    ended_at: datetime
    start_wh: Decimal | None
    stop_wh: Decimal | None
    first_wh: Decimal | None
    last_wh: Decimal | None
    billed: bool = False
    dated: bool = True

    @property
    def length(self) -> timedelta:
        """How long the session was."""
        return self.ended_at - self.started_at

    @property
    def rises(self) -> bool:
        """Whether it is a stretch of a register at all."""
        return None not in (self.first_wh, self.last_wh) and self.last_wh > self.first_wh  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Continuity:
    """What a session's neighbours say of it.

    `doubts` hold its bill; `remarks` are told and no more.  `other_id` is the
    session that claims the same energy; `between_wh` is what flowed (or, where it
    is negative, fell) since the end of the session before.
    """

    doubts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    other_id: int | None = None
    between_wh: Decimal | None = None


def habit_of(earlier: Sequence[Stretch]) -> str | None:
    """How a plug's register goes on from session to session; None is not known.

    `earlier` are its last sessions, the newest first.  Many a begin of zero is a
    placeholder before a lifetime register: it starts anew only where a later
    session also ends below an earlier one.
    """
    known = [each for each in earlier if each.first_wh is not None and each.last_wh]
    at_zero = [each for each in known if _near_zero(each.first_wh)]
    fell = any(_less(new.last_wh, old.last_wh) for new, old in pairwise(known))
    if len(at_zero) >= LEARNT_FROM and fell and 2 * len(at_zero) > len(known):
        return EACH_SESSION
    return LIFETIME if known and 2 * len(at_zero) < len(known) else None


def compare(
    own: Stretch,
    earlier: Sequence[Stretch],
    later: Sequence[Stretch],
    habit: str | None,
    *,
    told_before: Stretch | None = None,
) -> Continuity:
    """Hold a session's registers against those of its plug's other sessions.

    `earlier` and `later` are its neighbours, the nearest first; `told_before` one
    with the very same registers, however far away.  Of two that claim the same
    energy, the one that came to billing first keeps it, else the earlier one.
    """
    before = [each for each in earlier if each.billed or _goes_before(each, own)]
    first_billed = [each for each in later if each.billed] if not own.billed else []
    others = [*before, *first_billed]
    if told_before is not None and (told_before.billed or _goes_before(told_before, own)):
        others.append(told_before)
    for other in others:
        if _is_again(own, other, habit):
            return Continuity((AGAIN,), other_id=other.session_id)
    if own.rises and habit != EACH_SESSION and not _near_zero(own.first_wh):
        for other in [*before, *first_billed]:
            if other.rises and not _near_zero(other.last_wh) and _shared(own, other) > _step(own):
                return Continuity((OVERLAP,), other_id=other.session_id)
    return _since(own, earlier[0] if earlier else None, habit)


def _since(own: Stretch, before: Stretch | None, habit: str | None) -> Continuity:
    """What happened to the register between the session before and this one."""
    if before is None or before.last_wh is None or own.first_wh is None:
        return Continuity()
    between = own.first_wh - before.last_wh
    if habit == EACH_SESSION or _near_zero(own.first_wh) or _near_zero(before.last_wh):
        return Continuity(between_wh=between)
    hours = Decimal(max((own.started_at - before.ended_at).total_seconds(), 0)) / 3600
    standby = min(STANDBY_W * hours, STANDBY_MOST_WH)
    step = max(_step(own), _step(before))
    if between > step + standby:
        return Continuity(remarks=(GAP,), between_wh=between)
    if between < -step:
        return Continuity(remarks=(FELL,), between_wh=between)
    return Continuity(between_wh=between)


def _is_again(own: Stretch, other: Stretch, habit: str | None) -> bool:
    """Whether a session is another one told once more: the same registers and length."""
    if own.start_wh is None or own.stop_wh is None:
        return False
    if (own.start_wh, own.stop_wh) != (other.start_wh, other.stop_wh):
        return False
    energy = own.stop_wh - own.start_wh
    same_length = abs(own.length - other.length) <= SAME_LENGTH
    if energy > _step(own) and not _near_zero(own.start_wh) and habit != EACH_SESSION:
        return True
    if not same_length or (energy <= 0 and own.length < FAILED_START):
        return False
    # A plug that counts each session from zero: its registers may be alike by chance.
    exact = energy > COARSE_WH and energy % RESOLUTION_WH != 0
    together = min(own.ended_at, other.ended_at) - max(own.started_at, other.started_at)
    return exact or (own.dated and other.dated and together > own.length / 2)


def _goes_before(other: Stretch, own: Stretch) -> bool:
    return (other.started_at, other.session_id) < (own.started_at, own.session_id)


def _shared(own: Stretch, other: Stretch) -> Decimal:
    """How much of the register two sessions both claim, in Wh."""
    if own.first_wh is None or own.last_wh is None:
        return Decimal(0)
    if other.first_wh is None or other.last_wh is None:
        return Decimal(0)
    return min(own.last_wh, other.last_wh) - max(own.first_wh, other.first_wh)


def _near_zero(register_wh: Decimal | None) -> bool:
    return register_wh is not None and register_wh <= RESOLUTION_WH


def _less(one: Decimal | None, other: Decimal | None) -> bool:
    return one is not None and other is not None and one < other - RESOLUTION_WH


def _step(stretch: Stretch) -> Decimal:
    """The step in which a session's register counts, in Wh."""
    shown = [value for value in (stretch.first_wh, stretch.last_wh) if value]
    coarse = len(shown) > 1 and all(value % COARSE_WH == 0 for value in shown)
    return COARSE_WH if coarse else RESOLUTION_WH


#: The codes of candidates, in the order in which they are shown.
STOP_START, LAST_START, SEGMENTS = "stop_start", "last_start", "segments"
FROM_PREVIOUS, UNDER_POWER, SIGNED = "from_previous", "under_power", "signed"

#: Figures within this much of each other, in Wh, are the same.
_SAME_WH = Decimal(100)
#: A register that starts anew shows no more than this at the start, in Wh.
_ANEW_WH = Decimal(1000)
_Figures = dict[str, tuple[Decimal, str]]


@dataclass(frozen=True, slots=True)
class PlugHistory:
    """What a plug's earlier sessions say about the next one; None is not known.

    `habit` is "lifetime" (the register runs on) or "session" (it starts anew
    each time).  `greatest_power_w` is the most that the plug ever measured in a
    session that nothing spoke against.
    """

    previous_stop_wh: Decimal | None = None
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
    """What the evidence comes to; the energy's flags name the doubts."""

    energy: EnergyResult
    facts: EnergyFacts
    past: PlugHistory

    @property
    def candidates(self) -> list[Candidate]:
        """All figures that something speaks for; each says what, and what speaks against it."""
        shown = _figures(self.facts, self.past, self.energy)
        return [_candidate(code, shown, self.energy) for code in shown]

    @property
    def proposed_wh(self) -> Decimal | None:
        """The figure to propose; none where it is only the limit of a session that claims more."""
        capped = self.energy.measured_wh > self.energy.energy_wh
        return None if capped or self.energy.basis == "none" else self.energy.energy_wh


def weigh(facts: EnergyFacts, history: PlugHistory | None = None) -> Weighed:
    """Weigh all that is known of a session's energy."""
    past = history or PlugHistory()
    known, from_past = _with_past(facts, past)
    energy = measure(known)
    if from_past:
        energy = replace(energy, flags=energy.flags | from_past)
    return Weighed(energy, facts, past)


def _with_past(facts: EnergyFacts, past: PlugHistory) -> tuple[EnergyFacts, set[EnergyFlag]]:
    """The facts with what the plug's past adds, and what it says against the first register."""
    begin, stop, anew = facts.meter_start_wh, past.previous_stop_wh, past.habit == EACH_SESSION
    zero = begin == 0 and (anew or (past.habit is None and rises_alike_from_zero(facts)))
    if zero and (anew if stop is None else facts.reads_below(stop)):
        stop = begin  # it started anew: the zero is where the register stood
    elif anew or (begin == 0 and stop is not None and stop <= _ANEW_WH):
        stop = None  # of two zeros neither need be a register
    greatest = facts.greatest_power_w or past.greatest_power_w
    if stop is not None or greatest != facts.greatest_power_w:
        before = facts.previous_stop_wh if stop is None else stop
        facts = replace(facts, greatest_power_w=greatest, previous_stop_wh=before)
    if anew and begin is not None and begin > _ANEW_WH and not _is_continued(facts, begin):
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


def _figures(facts: EnergyFacts, past: PlugHistory, energy: EnergyResult) -> _Figures:
    """What the energy could be, and what speaks for it, by the codes."""
    start, stop = facts.meter_start_wh, facts.meter_stop_wh
    found: _Figures = {}
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
    if facts.signed_wh:
        nearest = min(facts.signed_wh, key=lambda wh: abs(wh - energy.measured_wh))
        found[SIGNED] = (nearest, "The meter signed both registers.")
    return {code: figure for code, figure in found.items() if figure[0] >= 0}


def _candidate(code: str, shown: _Figures, energy: EnergyResult) -> Candidate:
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
        against.append("The measured power adds up to a very different figure.")
    return Candidate(code, wh, tuple(speaks_for), tuple(against))
