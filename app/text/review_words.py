"""A held session for the reviewer: the figures that its energy could be, and what else is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SessionState
from app.domain.money.billing import Assessment, other_ends, standing
from app.domain.money.billing.evidence import Candidate
from app.domain.money.tariffs import from_minor
from app.text.numbers import duration, kwh, local, money, watt_hours

#: What each figure is called, by its code.
LABELS = {
    "stop_start": "Final register − first register",
    "last_start": "Last reading − first register",
    "segments": "Rises of the register, added up",
    "from_previous": "Final register − that of the previous session",
    "under_power": "Measured power over the time",
    "signed": "Signed by the meter",
    "own": "The charger’s own figure",
    "measured": "What the readings add up to",
}
#: Figures this near to each other, in Wh, are the same.
_SAME_WH = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `kwh` fills the field of a correction, `proposed` marks the one to take."""

    label: str
    energy_wh: Decimal
    proposed: bool
    speaks_for: tuple[str, ...]
    against: tuple[str, ...]

    @property
    def kwh(self) -> str:
        """The figure as it is typed, in kilowatt-hours."""
        return format((self.energy_wh / 1000).normalize(), "f")


def figures(assessment: Assessment) -> list[Figure]:
    """All figures that a session's energy could be, each with what speaks for and against it."""
    weighed = assessment.measured.weighed
    proposed = proposed_wh(assessment)
    found = [*weighed.candidates, *_own(assessment)]
    if not found and weighed.energy.basis != "none":
        found = [Candidate("measured", weighed.energy.measured_wh)]
    return [
        Figure(
            LABELS.get(each.code, each.code.replace("_", " ").capitalize()),
            each.energy_wh,
            proposed is not None and abs(each.energy_wh - proposed) <= _SAME_WH,
            each.speaks_for,
            each.against,
        )
        for each in found
    ]


def proposed_wh(assessment: Assessment) -> Decimal | None:
    """The energy that may be proposed; none where another session has been given it."""
    return None if assessment.continuity.doubts else assessment.measured.weighed.proposed_wh


def proposal(assessment: Assessment) -> str:
    """Which figure is proposed, or why none is, in one sentence."""
    found, energy = proposed_wh(assessment), assessment.measured.weighed.energy
    if found is not None:
        return f"{kwh(found, 3)} is proposed: it fits best with everything that was reported."
    if assessment.continuity.doubts:
        return (
            f"No figure is proposed: session {assessment.continuity.other_id} of the same plug "
            "already has this energy, or a part of it."
        )
    if energy.basis == "none":
        return "No figure is proposed: nothing that measures energy was reported."
    if assessment.is_capped:
        return (
            "No figure is proposed: more was reported than the plug can deliver in that time, "
            "and the most it can deliver is no measurement."
        )
    return "No figure is proposed: the reports contradict each other."


def numbers(assessment: Assessment, bill: Any) -> Iterator[tuple[str, str, bool]]:
    """What is known, side by side: (what, value, whether it is what would be billed)."""
    session, energy = assessment.session, assessment.measured.energy
    plug, told = assessment.measured.plug, assessment.told
    if session.state is SessionState.NO_SHOW:
        yield "Reserved", duration(energy.duration_s), True
        if bill is not None:
            yield "Price that would be billed", money(bill.gross_minor, bill.currency), True
        return
    if plug.history.previous_stop_wh is not None:
        yield (
            "Final register of the previous session",
            watt_hours(plug.history.previous_stop_wh),
            False,
        )
    yield "First register", watt_hours(session.meter_start_wh), False
    yield "Final register", watt_hours(session.meter_stop_wh), False
    if session.last_register_wh not in (None, session.meter_stop_wh):
        yield "Register of the last reading", watt_hours(session.last_register_wh), False
    yield f"Most the plug can give in {duration(energy.duration_s)}", _limit(energy), False
    yield "Readings used and left out", f"{len(energy.used)} and {len(energy.ignored)}", False
    if told.total is not None:
        what = "Cost that the charger calculated" if told.final else "Last cost the charger showed"
        yield what, f"{told.total} {told.currency}", False
    for payment in told.payments:
        amount = f"{from_minor(payment.minor, session.currency)} {session.currency}"
        yield "Paid at the charger", f"{amount} ({payment.reference})", False
    yield "Energy that would be billed", kwh(energy.energy_wh, 3), True
    if bill is not None:
        yield "Price that would be billed", money(bill.gross_minor, bill.currency), True


def compared(
    db: Session, assessment: Assessment, bill: Any, now: datetime
) -> Iterator[tuple[str, str, bool]]:
    """What was billed and how far it lies from now; what the other ends would come to."""
    row = assessment.session
    billed = standing(db, row)
    if billed is not None:
        yield f"Billed by {billed.number}: energy", kwh(billed.energy_wh, 3), False
        price = money(billed.gross_minor, billed.currency)
        yield f"Billed by {billed.number}: price", price, False
        more_wh = assessment.energy_wh - billed.energy_wh
        yield "Difference in energy", _signed(kwh(more_wh, 3), more_wh), True
        if bill is not None:
            minor = bill.gross_minor - billed.gross_minor
            yield "Difference in price", _signed(money(minor, bill.currency), minor), True
    for end in other_ends(db, row, now):
        told = f"The other end, {local(end.at, 'short', row.timezone)}"
        yield f"{told}: register", watt_hours(end.register_wh), False
        yield f"{told}: energy", kwh(end.energy_wh, 3), False
        if end.gross_minor is not None:
            yield f"{told}: price", money(end.gross_minor, row.currency), False


def _signed(text: str, value: Decimal | int) -> str:
    return f"+{text}" if value > 0 else text


def _limit(energy: Any) -> str:
    return kwh(energy.limit_wh, 3) if energy.limit_wh < Decimal(10**9) else "unknown"


def _own(assessment: Assessment) -> Iterator[Candidate]:
    """The energy by the charger's own calculation, where it told one."""
    if (told := assessment.told.energy_wh) is not None:
        yield Candidate("own", told, ("The charger calculated its own cost with it.",))
