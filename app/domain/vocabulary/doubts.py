"""Every doubt about a session and every oddity of it, said once: what it is called, when it
arises, what the reviewer reads, and whether it holds the bill.  Pure.

`docs/money.md` draws its table from here; the desk, the receipts and the
command line take their words from here.
"""

from dataclasses import dataclass
from enum import StrEnum


class About(StrEnum):
    """What a doubt is about."""

    METER = "meter"
    SESSION = "session"
    BILL = "bill"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One doubt.  `label` is two or three words, `when` says for docs what gives rise to it,
    `sentence` is what people read.  One that does not hold is told and no more.
    """

    code: str
    label: str
    when: str
    sentence: str
    about: About
    holds: bool = True


def _(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


_ALL = (
    Doubt(
        "register_reset",
        "meter reset",
        "a register falls inside the session and does not come back",
        _(
            "The energy register fell back during the session; "
            "the parts before and after were added."
        ),
        About.METER,
    ),
    Doubt(
        "session_relative",
        "meter counts from zero",
        "the start is a lifetime register, all readings lie far below it and rise from zero",
        _(
            "The session began with a lifetime register but the readings count from zero; "
            "the highest reading was taken as the energy."
        ),
        About.METER,
    ),
    Doubt(
        "estimated_end",
        "end estimated",
        "the session ended and no closing register was told",
        _("No final register was reported; the last reading before the end was used."),
        About.METER,
    ),
    Doubt(
        "stop_below_start",
        "final register too low",
        "the closing register is zero or below the first one",
        _("The final register is zero or below the first; the last good reading was used instead."),
        About.METER,
    ),
    Doubt(
        "implausible_power",
        "more energy than the plug can give",
        "the energy, or a step of the register that stays, exceeds the limit of the plug",
        _("The registers show more energy than the plug can deliver in that time."),
        About.METER,
    ),
    Doubt(
        "begin_zero_placeholder",
        "zero at the start",
        "the first register is 0 and no plug explains the step to the readings after it",
        _("The session began with a zero that is no real register; the first reading was used."),
        About.METER,
    ),
    Doubt(
        "unit_mislabelled",
        "unit mislabelled",
        "register and measured power differ about a thousandfold",
        _(
            "The register and the measured power differ about a thousandfold: "
            "the unit is probably mislabelled."
        ),
        About.METER,
    ),
    Doubt(
        "register_stuck",
        "register stood still",
        "the register shows nothing although at least 1 kWh of power was measured",
        _("The register stood still although power was measured."),
        About.METER,
    ),
    Doubt(
        "summed_phases",
        "phases added",
        "energy is told for L1, L2 and L3 only",
        _("The charger reports energy per phase; the phases were added."),
        About.METER,
        holds=False,
    ),
    Doubt(
        "interval_sum",
        "intervals added",
        "energy is told per interval only, and the intervals are whole",
        _(
            "The charger reports energy per interval instead of a register; "
            "the intervals were added."
        ),
        About.METER,
        holds=False,
    ),
    Doubt(
        "net_used",
        "net register",
        "only Energy.Active.Net is told",
        _("Only a net register was reported; energy given back may have been deducted."),
        About.METER,
    ),
    Doubt(
        "integrated_power",
        "energy from power",
        "no energy is told, only power",
        _("No energy was reported; it was estimated from the measured power."),
        About.METER,
    ),
    Doubt(
        "clock_inconsistent",
        "clock jumped",
        "the register falls in the order of the charger's clock but not in that of arrival",
        _("The charger's clock jumped during the session; the order of arrival was used."),
        About.METER,
    ),
    Doubt(
        "outlier_ignored",
        "reading left out",
        "a reading between two others fits neither",
        _("A reading that fits neither the one before nor the one after was left out."),
        About.METER,
        holds=False,
    ),
    Doubt(
        "no_energy_reported",
        "no energy reported",
        "nothing that measures energy or power was told",
        _("The charger reported no energy for this session."),
        About.METER,
    ),
    Doubt(
        "clock_replaced",
        "wrong clock",
        "a time of the start or the stop cannot be true",
        "The charger's clock was wrong; the time of receipt was used.",
        About.SESSION,
    ),
    Doubt(
        "guessed_transaction",
        "transaction guessed",
        "a stop names no transaction and one session was open",
        "The stop named no known transaction; it was the only one open.",
        About.SESSION,
    ),
    Doubt(
        "stop_missing",
        "no stop reported",
        "no stop came: another session began, the plug was free, or the charger was gone",
        "No stop was reported; the session was closed after its last reading.",
        About.SESSION,
    ),
    Doubt(
        "start_missing",
        "no start reported",
        "no Started event came for a 2.x transaction",
        "The charger never reported the start of this transaction.",
        About.SESSION,
    ),
    Doubt(
        "stop_before_start",
        "stop before start",
        "the stop is dated before the start",
        "The stop is dated before the start; times of receipt were used.",
        About.SESSION,
    ),
    Doubt(
        "events_missing",
        "events left out",
        "a number between Started and Ended is missing",
        "The charger left out events between the start and the end.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "cost_differs",
        "charger’s cost differs",
        "the charger's own calculation has another total",
        "The charger calculated another cost than we did.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "suspect",
        "plug is free",
        "the plug is called Available while the session runs",
        "The charger calls the plug free although the session has not ended.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "told_open",
        "charger has more to tell",
        "asked for the transaction, the charger says that messages wait",
        "The charger says that it has more to tell about this session.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "offline_report",
        "reported later",
        "the start arrives more than ten minutes after its time",
        "The charger reported this later, from its offline memory.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "late_stop",
        "stop came late",
        "the charger's own stop replaces an end that we had assumed",
        "The stop arrived after the session had been closed.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "late_stop_noted",
        "small late difference",
        "what arrived after the bill changes it by less than the settable amount",
        "What the charger told after the bill changes it by too little to correct it.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "ends_contradict",
        "two ends that differ",
        "a session's end is told twice with other registers, or minutes apart",
        "The charger told two ends that differ; the first was used.",
        About.SESSION,
    ),
    Doubt(
        "two_tags",
        "two drivers",
        "a card of another driver is shown within a session, and not to end it",
        "Another driver's card was shown while it ran; the energy may be that of two drivers.",
        About.SESSION,
    ),
    Doubt(
        "overlaps_another",
        "overlaps another card’s session",
        "at one plug, sessions of two drivers overlap by more than a minute",
        "It overlaps the session of another card at this plug; some energy may be the other's.",
        About.SESSION,
    ),
    Doubt(
        "transaction_reused",
        "transaction id used again",
        "a 2.x transaction id is started twice and no end lies between the two",
        "The charger started this transaction twice, and told no end between the two.",
        About.SESSION,
    ),
    Doubt(
        "missing_price",
        "no price",
        "no tariff applied at the start",
        "No tariff applied when the session began, so it has no price.",
        About.BILL,
    ),
    Doubt(
        "unreadable_price",
        "unreadable price",
        "the stored tariff cannot be read",
        "The tariff of the session cannot be read.",
        About.BILL,
    ),
    Doubt(
        "unauthorised",
        "refused card",
        "the tag was refused and energy flowed nevertheless",
        "The tag was refused, yet the charger went on charging.",
        About.BILL,
    ),
    Doubt(
        "late_stop_after_decision",
        "told after the bill",
        "what arrives after a session was billed or waived would change what it costs",
        "What the charger told after this session had been decided about changes what it costs.",
        About.BILL,
    ),
)

#: All doubts by their code.
DOUBTS: dict[str, Doubt] = {doubt.code: doubt for doubt in _ALL}


def sentence(code: str) -> str:
    """A doubt in plain words; one of a program that is newer or older by its code."""
    known = DOUBTS.get(code)
    return known.sentence if known else code.replace("_", " ").capitalize() + "."


def label(code: str) -> str:
    """A doubt in two or three words."""
    known = DOUBTS.get(code)
    return known.label if known else code.replace("_", " ")


def holds(code: str) -> bool:
    """Whether a bill waits for a person because of it; a doubt that nobody knows holds too."""
    known = DOUBTS.get(code)
    return known is None or known.holds
