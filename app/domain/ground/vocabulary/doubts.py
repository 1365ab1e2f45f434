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
    about: About
    when: str
    sentence: str
    holds: bool = True


def _(text: str) -> str:
    """Mark a text for translation; it is translated where it is shown."""
    return text


_ALL = (
    Doubt(
        *("register_reset", "meter reset", About.METER),
        "a register falls inside the session and does not come back",
        _(
            "The energy register fell back during the session; "
            "the parts before and after were added."
        ),
    ),
    Doubt(
        *("session_relative", "meter counts from zero", About.METER),
        "the start is a lifetime register, all readings lie far below it and rise from zero",
        _(
            "The session began with a lifetime register but the readings count from zero; "
            "the highest reading was taken as the energy."
        ),
    ),
    Doubt(
        *("estimated_end", "end estimated", About.METER),
        "the session ended and no closing register was told",
        _("No final register was reported; the last reading before the end was used."),
    ),
    Doubt(
        *("stop_below_start", "final register too low", About.METER),
        "the closing register is zero or below the first one",
        _("The final register is zero or below the first; the last good reading was used instead."),
    ),
    Doubt(
        *("implausible_power", "more energy than the plug can give", About.METER),
        "the energy, or a step of the register that stays, exceeds the limit of the plug",
        _("The registers show more energy than the plug can deliver in that time."),
    ),
    Doubt(
        *("begin_zero_placeholder", "zero at the start", About.METER),
        "the first register is 0 and no plug explains the step to the readings after it",
        _("The session began with a zero that is no real register; the first reading was used."),
    ),
    Doubt(
        *("unit_mislabelled", "unit mislabelled", About.METER),
        "register and measured power differ about a thousandfold, or the first register is a "
        "thousandth of where the plug's last session ended",
        _(
            "The register differs about a thousandfold from the measured power, or from where "
            "the plug's last session ended: the unit is probably mislabelled."
        ),
    ),
    Doubt(
        *("register_stuck", "register stood still", About.METER),
        "the register shows nothing although at least 1 kWh of power was measured",
        _("The register stood still although power was measured."),
    ),
    Doubt(
        *("summed_phases", "phases added", About.METER),
        "energy is told for L1, L2 and L3 only",
        _("The charger reports energy per phase; the phases were added."),
        holds=False,
    ),
    Doubt(
        *("interval_sum", "intervals added", About.METER),
        "energy is told per interval only, and the intervals are whole",
        _(
            "The charger reports energy per interval instead of a register; "
            "the intervals were added."
        ),
        holds=False,
    ),
    Doubt(
        *("net_used", "net register", About.METER),
        "only Energy.Active.Net is told",
        _("Only a net register was reported; energy given back may have been deducted."),
    ),
    Doubt(
        *("integrated_power", "energy from power", About.METER),
        "no energy is told, only power",
        _("No energy was reported; it was estimated from the measured power."),
    ),
    Doubt(
        *("clock_inconsistent", "clock jumped", About.METER),
        "the register falls in the order of the charger's clock but not in that of arrival",
        _("The charger's clock jumped during the session; the order of arrival was used."),
    ),
    Doubt(
        *("outlier_ignored", "reading left out", About.METER),
        "a reading between two others fits neither",
        _("A reading that fits neither the one before nor the one after was left out."),
        holds=False,
    ),
    Doubt(
        *("no_energy_reported", "no energy reported", About.METER),
        "nothing that measures energy or power was told",
        _("The charger reported no energy for this session."),
    ),
    Doubt(
        *("begin_missing", "no first register", About.METER),
        "no register was told for the start; the time until the first reading is estimated",
        _(
            "No register was reported for the start; "
            "the energy before the first reading is an estimate."
        ),
    ),
    Doubt(
        *("begin_off_habit", "register did not start anew", About.METER),
        "the plug's register starts anew each session, this one begins above 1 kWh, "
        "and no reading continues from there",
        _(
            "The register of this plug starts anew with each session, "
            "but this one began with a higher register."
        ),
    ),
    Doubt(
        *("begin_unexplained", "first register does not fit", About.METER),
        "no plug explains the step from the first register, which is not 0, to the first reading",
        _(
            "No plug explains the step from the first register to the readings after it; "
            "the session was counted from the first reading."
        ),
    ),
    Doubt(
        *("end_unexplained", "final register does not fit", About.METER),
        "no plug explains the step from the last reading to the closing register",
        _(
            "No plug explains the step from the last reading to the final register; "
            "the session was counted up to the last reading."
        ),
    ),
    Doubt(
        *("step_unexplained", "register jumped", About.METER),
        "the register jumps within the session, further than the plug can deliver, and stays there",
        _("The register jumped further than the plug can deliver; the jump was not counted."),
    ),
    Doubt(
        *("rate_unexplained", "unusually fast", About.METER),
        "the plug's power is not known, nothing was measured on the way, and the session "
        "averaged more than 25 kW; or the session holds more than any car takes",
        _("Nothing that we know of this plug explains so much energy in that time."),
    ),
    Doubt(
        *("opening_differs", "two first registers", About.METER),
        "the start and the opening reading beside it name different registers",
        _("The charger reported two first registers that differ."),
    ),
    Doubt(
        *("closing_differs", "two final registers", About.METER),
        "the stop and the closing reading beside it name different registers",
        _("The charger reported two final registers that differ."),
    ),
    Doubt(
        *("signed_differs", "signed readings differ", About.METER),
        "the meter signed a begin and an end (OCMF) whose energy is more than 100 Wh and one "
        "percent away",
        _("The readings that the meter signed name another energy."),
    ),
    Doubt(
        *("signed_bad", "signed as not good", About.METER),
        "the meter marks what it signed (OCMF) as manipulated, not read, substituted or no longer "
        "good for billing",
        _("The meter itself says that what it signed is not good for billing."),
    ),
    Doubt(
        *("reading_above_end", "reading above the end", About.METER),
        "a reading that arrived before the stop, or is dated before it, lies above the closing "
        "register; or a later one of the same transaction by more than 250 Wh",
        _("A reading of this session lies above the final register."),
    ),
    Doubt(
        *("many_outliers", "many readings left out", About.METER),
        "more than one reading in five fits nowhere, or all between two ends of another size",
        _("Too many readings fit neither the ones before nor the ones after."),
    ),
    Doubt(
        *("power_disagrees", "power disagrees", About.METER),
        "the energy under the measured power is more than half away from the register's",
        _("The measured power adds up to quite another energy than the register."),
    ),
    Doubt(
        *("hardly_any_energy", "hardly any energy", About.METER),
        "fewer than 50 Wh in an hour in which the plug called itself Charging",
        _(
            "Hardly any energy for the time that the plug called itself charging: "
            "the unit may be wrong, or the meter does not count."
        ),
    ),
    Doubt(
        *("interval_lost", "interval lost", About.METER),
        "energy is told per interval and one is missing, at the ends or between",
        _("An interval of the energy is missing."),
    ),
    Doubt(
        *("interval_repeated", "interval repeated", About.METER),
        "an interval comes again within less than half the usual time",
        _("An interval of the energy was reported twice; it was counted once."),
    ),
    Doubt(
        *("interval_mixed", "intervals of two kinds", About.METER),
        "intervals of another context continue the series",
        _("The charger reported intervals of two kinds; they were put together."),
    ),
    Doubt(
        *("phase_lost", "phase lost", About.METER),
        "energy is told per phase and the first or last frame lacks a phase that others have",
        _("A phase is missing where the session begins or ends."),
    ),
    Doubt(
        *("register_overlap", "energy of another session", About.METER),
        "the session begins below the register at which another one of its plug ended",
        _("The session claims energy that another session of this plug has been given already."),
    ),
    Doubt(
        *("session_again", "same session again", About.METER),
        "another session of the plug has the same registers and the same length",
        _("The charger reported this session twice, under two numbers."),
    ),
    Doubt(
        *("clock_replaced", "wrong clock", About.SESSION),
        "a time of the start or the stop cannot be true",
        "The charger's clock was wrong; the time of receipt was used.",
    ),
    Doubt(
        *("plug_unknown", "plug not known", About.SESSION),
        "no start or event names a plug, and the station has several or none",
        "The charger did not say at which of its plugs this was.",
    ),
    Doubt(
        *("guessed_transaction", "transaction guessed", About.SESSION),
        "a stop names no transaction and one session was open",
        "The stop named no known transaction; it was the only one open.",
    ),
    Doubt(
        *("stop_missing", "no stop reported", About.SESSION),
        "no stop came: another session began, the plug was free, or the charger was gone",
        "No stop was reported; the session was closed after its last reading.",
    ),
    Doubt(
        *("start_missing", "no start reported", About.SESSION),
        "no Started event came for a 2.x transaction",
        "The charger never reported the start of this transaction.",
    ),
    Doubt(
        *("stop_before_start", "stop before start", About.SESSION),
        "the stop is dated before the start",
        "The stop is dated before the start; times of receipt were used.",
    ),
    Doubt(
        *("events_missing", "events left out", About.SESSION),
        "a number between Started and Ended is missing",
        "The charger left out events between the start and the end.",
        holds=False,
    ),
    Doubt(
        *("suspect", "plug is free", About.SESSION),
        "the plug is called Available while the session runs",
        "The charger calls the plug free although the session has not ended.",
        holds=False,
    ),
    Doubt(
        *("told_open", "charger has more to tell", About.SESSION),
        "asked for the transaction, the charger says that messages wait",
        "The charger says that it has more to report about this session.",
        holds=False,
    ),
    Doubt(
        *("offline_report", "reported later", About.SESSION),
        "the start arrives more than ten minutes after its time",
        "The charger reported this later, from its offline memory.",
        holds=False,
    ),
    Doubt(
        *("let_in_away", "let in without the database", About.SESSION),
        "charging began while the database was away: by the list of tags as it was last known, or "
        "because everybody was let in (`AMPDESK_WITHOUT_DATABASE`)",
        "Charging began while the database was away: the tag was let in by what was known last.",
        holds=False,
    ),
    Doubt(
        *("late_stop", "stop came late", About.SESSION),
        "the charger's own stop replaces an end that we had assumed",
        "The stop arrived after the session had been closed.",
        holds=False,
    ),
    Doubt(
        *("late_stop_noted", "small late difference", About.SESSION),
        "what arrived after the bill changes it by less than the settable amount",
        "What the charger reported after the bill changes too little to correct it.",
        holds=False,
    ),
    Doubt(
        *("register_gap", "energy outside sessions", About.SESSION),
        "the register begins clearly above the end of the session before it",
        "Energy flowed at this plug between the previous session and this one, in no session.",
        holds=False,
    ),
    Doubt(
        *("register_fell", "register fell between sessions", About.SESSION),
        "the register begins below the end of the session before it, at none of its energy",
        "The register begins below the end of the previous session at this plug: "
        "the meter may have been replaced.",
        holds=False,
    ),
    Doubt(
        *("too_little", "failed start", About.SESSION),
        "energy and time are both below the least that is charged for",
        "So little energy in so short a time is a failed start: it costs nothing.",
        holds=False,
    ),
    Doubt(
        *("idle_unclear", "idle time unclear", About.SESSION),
        "a status contradicts the meter or is older than a time offline, no reading decides, "
        "and the tariff has a price for it",
        "Status and meter disagree on when the car was charging, and no reading decides.",
    ),
    Doubt(
        *("idle_unclear_unpriced", "idle time unclear", About.SESSION),
        "as above, and the tariff has no price for idle or charging time",
        "Status and meter disagree on when the car was charging; the price does not depend on it.",
        holds=False,
    ),
    Doubt(
        *("idle_by_meter", "idle by the meter", About.SESSION),
        "nothing flowed for five minutes or more and no status told of it",
        "The readings show idle time that no status reported.",
        holds=False,
    ),
    Doubt(
        *("idle_not_billed", "idle time not billed", About.SESSION),
        "as above, and the rules say that such time is not billed",
        "The readings show idle time that no status reported; by your rules it is not billed.",
        holds=False,
    ),
    Doubt(
        *("idle_refuted", "not idle by the meter", About.SESSION),
        "the register rises after a status that calls the car idle",
        "The register rose after the charger had reported the car idle; that time is not idle.",
        holds=False,
    ),
    Doubt(
        *("price_skipped", "price in another currency", About.SESSION),
        "a nearer price is in a currency that the site does not charge in",
        "A closer price is in a currency that the site does not charge in; the next one was used.",
    ),
    Doubt(
        *("clock_corrected", "clock corrected", About.SESSION),
        "the station's clock is known to be off, and start or stop were dated by it",
        "The charger's clock is off by a known amount; its times were corrected.",
        holds=False,
    ),
    Doubt(
        *("old_report", "very old report", About.SESSION),
        "the start or the stop arrives more than 30 days after its time",
        "The charger reported this more than 30 days later.",
    ),
    Doubt(
        *("told_late", "late though connected", About.SESSION),
        "the start arrives on a new connection, dated when the charger was connected before",
        "The charger was connected at the time of the start and reported nothing: "
        "its clock may have been wrong.",
    ),
    Doubt(
        *("ends_contradict", "two ends that differ", About.SESSION),
        "a session's end is told twice with other registers, or minutes apart",
        "The charger reported two ends that differ; the first was used.",
    ),
    Doubt(
        *("two_tags", "two drivers", About.SESSION),
        "a card of another driver is shown within a session, and not to end it",
        "Another driver's card was shown during the session; the energy may be of two drivers.",
    ),
    Doubt(
        *("overlaps_another", "overlaps another card’s session", About.SESSION),
        "at one plug, sessions of two drivers overlap by more than a minute",
        "The session overlaps that of another card at this plug; some energy may be the other's.",
    ),
    Doubt(
        *("other_price_shown", "another price shown", About.SESSION),
        "the charger told that it charged by a price of ours that comes to less (2.1), or an order "
        "changed its price on the way",
        "The charger showed its driver another price than the one of this bill.",
    ),
    Doubt(
        *("transaction_reused", "transaction id used again", About.SESSION),
        "a 2.x transaction id is started twice and no end lies between the two, or is told "
        "at two EVSEs",
        "The charger started this transaction twice and reported no end in between, or "
        "told it at two EVSEs.",
    ),
    Doubt(
        *("cost_limited", "cost limited", About.SESSION),
        "the order to start limits what the session may cost",
        "The order to start limits what the session may cost.",
        holds=False,
    ),
    Doubt(
        *("reserved_offline", "station was offline", About.SESSION),
        "the station was offline for a part of the time of an unused reservation",
        "The station was offline for a part of the reserved time, so it may not have been usable.",
    ),
    Doubt(
        *("reserved_broken", "plug was faulted", About.SESSION),
        "the plug was faulted or out of service in a part of such a time",
        "The plug was faulted or out of service for a part of the reserved time.",
    ),
    Doubt(
        *("reserved_refused", "tag would be refused", About.SESSION),
        "the tag is blocked, archived or not allowed there, or ended in such a time; or the "
        "station is closed",
        "The tag may not charge there, so the reservation may not have been usable.",
    ),
    Doubt(
        *("reserved_came", "driver was there", About.SESSION),
        "the driver charged at the site in such a time, or showed the tag to the station",
        "The driver charged at the site in the reserved time, or showed the tag to the station.",
    ),
    Doubt(
        *("reserved_taken", "plug was taken", About.SESSION),
        "somebody else charged at the plug in such a time",
        "Somebody else charged at the plug in the reserved time.",
    ),
    Doubt(
        *("reserved_used_later", "reservation was used", About.SESSION),
        "a session that is told after the fee was charged used the reservation",
        "A session that the charger reported later used the reservation.",
    ),
    Doubt(
        *("missing_price", "no price", About.BILL),
        "no tariff applied at the start",
        "No tariff applied when the session began, so it has no price: choose one here, and "
        "give the site a tariff or make one the default for the next.",
    ),
    Doubt(
        *("unreadable_price", "unreadable price", About.BILL),
        "the stored tariff cannot be read",
        "The tariff of the session cannot be read.",
    ),
    Doubt(
        *("unauthorised", "refused card", About.BILL),
        "the tag was refused and energy flowed nevertheless",
        "The tag was refused, yet the charger went on charging.",
    ),
    Doubt(
        *("late_stop_after_decision", "told after the bill", About.BILL),
        "what arrives after a session was billed or waived would change what it costs",
        "What the charger reported after the decision on this session changes what it costs.",
    ),
    Doubt(
        *("cost_differs", "charger’s cost differs", About.BILL),
        "what the charger calculated or told the driver has another total",
        "The charger calculated another cost than we did.",
    ),
    Doubt(
        *("beyond_limit", "beyond the limit", About.BILL),
        "energy, cost, charge or the time of charging lie more than 5 % above the limit of the "
        "order that started the session, or above the one that the charger told (2.1)",
        "The session went on beyond the limit of the order that started it, or of its driver.",
    ),
    Doubt(
        *("settled_differs", "paid amount differs", About.BILL),
        "the amount settled at the charger is not the total of the bill",
        "What was paid at the charger is not what the session costs.",
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
