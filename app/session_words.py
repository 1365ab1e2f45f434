"""A charging session in words for the desk: its doubts, and what is not settled about it."""

from collections.abc import Iterator

from app.domain.billing import provisional_until
from app.domain.billing.doubts import sentence
from app.domain.energy import EnergyFlag
from app.domain.vocabulary import BillingState, SessionState
from app.models import ChargingSession
from app.presentation import local

#: Doubts that hold a bill, and facts that are only told, told apart by what they are called here.
LABELS: dict[str, str] = {
    "stop_missing": "no stop reported",
    "start_missing": "no start reported",
    "events_missing": "events left out",
    "cost_differs": "charger’s cost differs",
    "suspect": "plug is free",
    "told_open": "charger has more to tell",
    "late_stop": "stop came late",
    "late_stop_noted": "late stop, small difference",
    "offline_report": "reported later",
    "clock_replaced": "wrong clock",
    "guessed_transaction": "transaction guessed",
    "stop_before_start": "stop before start",
    "unauthorised": "refused card",
    "missing_price": "no price",
    "unreadable_price": "unreadable price",
    "register_reset": "meter reset",
    "session_relative": "meter counts from zero",
    "estimated_end": "end estimated",
    "stop_below_start": "final register too low",
    "implausible_power": "more energy than the plug can give",
    "begin_zero_placeholder": "zero at the start",
    "unit_mislabelled": "unit mislabelled",
    "summed_phases": "phases added",
    "interval_sum": "intervals added",
    "net_used": "net register",
    "integrated_power": "energy from power",
    "clock_inconsistent": "clock jumped",
    "register_stuck": "register stood still",
    "outlier_ignored": "reading left out",
    "no_energy_reported": "no energy reported",
}


def label(code: str) -> str:
    """A flag in two or three words."""
    return LABELS.get(code) or code.replace("_", " ")


def explained(codes: list[str]) -> list[tuple[str, str, bool]]:
    """Flags as (label, sentence, does it hold the bill), the ones that hold first."""
    found = [(label(code), sentence(code), _holds(code)) for code in dict.fromkeys(codes)]
    return sorted(found, key=lambda flag: not flag[2])


def _holds(code: str) -> bool:
    if code in list(EnergyFlag):
        return EnergyFlag(code).holds
    return code not in _TOLD


#: What is only told.
_TOLD = frozenset(
    {
        *("offline_report", "late_stop", "late_stop_noted"),
        *("events_missing", "cost_differs", "suspect", "told_open"),
    }
)


def standing(session: ChargingSession, hold_h: int) -> Iterator[str]:
    """Say what is not settled about a session, in whole sentences."""
    zone = session.timezone
    if session.state is SessionState.CHARGING:
        if session.idle_since is not None:
            yield f"The car has taken no energy since {local(session.idle_since, 'time', zone)}."
        yield "This is what it would cost if it ended now; the bill is written when it ends."
        return
    if session.provisional:
        yield "This session never ended by the charger’s word: its end is our assumption."
        if session.billing is BillingState.OPEN:
            until = provisional_until(session, hold_h)
            yield (
                f"Until {local(until, 'short', zone)} we wait for the charger’s own stop; "
                "then it is billed or held for review."
            )
    elif session.billing is BillingState.OPEN and session.bill_after is not None:
        yield (
            f"Until {local(session.bill_after, 'short', zone)} we wait for what the charger "
            "has not told of it; then it is billed or held for review."
        )
    elif session.billing is BillingState.OPEN:
        yield "It has ended and is being billed now."
    if session.billing is BillingState.HELD:
        yield "The bill is held until a person has looked at it."
    if session.billing is BillingState.WAIVED:
        yield "Nobody pays for this session: it was waived."


def tariff_why(session: ChargingSession) -> Iterator[str]:
    """Why this tariff and no other."""
    if session.tariff_why:
        yield session.tariff_why
    elif session.tariff_version_id is None:
        yield "No tariff applied when the session began."
