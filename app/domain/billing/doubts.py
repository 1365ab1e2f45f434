"""Why a bill waits for a person: stable codes and what each says in plain words."""

from collections.abc import Iterable

from app.domain.energy import HOLDING, EnergyFlag
from app.domain.sessions.doubts import DOUBTS

MISSING_PRICE = "missing_price"
UNREADABLE_PRICE = "unreadable_price"
UNAUTHORISED = "unauthorised"
LATE_STOP = "late_stop_after_decision"

#: Doubts that come neither from the meter nor from the session's own story.
_SENTENCES: dict[str, str] = {
    MISSING_PRICE: "No tariff applied when the session began, so it has no price.",
    UNREADABLE_PRICE: "The tariff of the session cannot be read.",
    UNAUTHORISED: "The tag was refused, yet the charger went on charging.",
    LATE_STOP: "The charger's own stop arrived after somebody had decided about this session.",
}

#: Flags of a session that hold its bill; the others are only told.
_HOLDING_OF_SESSION = frozenset(
    {
        "clock_replaced",
        "guessed_transaction",
        "start_missing",
        "stop_missing",
        "stop_before_start",
    }
)
_ENERGY = {flag.value for flag in EnergyFlag}


def sentence(code: str) -> str:
    """A doubt in plain words."""
    if code in _ENERGY:
        return EnergyFlag(code).sentence
    known = _SENTENCES.get(code) or DOUBTS.get(code)
    return known or code.replace("_", " ").capitalize() + "."


def of_session(flags: Iterable[str]) -> list[str]:
    """Which of a session's own flags hold its bill."""
    return [flag for flag in flags if flag in _HOLDING_OF_SESSION]


def of_energy(flags: Iterable[EnergyFlag]) -> list[str]:
    """Which energy flags hold the bill, in a stable order."""
    return sorted(flag.value for flag in flags if flag in HOLDING)


def merged(flags: Iterable[str], energy: Iterable[EnergyFlag]) -> list[str]:
    """A session's flags with its energy flags brought up to date."""
    own = [flag for flag in flags if flag not in _ENERGY]
    return own + sorted(flag.value for flag in energy)
