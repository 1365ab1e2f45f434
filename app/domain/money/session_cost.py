"""What a session costs, told to the station: the price of the bill, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.domain.charging.sessions import Taken
from app.domain.charging.sessions.row import SessionRow, numbered
from app.domain.ground.vocabulary import SessionState
from app.domain.money import billing
from app.domain.money.billing.assessment import assessed
from app.domain.money.billing.book import book_of, tariffs_of
from app.domain.money.tariffs import Quote, Tariff, Usage, from_minor, price
from app.models import ChargingSession

#: What a price of which the readings have to be asked is told, up to the event of this number with
#: every event; then ever more rarely, since they are ever more.
_OFTEN = 100
#: Flags of sessions whose times say little.
_ODD = frozenset({"clock_replaced", "stop_before_start"})


def wants_cost(taken: Taken) -> bool:
    """Whether an event is to be answered with a cost, if that is known (I02, I03).

    The final cost is told with the end of a transaction.  Running costs are told
    only to stations that are set so.
    """
    if taken.session.state is SessionState.ENDED:
        return taken.ended
    return bool(taken.quirks.get("running_cost"))


def tell_all(db: Session, taken: Sequence[Taken], now: datetime) -> list[Taken]:
    """What was taken in, with the costs that its stations are told."""
    sessions = numbered(db, [one.session.id for one in taken if wants_cost(one)]).values()
    known = [one for one in sessions if _is_known(one)]
    running = [one for one in sessions if not _has_ended(one)]
    costs: dict[int, Decimal | None] = {}
    if known:
        book = book_of(db, known, now)
        costs |= {one.id: _final_cost(assessed(book, one, sum_only=True)) for one in known}
    if running:
        tariffs = tariffs_of(db, [one.tariff_version_id for one in running])
        costs |= {one.id: _cost_so_far(db, one, tariffs, now) for one in running}
    return [replace(one, cost=costs.get(one.session.id)) for one in taken]


def _has_ended(session: SessionRow) -> bool:
    return session.state is SessionState.ENDED


def _is_known(session: SessionRow) -> bool:
    """Whether nothing of a session that has ended is missing any more."""
    return _has_ended(session) and not session.provisional and session.bill_after is None


def _final_cost(assessment: billing.Assessment) -> Decimal | None:
    """What an ended session costs, with tax; None where something speaks against its bill."""
    quote = assessment.quote
    if assessment.too_little:
        return Decimal(0)  # it is free, which is not the same as not known
    if quote is None or assessment.doubts:
        return None
    return from_minor(quote.gross_minor, quote.currency)


def _cost_so_far(
    db: Session, session: SessionRow, tariffs: Mapping[int, Tariff | None], now: datetime
) -> Decimal | None:
    tariff = tariffs.get(session.tariff_version_id or 0)
    number = session.last_seq_no or 0
    if number % (1 + number // _OFTEN) and not _is_plain(session, tariff):
        return None
    return _running_cost(db, session, tariff, now)


def running_cost(db: Session, session: ChargingSession, *, now: datetime) -> Decimal | None:
    """What a session costs so far, with tax; None without a price."""
    (tariff,) = tariffs_of(db, [session.tariff_version_id]).values() or (None,)
    return _running_cost(db, session, tariff, now)


def _running_cost(
    db: Session, session: Any, tariff: Tariff | None, now: datetime
) -> Decimal | None:
    if tariff is not None and _is_plain(session, tariff):
        quote: Quote | None = price(tariff, _used(session, now))
    else:
        quote = billing.running_quote(db, session, now)
    return None if quote is None else from_minor(quote.gross_minor, quote.currency)


def _is_plain(session: Any, tariff: Tariff | None) -> bool:
    """Whether a running session's price hangs on its row alone: on its time and its registers.

    Then it costs the same to know after a thousand readings as after the first.
    """
    first, last = session.meter_start_wh, session.last_register_wh
    if tariff is None or first is None or last is None or last < first:
        return False
    if session.weighed_apart_wh or not _ODD.isdisjoint(session.flags):
        return False
    return tariff.by_totals


def _used(session: Any, now: datetime) -> Usage:
    """What a running session used, by its row."""
    begin, first = session.started_at, session.meter_start_wh or Decimal(0)
    until = max(now, session.last_reading_at or now)
    used = (session.last_register_wh or first) - first
    curve = ((begin, Decimal(0)), (until, used))
    return Usage(begin, until, session.timezone, curve)
