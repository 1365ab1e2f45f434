"""Which doubts hold a session's bill; what each says stands in the vocabulary."""

from collections.abc import Iterable

from app.domain.energy import EnergyFlag
from app.domain.vocabulary.doubts import DOUBTS, About

MISSING_PRICE = "missing_price"
UNREADABLE_PRICE = "unreadable_price"
UNAUTHORISED = "unauthorised"
ENDS_CONTRADICT = "ends_contradict"
LATE_STOP = "late_stop_after_decision"

_ENERGY = {flag.value for flag in EnergyFlag}


def of_session(flags: Iterable[str]) -> list[str]:
    """Which of a session's own flags hold its bill."""
    known = (DOUBTS.get(flag) for flag in flags)
    return [found.code for found in known if found and found.about is About.SESSION and found.holds]


def of_energy(flags: Iterable[EnergyFlag]) -> list[str]:
    """Which energy flags hold the bill, in a stable order."""
    return sorted(flag.value for flag in flags if flag.holds)


def merged(flags: Iterable[str], energy: Iterable[EnergyFlag]) -> list[str]:
    """A session's flags with its energy flags brought up to date."""
    own = [flag for flag in flags if flag not in _ENERGY]
    return own + sorted(flag.value for flag in energy)
