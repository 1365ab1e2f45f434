"""What a session costs, told to the station: the price of the bill, or none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from app.domain import billing
from app.domain.billing.assessment import assessed
from app.domain.billing.book import book_of
from app.domain.sessions import Taken
from app.domain.tariffs import Quote, TariffError, Usage, exponent, from_json, price
from app.domain.vocabulary import SessionState
from app.models import ChargingSession

#: What a price of which the readings have to be asked is told, up to the event of this number with
#: every event; then ever more rarely, since they are ever more.
_OFTEN = 100
#: Flags of sessions whose times say little.
_ODD = frozenset({"clock_replaced", "stop_before_start"})


def is_told(taken: Taken) -> bool:
    """Whether an event is to be answered with a cost, if that is known (I02, I03).

    The final cost is told with the end of a transaction.  Running costs are told
    only to stations that are set so.
    """
    if taken.session.state is SessionState.ENDED:
        return taken.ended
    return bool(taken.quirks.get("running_cost"))


def tell_all(db: Session, taken: Sequence[Taken], now: datetime) -> list[Taken]:
    """What was taken in, with the costs that its stations are told."""
    ids = [one.session.id for one in taken if is_told(one)]
    query = select(ChargingSession).where(ChargingSession.id.in_(ids))
    query = query.options(joinedload(ChargingSession.tariff_version))
    sessions = list(db.scalars(query)) if ids else []
    known = [one for one in sessions if _is_known(one)]
    book = book_of(db, known, now) if known else None
    costs = {one.id: _final_cost(assessed(book, one)) for one in known if book is not None}
    costs |= {one.id: _cost_so_far(db, one, now) for one in sessions if not _has_ended(one)}
    return [replace(one, cost=costs.get(one.session.id)) for one in taken]


def _has_ended(session: ChargingSession) -> bool:
    return session.state is SessionState.ENDED


def _is_known(session: ChargingSession) -> bool:
    """Whether nothing of a session that has ended is missing any more."""
    return _has_ended(session) and not session.provisional and session.bill_after is None


def _final_cost(assessment: billing.Assessment) -> Decimal | None:
    """What an ended session costs, with tax; None where something speaks against its bill."""
    quote = assessment.quote
    if assessment.too_little:
        return Decimal(0)  # it is free, which is not the same as not known
    if quote is None or assessment.doubts:
        return None
    return _major(quote.gross_minor, quote.currency)


def _cost_so_far(db: Session, session: ChargingSession, now: datetime) -> Decimal | None:
    number = session.last_seq_no or 0
    if number % (1 + number // _OFTEN) and not _is_plain(session):
        return None
    return running_cost(db, session, now=now)


def running_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What a session costs so far, with tax; None without a price."""
    version = session.tariff_version
    if version is not None and _is_plain(session):
        quote: Quote | None = price(from_json(version.definition), _used(session, now))
    else:
        quote = billing.running_quote(db, session, now)
    return None if quote is None else _major(quote.gross_minor, quote.currency)


def _is_plain(session: ChargingSession) -> bool:
    """Whether a running session's price hangs on its row alone: on its time and its registers.

    Then it costs the same to know after a thousand readings as after the first.
    """
    version, first, last = session.tariff_version, session.meter_start_wh, session.last_register_wh
    if version is None or first is None or last is None or last < first:
        return False
    if session.weighed_apart_wh or not _ODD.isdisjoint(session.flags):
        return False
    try:
        return from_json(version.definition).by_totals
    except TariffError:
        return False


def _used(session: ChargingSession, now: datetime) -> Usage:
    """What a running session used, by its row."""
    begin, first = session.started_at, session.meter_start_wh or Decimal(0)
    until = max(now, session.last_reading_at or now)
    used = (session.last_register_wh or first) - first
    curve = ((begin, Decimal(0)), (until, used))
    return Usage(begin, until, session.timezone, curve, meter_start_wh=first)


def _major(minor: int, currency: str) -> Decimal:
    return Decimal(minor).scaleb(-exponent(currency))
