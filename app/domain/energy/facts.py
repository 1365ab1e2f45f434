"""What goes into the measuring of a session's energy, and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from app.domain.energy.readings import Reading

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

    @property
    def sentence(self) -> str:
        """The flag in plain English."""
        return SENTENCES[self]

    @property
    def holds(self) -> bool:
        """Whether a bill waits for a person because of it."""
        return self in HOLDING


def _(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


SENTENCES: dict[EnergyFlag, str] = {
    EnergyFlag.REGISTER_RESET: _(
        "The energy register fell back during the session; the parts before and after were added."
    ),
    EnergyFlag.SESSION_RELATIVE: _(
        "The session began with a lifetime register but the readings count from zero; "
        "the highest reading was taken as the energy."
    ),
    EnergyFlag.ESTIMATED_END: _(
        "No final register was reported; the last reading before the end was used."
    ),
    EnergyFlag.STOP_BELOW_START: _(
        "The final register is zero or below the first; the last good reading was used instead."
    ),
    EnergyFlag.IMPLAUSIBLE_POWER: _(
        "The registers show more energy than the plug can deliver in that time."
    ),
    EnergyFlag.BEGIN_ZERO_PLACEHOLDER: _(
        "The session began with a zero that is no real register; the first reading was used."
    ),
    EnergyFlag.UNIT_MISLABELLED: _(
        "The register and the measured power differ about a thousandfold: "
        "the unit is probably mislabelled."
    ),
    EnergyFlag.REGISTER_STUCK: _("The register stood still although power was measured."),
    EnergyFlag.SUMMED_PHASES: _("The charger reports energy per phase; the phases were added."),
    EnergyFlag.INTERVAL_SUM: _(
        "The charger reports energy per interval instead of a register; the intervals were added."
    ),
    EnergyFlag.NET_USED: _(
        "Only a net register was reported; energy given back may have been deducted."
    ),
    EnergyFlag.INTEGRATED_POWER: _(
        "No energy was reported; it was estimated from the measured power."
    ),
    EnergyFlag.CLOCK_INCONSISTENT: _(
        "The charger's clock jumped during the session; the order of arrival was used."
    ),
    EnergyFlag.OUTLIER_IGNORED: _(
        "A reading that fits neither the one before nor the one after was left out."
    ),
    EnergyFlag.NO_ENERGY_REPORTED: _("The charger reported no energy for this session."),
}

# A flag that is not listed is told on the session's page and holds nothing back:
# the energy rests on registers that agree with each other.
HOLDING: frozenset[EnergyFlag] = frozenset(EnergyFlag) - {
    EnergyFlag.SUMMED_PHASES,
    EnergyFlag.INTERVAL_SUM,
    EnergyFlag.OUTLIER_IGNORED,
}


@dataclass(frozen=True, slots=True)
class EnergyFacts:
    """What is known about a session's energy; instants are aware UTC.

    `ended_at` is None while the session runs.  `meter_stop_wh` is None when no
    stop was reported.  The two `received_*` instants are ours and replace the
    charger's where its clock contradicts itself.
    """

    meter_start_wh: Decimal | None
    started_at: datetime
    meter_stop_wh: Decimal | None = None
    ended_at: datetime | None = None
    max_power_w: Decimal | None = None
    readings: Sequence[Reading] = ()
    received_start_at: datetime | None = None
    received_end_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch over which one register only rose."""

    from_at: datetime
    to_at: datetime
    from_wh: Decimal
    to_wh: Decimal

    @property
    def energy_wh(self) -> Decimal:
        """What the stretch adds to the session."""
        return self.to_wh - self.from_wh


@dataclass(frozen=True, slots=True)
class EnergyResult:
    """A session's energy and what it rests on.

    `curve` is cumulative Wh since the start, never falling; it begins with
    (start, 0) and ends with (end, energy_wh).  `measured_wh` is what the
    registers claim before the limit of the plug's power was applied.
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

    @property
    def held(self) -> bool:
        """Whether a person must look before this is billed."""
        return not self.flags.isdisjoint(HOLDING)

    @property
    def duration_s(self) -> int:
        """Whole seconds from start to end, never negative."""
        return max(int((self.ended_at - self.started_at).total_seconds()), 0)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All flags in plain English, the ones that hold first."""
        ordered = sorted(self.flags, key=lambda flag: (not flag.holds, flag.value))
        return tuple(flag.sentence for flag in ordered)
