"""Where one session's register ends and the next one's begins, at the same plug.  Pure.

A lifetime register runs on: a session that begins below the end of another one
claims kilowatt-hours a second time, one that begins above it leaves some to nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from app.domain.charging.energy.plausibility import COARSE_WH, RESOLUTION_WH

LIFETIME, EACH_SESSION = "lifetime", "session"

OVERLAP, AGAIN = "register_overlap", "session_again"
GAP, FELL = "register_gap", "register_fell"

#: What a charger itself may draw through its meter between two sessions.
STANDBY_W = Decimal(10)
STANDBY_MOST_WH = Decimal(500)
#: A session told again keeps its length; its times may each be a second off.
SAME_LENGTH = timedelta(seconds=2)
#: Sessions that begin and end at one register, this short, are starts that failed.
FAILED_START = timedelta(minutes=2)
#: Sessions that have to begin at zero before that is the plug's way.
LEARNT_FROM = 2

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A session's stretch of its plug's register; instants are aware UTC.

    `start_wh` and `stop_wh` are what the charger told; `first_wh` and `last_wh`
    what is believed of it, None where nothing is.  `billed` is whether a bill of
    it stands.
    """

    session_id: int
    started_at: datetime
    ended_at: datetime
    start_wh: Decimal | None
    stop_wh: Decimal | None
    first_wh: Decimal | None
    last_wh: Decimal | None
    billed: bool = False

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
    near_zero = _near_zero(own.first_wh)
    if own.rises and habit != EACH_SESSION and not near_zero:
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
    return exact or together > own.length / 2


def _goes_before(other: Stretch, own: Stretch) -> bool:
    return (other.started_at, other.session_id) < (own.started_at, own.session_id)


def _shared(own: Stretch, other: Stretch) -> Decimal:
    """How much of the register two sessions both claim, in Wh."""
    if own.first_wh is None or own.last_wh is None:
        return _ZERO
    if other.first_wh is None or other.last_wh is None:
        return _ZERO
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
