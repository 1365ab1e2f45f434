"""Which doubts hold a session's bill; what each says stands in the vocabulary."""

from collections.abc import Iterable

from app.domain.charging.energy import EnergyFlag
from app.domain.ground.vocabulary.doubts import DOUBTS, About
from app.domain.money.billing import idle

MISSING_PRICE = "missing_price"
UNREADABLE_PRICE = "unreadable_price"
UNAUTHORISED = "unauthorised"
ENDS_CONTRADICT = "ends_contradict"
LATE_STOP = "late_stop_after_decision"
SETTLED_DIFFERS = "settled_differs"
TOO_LITTLE = "too_little"

#: What a failed start may lack or show, and costs nothing all the same.
_FORGIVEN = frozenset({MISSING_PRICE, UNREADABLE_PRICE, UNAUTHORISED, "cost_differs"})
#: Beside these where nothing at all was measured.
_UNMEASURED = frozenset({"no_energy_reported", "estimated_end"})


def forgiven(found: Iterable[str], *, measured: bool) -> bool:
    """Whether none of these doubts keeps a failed start from costing nothing."""
    return (_FORGIVEN if measured else _FORGIVEN | _UNMEASURED).issuperset(found)


_ENERGY = {flag.value for flag in EnergyFlag}


def of_session(flags: Iterable[str]) -> list[str]:
    """Which of a session's own flags hold its bill."""
    known = (DOUBTS.get(flag) for flag in flags)
    return [found.code for found in known if found and found.about is About.SESSION and found.holds]


def of_energy(flags: Iterable[EnergyFlag]) -> list[str]:
    """Which energy flags hold the bill, in a stable order."""
    return sorted(flag.value for flag in flags if flag.holds)


def of_idle(codes: Iterable[str], priced: bool) -> list[str]:
    """What is odd about idle time; unclear time holds the bill only where it is `priced`."""
    unpriced = {idle.UNCLEAR: idle.UNCLEAR_UNPRICED}
    return [code if priced else unpriced.get(code, code) for code in codes]


def merged(
    flags: Iterable[str], energy: Iterable[EnergyFlag], told: Iterable[str] = ()
) -> list[str]:
    """A session's flags with its energy flags, and what is `told` of its idle time, of today."""
    own = [flag for flag in flags if flag not in _ENERGY and flag not in idle.TOLD]
    return own + sorted(flag.value for flag in energy) + list(told)
