"""A session weighed up: its energy, its price, and what speaks against billing it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.billing import doubts
from app.domain.billing.usage import Measured, usage_of
from app.domain.tariffs import Quote, Tariff, TariffError, from_json, price
from app.domain.vocabulary import SessionState
from app.models import ChargingSession, TariffVersion


@dataclass(frozen=True, slots=True)
class Assessment:
    """What would be billed (`quote` None: there is no price) and why it should wait."""

    session: ChargingSession
    measured: Measured
    version: TariffVersion | None
    quote: Quote | None
    doubts: tuple[str, ...]

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
    measured = usage_of(db, session, now, energy_wh=energy_wh)
    found = doubts.of_energy(measured.energy.flags) + list(measured.weighed.doubts)
    found += doubts.of_session(session.flags or ())
    if session.unauthorised:
        found.append(doubts.UNAUTHORISED)
    version = session.tariff_version
    tariff = _tariff(version)
    if tariff is None:
        found.append(doubts.MISSING_PRICE if version is None else doubts.UNREADABLE_PRICE)
    quote = price(tariff, measured.usage) if tariff is not None else None
    return Assessment(session, measured, version, quote, tuple(found))


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


def running_quote(db: Session, session: ChargingSession, now: datetime) -> Quote | None:
    """What a session costs so far (or in the end); None without a price."""
    if session.tariff_version_id is None:
        return None
    return assess(db, session, now).quote


def is_running(session: ChargingSession) -> bool:
    """Tell whether a session has not ended yet."""
    return session.state is not SessionState.ENDED


def _tariff(version: TariffVersion | None) -> Tariff | None:
    try:
        return from_json(version.definition) if version is not None else None
    except TariffError:
        return None
