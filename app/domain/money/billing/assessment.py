"""A session weighed up: its energy, its price, and what speaks against billing it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.ground.vocabulary import SessionState
from app.domain.ground.vocabulary.doubts import holds
from app.domain.money.billing import doubts
from app.domain.money.billing.book import Book, book_of
from app.domain.money.billing.continuity import Continuity
from app.domain.money.billing.history import continuity_of
from app.domain.money.billing.told import ToldMoney, doubts_about, told_by_charger
from app.domain.money.billing.usage import Measured, measured
from app.domain.money.tariffs import Quote, price
from app.models import ChargingSession


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
    told: ToldMoney
    too_little: bool = False
    idle_told: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is told of the session and holds nothing."""
        little = (doubts.TOO_LITTLE,) if self.too_little else ()
        return (*self.continuity.remarks, *self.idle_told, *little)

    @property
    def energy_wh(self) -> Decimal:
        """The energy that would be billed."""
        return self.measured.energy.energy_wh


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
    timed = tariff is None or tariff.by_flow
    used = measured(book, session, energy_wh=energy_wh, timed=timed or not sum_only)
    found = doubts.of_energy(used.energy.flags)
    found += doubts.of_session(session.flags or ())
    if session.unauthorised:
        found.append(doubts.UNAUTHORISED)
    if tariff is None:
        priced = session.tariff_version_id is not None
        found.append(doubts.UNREADABLE_PRICE if priced else doubts.MISSING_PRICE)
    about_idle = doubts.of_idle(used.idle_codes, timed)
    found += [code for code in about_idle if holds(code)]
    idle_told = tuple(code for code in about_idle if not holds(code))
    quote = price(tariff, used.usage) if tariff is not None else None
    continuity = continuity_of(book, session, used.plug, used.energy)
    told = told_by_charger(book, session)
    found += [*continuity.doubts, *doubts_about(told, quote)]
    little = energy_wh is None and not told.payments and _failed_start(book, session, used)
    little = little and doubts.forgiven(found, measured=used.energy.basis != "none")
    return Assessment(
        book, session, used, quote, () if little else tuple(found),
        continuity=continuity, told=told, too_little=little, idle_told=idle_told,
    )  # fmt: skip


def _failed_start(book: Book, session: ChargingSession, measured: Measured) -> bool:
    """Whether a session is over, known whole, and below the least energy and the least time."""
    if session.ended_at is None or session.provisional or session.bill_after is not None:
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


def running_quote(db: Session, session: Any, now: datetime) -> Quote | None:
    """What a session costs so far (or in the end), in sum; None without a price."""
    if session.tariff_version_id is None:
        return None
    return assessed(book_of(db, [session], now), session, sum_only=True).quote


def is_running(session: ChargingSession) -> bool:
    """Tell whether a session has not ended yet."""
    return session.state is not SessionState.ENDED
