"""What goes into the measuring of a session's energy, on its way, and what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.charging.energy.plausibility import COARSE_WH
from app.domain.charging.energy.readings import REGISTER, Point, Reading, points_of
from app.domain.ground.vocabulary import doubts

CurvePoint = tuple[datetime, Decimal]


class EnergyFlag(StrEnum):
    """Something about a session's energy that a person should know; `sentence` says it."""

    REGISTER_RESET = "register_reset"
    SESSION_RELATIVE = "session_relative"
    ESTIMATED_END = "estimated_end"
    STOP_BELOW_START = "stop_below_start"
    IMPLAUSIBLE_POWER = "implausible_power"
    BEGIN_ZERO_PLACEHOLDER = "begin_zero_placeholder"
    UNIT_MISLABELLED = "unit_mislabelled"
    SUMMED_PHASES = "summed_phases"
    INTERVAL_SUM = "interval_sum"
    NET_USED = "net_used"
    INTEGRATED_POWER = "integrated_power"
    CLOCK_INCONSISTENT = "clock_inconsistent"
    REGISTER_STUCK = "register_stuck"
    OUTLIER_IGNORED = "outlier_ignored"
    NO_ENERGY_REPORTED = "no_energy_reported"
    BEGIN_MISSING = "begin_missing"
    BEGIN_OFF_HABIT = "begin_off_habit"
    BEGIN_UNEXPLAINED = "begin_unexplained"
    END_UNEXPLAINED = "end_unexplained"
    STEP_UNEXPLAINED = "step_unexplained"
    RATE_UNEXPLAINED = "rate_unexplained"
    OPENING_DIFFERS = "opening_differs"
    CLOSING_DIFFERS = "closing_differs"
    READING_ABOVE_END = "reading_above_end"
    MANY_OUTLIERS = "many_outliers"
    POWER_DISAGREES = "power_disagrees"
    HARDLY_ANY_ENERGY = "hardly_any_energy"
    INTERVAL_LOST = "interval_lost"
    INTERVAL_REPEATED = "interval_repeated"
    INTERVAL_MIXED = "interval_mixed"
    PHASE_LOST = "phase_lost"
    SIGNED_DIFFERS = "signed_differs"
    SIGNED_BAD = "signed_bad"

    @property
    def sentence(self) -> str:
        """The flag in plain English."""
        return doubts.sentence(self.value)

    @property
    def holds(self) -> bool:
        """Whether a bill waits for a person because of it."""
        return doubts.holds(self.value)


@dataclass(frozen=True, slots=True)
class EnergyFacts:
    """What is known about a session's energy; instants are aware UTC.

    `ended_at` is None while the session runs.  `meter_stop_wh` is None when no
    stop was reported.  The two `received_*` instants are ours and replace the
    charger's where its clock contradicts itself.  `clock_doubtful`: the times
    are not to be trusted, so nothing is measured against them.

    `readings_before_stop` is how many frames of readings had arrived when the
    stop did (readings carry their number as `received`); None: not known.
    `max_power_w` is the stated greatest power of the plug, `plug_type` its kind,
    `greatest_power_w` the most it ever measured before.  `previous_stop_wh` is
    where the plug's register stood when its last session ended, None where that
    says nothing about this one.  `said_charging_s` tells how long the plug called
    itself Charging, and is asked where that matters; None: all the time.  `signed_wh` is
    what readings that the meter signed say of the energy, for each register that they
    name, `signed_good` that it calls them good.
    """

    meter_start_wh: Decimal | None
    started_at: datetime
    meter_stop_wh: Decimal | None = None
    ended_at: datetime | None = None
    max_power_w: Decimal | None = None
    readings: Sequence[Reading] = ()
    received_start_at: datetime | None = None
    received_end_at: datetime | None = None
    clock_doubtful: bool = False
    readings_before_stop: int | None = None
    plug_type: str | None = None
    greatest_power_w: Decimal | None = None
    previous_stop_wh: Decimal | None = None
    said_charging_s: Callable[[], int | None] = lambda: None
    signed_wh: tuple[Decimal, ...] = ()
    signed_good: bool = True

    def goes_on_from(self, begin_wh: Decimal | None, within_wh: Decimal) -> bool:
        """Whether a register that the session begins with is where the plug's stood before it."""
        known = self.previous_stop_wh
        return None not in (known, begin_wh) and abs(begin_wh - known) <= within_wh  # type: ignore[operator]

    def goes_on_in_kwh(self) -> bool:
        """Whether the plug's register goes on as a thousandth of itself: in another unit."""
        known, begin = self.previous_stop_wh, self.meter_start_wh
        if known is None or not begin or known < 100 * COARSE_WH:
            return False
        return abs(begin * 1000 - known) <= max(known / 1000, COARSE_WH)

    def reads_below(self, register_wh: Decimal) -> bool:
        """Whether the first register that is read, but for zeros, is another one's beginning."""
        shown = [point.value for point in points_of(self.readings, REGISTER) if point.value]
        return bool(shown) and shown[0] < register_wh - COARSE_WH


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch over which one register only rose."""

    from_at: datetime
    to_at: datetime
    from_wh: Decimal
    to_wh: Decimal


@dataclass(frozen=True, slots=True)
class EnergyResult:
    """A session's energy and what it rests on.

    `curve` is cumulative Wh since the start, never falling; it begins with
    (start, 0) and ends with (end, energy_wh).  `measured_wh` is what the
    registers claim before the limit of the plug's power was applied, and
    `before_wh` the part of it that was estimated for the time before the first
    register.  `power_wh` is the energy under the measured power, None where
    power was not measured throughout.
    """

    energy_wh: Decimal
    measured_wh: Decimal
    initial_wh: Decimal | None
    final_wh: Decimal | None
    flags: frozenset[EnergyFlag]
    basis: str  # "register", "interval", "net", "power" or "none"
    started_at: datetime
    ended_at: datetime
    limit_wh: Decimal  # the most that the plug can deliver in that time
    segments: tuple[Segment, ...]
    used: tuple[Reading, ...]
    ignored: tuple[Reading, ...]
    curve: tuple[CurvePoint, ...]
    before_wh: Decimal = Decimal(0)
    power_wh: Decimal | None = None

    @property
    def held(self) -> bool:
        """Whether a person must look before this is billed."""
        return any(flag.holds for flag in self.flags)

    @property
    def duration_s(self) -> int:
        """Whole seconds from start to end, never negative."""
        return max(int((self.ended_at - self.started_at).total_seconds()), 0)


@dataclass(slots=True)
class Work:
    """What one source of energy gives before the limits are applied.

    `before` is the part of `wh` that was estimated for the time before the first register.
    """

    basis: str
    wh: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    initial: Decimal | None = None
    final: Decimal | None = None
    flags: set[EnergyFlag] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    used: list[Point] = field(default_factory=list)
    ignored: list[Point] = field(default_factory=list)
