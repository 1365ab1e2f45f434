"""A session weighed up: its energy, its price, what the charger told the driver about money (its
own total, and what was paid at it), and what speaks against billing it.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging.sessions.row import AnySession
from app.domain.charging.sessions.story import reported_ends
from app.domain.ground.vocabulary import Json, SessionState
from app.domain.ground.vocabulary.doubts import DOUBTS, About, holds
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.evidence import Continuity
from app.domain.money.billing.history import continuity_of
from app.domain.money.billing.idle import UNCLEAR, UNCLEAR_UNPRICED
from app.domain.money.billing.promises import (
    SAME_MINOR,
    is_above,
    is_beyond,
    number_of,
    prices_shown,
)
from app.domain.money.billing.usage import Measured, measured
from app.domain.money.tariffs import Quote, from_minor, price, to_minor
from app.domain.money.validity import OTHER_PRICE
from app.models import ChargingSession

COST_DIFFERS, BEYOND_LIMIT = "cost_differs", "beyond_limit"
ENDED = "ended"
MISSING_PRICE = "missing_price"
UNREADABLE_PRICE = "unreadable_price"
UNAUTHORISED = "unauthorised"
ENDS_CONTRADICT = "ends_contradict"
LATE_STOP = "late_stop_after_decision"
SETTLED_DIFFERS = "settled_differs"
TOO_LITTLE = "too_little"

#: What a failed start may lack or show, and costs nothing all the same.
_FORGIVEN = frozenset(
    {MISSING_PRICE, UNREADABLE_PRICE, UNAUTHORISED, COST_DIFFERS, BEYOND_LIMIT, OTHER_PRICE}
)
#: Doubts of a session of which nothing at all was measured.
UNMEASURED = frozenset({"no_energy_reported", "estimated_end"})


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


def charger_money(book: Book, session: AnySession) -> ChargerMoney:
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


def payments_of(db: Session, session: AnySession) -> tuple[Payment, ...]:
    """Read what was settled for a session, also where that was told before the session."""
    return _payments(book_of(db, [session], session.started_at), session)


def _payments(book: Book, session: AnySession) -> tuple[Payment, ...]:
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
    above = told.total - from_minor(quote.gross_minor, quote.currency)
    near = from_minor(SAME_MINOR, quote.currency)
    return above > near or (told.final and above < -near)


def _last_total(book: Book, session: AnySession) -> tuple[Json, bool] | None:
    """The CostDetails of the end, else the last with a total that were told on the way."""
    found: tuple[Json, bool] | None = None
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
    return None if told is None else number_of(told)


def total_of(details: Any) -> tuple[str, Decimal] | None:
    """The currency and the total, with tax where it is told so, of a station's CostDetails."""
    if not isinstance(details, dict) or details.get("failureToCalculate"):
        return None
    cost = details.get("totalCost")
    total = cost.get("total") if isinstance(cost, dict) else None
    if not isinstance(cost, dict) or not isinstance(total, dict):
        return None
    number = number_of(total.get("inclTax", total.get("exclTax")))
    return None if number is None else (str(cost.get("currency", ""))[:3], number)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What would be billed (`quote` None: there is no price) and why it should wait.

    `continuity` is what the plug's other sessions say, `told` what the charger
    told of money, `idle_told` what is odd about its idle time and holds nothing.
    `too_little`: a failed start, which costs nothing.  `book` is what all rests on.
    """

    book: Book
    session: ChargingSession
    measured: Measured
    quote: Quote | None
    doubts: tuple[str, ...]
    continuity: Continuity
    told: ChargerMoney
    too_little: bool = False
    idle_told: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is told of the session and holds nothing."""
        little = (TOO_LITTLE,) if self.too_little else ()
        return (*self.continuity.remarks, *self.idle_told, *little)

    @property
    def energy_wh(self) -> Decimal:
        """The energy that would be billed."""
        return self.measured.energy.energy_wh

    @property
    def is_capped(self) -> bool:
        """Whether the energy is only the most that the plug can give: that is no measurement."""
        return self.measured.energy.measured_wh > self.measured.energy.energy_wh


