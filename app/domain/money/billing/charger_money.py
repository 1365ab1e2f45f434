"""What the charger itself told the driver about money: its own total, and what was paid at it."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SessionState
from app.domain.money.billing.book import Book, book_of
from app.domain.money.tariffs import Quote, exponent, to_minor
from app.models import ChargingSession

COST_DIFFERS, SETTLED_DIFFERS = "cost_differs", "settled_differs"
#: Costs that differ by no more than one minor unit are the same.
SAME_MINOR = 1
#: A number beyond this is neither a price nor an energy of a charging session.
MOST = Decimal(10) ** 9
ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Payment:
    """An amount that a payment provider settled at the charger, in minor units."""

    reference: str
    minor: int
    receipt_number: str | None = None


@dataclass(frozen=True, slots=True)
class ChargerMoney:
    """A charger's own `total` (major units; None: it told none), and the payments at it.

    `final` says that the total came with the end; else it is the last running one.
    `energy_wh` is the energy that the charger calculated it with.
    """

    total: Decimal | None = None
    currency: str = ""
    final: bool = False
    payments: tuple[Payment, ...] = ()
    energy_wh: Decimal | None = None

    @property
    def paid_minor(self) -> int:
        """All that was paid at the charger."""
        return sum(payment.minor for payment in self.payments)


def charger_money(book: Book, session: ChargingSession) -> ChargerMoney:
    """Read what a charger told of an ended session's cost, and what was settled there."""
    if session.state is not SessionState.ENDED:
        return ChargerMoney()
    payments = _payments(book, session)
    # Only 2.x numbers its events, and only there a charger can tell a cost.
    told = _last_total(book, session) if session.last_seq_no is not None else None
    if told is None:
        return ChargerMoney(payments=payments)
    details, final = told
    currency, total = total_of(details) or ("", None)
    return ChargerMoney(total, currency, final, payments, _energy_of(details))


def payments_of(db: Session, session: ChargingSession) -> tuple[Payment, ...]:
    """Read what was settled for a session, also where that was told before the session."""
    return _payments(book_of(db, [session], session.started_at), session)


def _payments(book: Book, session: ChargingSession) -> tuple[Payment, ...]:
    return tuple(
        Payment(row.psp_reference, to_minor(row.amount, session.currency), row.receipt_number)
        for row in book.settled.get(session.id, ())
    )


def doubts_about(told: ChargerMoney, quote: Quote | None) -> list[str]:
    """What a charger's own figures say against a price."""
    if quote is None:
        return []
    found = []
    if told.total is not None and _another(told, quote):
        found.append(COST_DIFFERS)
    if told.payments and told.paid_minor != quote.gross_minor:
        found.append(SETTLED_DIFFERS)
    return found


def _another(told: ChargerMoney, quote: Quote) -> bool:
    """Whether a charger's total is not ours; a running one may only lie below."""
    if told.total is None:
        return False
    if told.currency != quote.currency:
        return True
    above = told.total - Decimal(quote.gross_minor).scaleb(-exponent(quote.currency))
    near = Decimal(SAME_MINOR).scaleb(-exponent(quote.currency))
    return above > near or (told.final and above < -near)


def _last_total(book: Book, session: ChargingSession) -> tuple[dict[str, Any], bool] | None:
    """The CostDetails of the end, else the last with a total that were told on the way."""
    found: tuple[dict[str, Any], bool] | None = None
    for event in book.in_time(session):
        told: Any = (event.facts or {}).get("cost_details")
        final = event.kind == ENDED
        if total_of(told) is not None and (final or found is None or not found[1]):
            found = told, final
    return found


def _energy_of(details: Any) -> Decimal | None:
    """The energy, in Wh, of a station's CostDetails (2.1 section TotalUsageType)."""
    usage = details.get("totalUsage")
    told = usage.get("energy") if isinstance(usage, dict) else None
    return None if told is None else _number(told)


def total_of(details: Any) -> tuple[str, Decimal] | None:
    """The currency and the total, with tax where it is told so, of a station's CostDetails."""
    if not isinstance(details, dict) or details.get("failureToCalculate"):
        return None
    cost = details.get("totalCost")
    total = cost.get("total") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(total, dict):
        return None
    number = _number(total.get("inclTax", total.get("exclTax")))
    return None if number is None else (str(cost.get("currency", ""))[:3], number)


def _number(value: Any) -> Decimal | None:
    """A number as it was told, None where it is none or beyond all reason."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < MOST else None
