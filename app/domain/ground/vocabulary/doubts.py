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
        "begin_missing",
        "no first register",
        "no register was told for the start; the time until the first reading is estimated",
        _(
            "No register was reported for the start; "
            "the energy before the first reading is an estimate."
        ),
        About.METER,
    ),
    Doubt(
        "begin_off_habit",
        "register did not start anew",
        "the plug's register starts anew each session, this one begins above 1 kWh, "
        "and no reading continues from there",
        _(
            "The register of this plug starts anew with each session, "
            "but this one began with a higher register."
        ),
        About.METER,
    ),
    Doubt(
        "begin_unexplained",
        "first register does not fit",
        "no plug explains the step from the first register, which is not 0, to the first reading",
        _(
            "No plug explains the step from the first register to the readings after it; "
            "the session was counted from the first reading."
        ),
        About.METER,
    ),
    Doubt(
        "end_unexplained",
        "final register does not fit",
        "no plug explains the step from the last reading to the closing register",
        _(
            "No plug explains the step from the last reading to the final register; "
            "the session was counted up to the last reading."
        ),
        About.METER,
    ),
    Doubt(
        "step_unexplained",
        "register jumped",
        "the register jumps within the session, further than the plug can deliver, and stays there",
        _("The register jumped further than the plug can deliver; the jump was not counted."),
        About.METER,
    ),
    Doubt(
        "rate_unexplained",
        "unusually fast",
        "the plug's power is not known, nothing was measured on the way, and the session "
        "averaged more than 25 kW; or the session holds more than any car takes",
        _("Nothing that we know of this plug explains so much energy in that time."),
        About.METER,
    ),
    Doubt(
        "closing_differs",
        "two final registers",
        "the stop and the closing reading beside it name different registers",
        _("The charger reported two final registers that differ."),
        About.METER,
    ),
    Doubt(
        "reading_above_end",
        "reading above the end",
        "a reading that arrived before the stop lies above the closing register",
        _("A reading that arrived before the stop lies above the final register."),
        About.METER,
    ),
    Doubt(
        "many_outliers",
        "many readings left out",
        "more than one reading in five fits nowhere, or all between two ends of another size",
        _("Too many readings fit neither the ones before nor the ones after."),
        About.METER,
    ),
    Doubt(
        "power_disagrees",
        "power disagrees",
        "the energy under the measured power is more than half away from the register's",
        _("The measured power adds up to quite another energy than the register."),
        About.METER,
    ),
    Doubt(
        "hardly_any_energy",
        "hardly any energy",
        "fewer than 50 Wh in an hour in which the plug called itself Charging",
        _(
            "Hardly any energy for the time that the plug called itself charging: "
            "the unit may be wrong, or the meter does not count."
        ),
        About.METER,
    ),
    Doubt(
        "interval_lost",
        "interval lost",
        "energy is told per interval and one is missing, at the ends or between",
        _("An interval of the energy is missing."),
        About.METER,
    ),
    Doubt(
        "interval_repeated",
        "interval repeated",
        "an interval comes again within less than half the usual time",
        _("An interval of the energy was reported twice; it was counted once."),
        About.METER,
    ),
    Doubt(
        "interval_mixed",
        "intervals of two kinds",
        "intervals of another context continue the series",
        _("The charger reported intervals of two kinds; they were put together."),
        About.METER,
    ),
    Doubt(
        "phase_lost",
        "phase lost",
        "energy is told per phase and the first or last frame lacks a phase that others have",
        _("A phase is missing where the session begins or ends."),
        About.METER,
    ),
    Doubt(
        "register_overlap",
        "energy of another session",
        "the session begins below the register at which another one of its plug ended",
        _("The session claims energy that another session of this plug has been given already."),
        About.METER,
    ),
    Doubt(
        "session_again",
        "same session again",
        "another session of the plug has the same registers and the same length",
        _("The charger reported this session twice, under two numbers."),
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
        "The charger says that it has more to report about this session.",
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
        "let_in_away",
        "let in without the database",
        "charging began while the database was away: by the list of tags as it was last known, or "
        "because everybody was let in (`AMPDESK_WITHOUT_DATABASE`)",
        "Charging began while the database was away: the tag was let in by what was known last.",
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
        "What the charger reported after the bill changes too little to correct it.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "register_gap",
        "energy outside sessions",
        "the register begins clearly above the end of the session before it",
        "Energy flowed at this plug between the previous session and this one, in no session.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "register_fell",
        "register fell between sessions",
        "the register begins below the end of the session before it, at none of its energy",
        "The register begins below the end of the previous session at this plug: "
        "the meter may have been replaced.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "too_little",
        "failed start",
        "energy and time are both below the least that is charged for",
        "So little energy in so short a time is a failed start: it costs nothing.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "idle_unclear",
        "idle time unclear",
        "a status contradicts the meter or is older than a time offline, no reading decides, "
        "and the tariff has a price for it",
        "Status and meter disagree on when the car was charging, and no reading decides.",
        About.SESSION,
    ),
    Doubt(
        "idle_unclear_unpriced",
        "idle time unclear",
        "as above, and the tariff has no price for idle or charging time",
        "Status and meter disagree on when the car was charging; the price does not depend on it.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "idle_by_meter",
        "idle by the meter",
        "nothing flowed for five minutes or more and no status told of it",
        "The readings show idle time that no status reported.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "idle_not_billed",
        "idle time not billed",
        "as above, and the rules say that such time is not billed",
        "The readings show idle time that no status reported; by your rules it is not billed.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "idle_refuted",
        "not idle by the meter",
        "the register rises after a status that calls the car idle",
        "The register rose after the charger had reported the car idle; that time is not idle.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "price_skipped",
        "price in another currency",
        "a nearer price is in a currency that the site does not charge in",
        "A closer price is in a currency that the site does not charge in; the next one was used.",
        About.SESSION,
    ),
    Doubt(
        "clock_corrected",
        "clock corrected",
        "the station's clock is known to be off, and start or stop were dated by it",
        "The charger's clock is off by a known amount; its times were corrected.",
        About.SESSION,
        holds=False,
    ),
    Doubt(
        "old_report",
        "very old report",
        "the start or the stop arrives more than 30 days after its time",
        "The charger reported this more than 30 days later.",
        About.SESSION,
    ),
    Doubt(
        "told_late",
        "late though connected",
        "the start arrives on a new connection, dated when the charger was connected before",
        "The charger was connected at the time of the start and reported nothing: "
        "its clock may have been wrong.",
        About.SESSION,
    ),
    Doubt(
        "ends_contradict",
        "two ends that differ",
        "a session's end is told twice with other registers, or minutes apart",
        "The charger reported two ends that differ; the first was used.",
        About.SESSION,
    ),
    Doubt(
        "two_tags",
        "two drivers",
        "a card of another driver is shown within a session, and not to end it",
        "Another driver's card was shown during the session; the energy may be of two drivers.",
        About.SESSION,
    ),
    Doubt(
        "overlaps_another",
        "overlaps another card’s session",
        "at one plug, sessions of two drivers overlap by more than a minute",
        "The session overlaps that of another card at this plug; some energy may be the other's.",
        About.SESSION,
    ),
    Doubt(
        "transaction_reused",
        "transaction id used again",
        "a 2.x transaction id is started twice and no end lies between the two",
        "The charger started this transaction twice and reported no end in between.",
        About.SESSION,
    ),
    Doubt(
        "missing_price",
        "no price",
        "no tariff applied at the start",
        "No tariff applied when the session began, so it has no price: choose one here, and "
        "give the site a tariff or make one the default for the next.",
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
        "What the charger reported after the decision on this session changes what it costs.",
        About.BILL,
    ),
    Doubt(
        "cost_differs",
        "charger’s cost differs",
        "what the charger calculated or told the driver has another total",
        "The charger calculated another cost than we did.",
        About.BILL,
    ),
    Doubt(
        "settled_differs",
        "paid amount differs",
        "the amount settled at the charger is not the total of the bill",
        "What was paid at the charger is not what the session costs.",
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