def locked(db: Session, session_id: int) -> ChargingSession | None:
    """Read a charging session for writing: nobody else decides about its money meanwhile."""
    return db.scalar(
        select(ChargingSession)
        .where(ChargingSession.id == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def assess(
    db: Session, session: ChargingSession, now: datetime, *, energy_wh: Decimal | None = None
) -> Assessment:
    """Measure and price a session; `energy_wh` is what a person decided the energy to be."""
    return assessed(book_of(db, [session], now), session, energy_wh=energy_wh)


def assessed(
    book: Book, session: Any, *, energy_wh: Decimal | None = None, sum_only: bool = False
) -> Assessment:
    """Measure and price a session by its book.

    `sum_only`: nobody asks for more than the sum and what holds it, so where the
    price does not hang on when the car charged, that is not looked for.
    """
    tariff = book.tariff(session)
    timed, shown = tariff is None or tariff.by_flow, prices_shown(book, session)
    flows = timed or not sum_only or any(other.by_flow for other in shown)
    used = measured(book, session, energy_wh=energy_wh, timed=flows)
    found = sorted(flag.value for flag in used.energy.flags if flag.holds)
    found += [flag for flag in session.flags or () if _holds_of_itself(flag)]
    if session.unauthorised:
        found.append(UNAUTHORISED)
    if tariff is None:
        priced = session.tariff_version_id is not None
        found.append(UNREADABLE_PRICE if priced else MISSING_PRICE)
    # Unclear idle time holds the bill only where it has a price.
    about_idle = [
        UNCLEAR_UNPRICED if code == UNCLEAR and not timed else code for code in used.idle_codes
    ]
    found += [code for code in about_idle if holds(code)]
    idle_told = tuple(code for code in about_idle if not holds(code))
    quote = price(tariff, used.usage) if tariff is not None else None
    continuity = continuity_of(book, session, used.plug, used.energy)
    told = charger_money(book, session)
    found += [*continuity.doubts, *doubts_about(told, quote)]
    if OTHER_PRICE not in found and quote and is_above(quote, shown, used):
        found.append(OTHER_PRICE)
    if is_beyond(book, session, used, quote):
        found.append(BEYOND_LIMIT)
    little = energy_wh is None and not told.payments and _failed_start(book, session, used)
    forgiven = _FORGIVEN if used.energy.basis != "none" else _FORGIVEN | UNMEASURED
    little = little and forgiven.issuperset(found)
    return Assessment(
        book, session, used, quote, () if little else tuple(found),
        continuity=continuity, told=told, too_little=little, idle_told=idle_told,
    )  # fmt: skip


def _holds_of_itself(flag: str) -> bool:
    """Whether one of a session's own flags holds its bill."""
    known = DOUBTS.get(flag)
    return known is not None and known.about is About.SESSION and known.holds


def _failed_start(book: Book, session: AnySession, measured: Measured) -> bool:
    """Whether a session is over, known whole, and below the least energy and the least time."""
    if session.ended_at is None or session.provisional or session.bill_after is not None:
        return False
    if session.state is SessionState.NO_SHOW:
        return False
    rules, energy = book.rules(session), measured.energy
    most_wh = max(energy.energy_wh, energy.measured_wh)
    return most_wh < rules.least_energy_wh and energy.duration_s < rules.least_duration_s


def remember(db: Session, assessment: Assessment, now: datetime) -> None:
    """Keep on the session what its evidence comes to now, so that later evidence is seen.

    What a person set the energy to be is no evidence.
    """
    session = assessment.session
    if assessment.measured.corrected:
        assessment = assess(db, session, now)
    session.decided_wh = assessment.energy_wh
    session.decided_minor = assessment.quote.gross_minor if assessment.quote else None
    session.late_evidence_at = None


def running_quote(db: Session, session: AnySession, now: datetime) -> Quote | None:
    """What a session costs so far (or in the end), in sum; None without a price."""
    if session.tariff_version_id is None:
        return None
    return assessed(book_of(db, [session], now), session, sum_only=True).quote


def is_running(session: ChargingSession) -> bool:
    """Tell whether a session has not ended yet."""
    return session.state is SessionState.CHARGING


@dataclass(frozen=True, slots=True)
class OtherEnd:
    """An end that was not used; `gross_minor` None: it has no price."""

    at: datetime
    register_wh: Decimal | None
    energy_wh: Decimal
    gross_minor: int | None


def other_ends(db: Session, session: ChargingSession, now: datetime) -> list[OtherEnd]:
    """What a session would cost by each end that differs from the one in use."""
    found: list[OtherEnd] = []
    kept = (session.ended_at, session.meter_stop_wh)
    for at, register_wh in reported_ends(db, session):
        if (at, register_wh) == kept:
            continue
        with db.no_autoflush:
            # Weighed as if it were the end, and put back: nothing of it is stored.
            session.ended_at, session.meter_stop_wh = at, register_wh
            try:
                weighed = assess(db, session, now)
            finally:
                session.ended_at, session.meter_stop_wh = kept
        quote = weighed.quote
        gross = quote.gross_minor if quote else None
        found.append(OtherEnd(at, register_wh, weighed.energy_wh, gross))
    return found
