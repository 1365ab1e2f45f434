"""Money at the station: what a session costs is told it, what it settled is kept (2.1 C20-C25)."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.charging.remote_starts import COST_LIMITED
from app.domain.charging.reports import is_yes
from app.domain.charging.sessions import Taken
from app.domain.charging.sessions.row import AnySession, mark_late
from app.domain.device import device_model
from app.domain.device.variable_names import parse
from app.domain.ground import events
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import Json, SessionState
from app.domain.ground.vocabulary.standard import RECEIPTS_ARE_OURS
from app.domain.money import billing
from app.domain.money.billing.assessment import assessed
from app.domain.money.billing.book import book_of, tariffs_of
from app.domain.money.tariffs import Quote, Tariff, Usage, from_minor, price
from app.models import Bill, ChargingSession, Settlement, Station

#: An amount beyond this is no price of a charging session.
MOST = Decimal(10) ** 9
#: The state of a settlement whose money has moved.
SETTLED = "settled"
#: Decimals of an amount that are kept.
PLACES = 6
_OUR_RECEIPTS = parse(RECEIPTS_ARE_OURS)
#: Prefixes of VAT numbers that are no code of a country by themselves: Greece, Northern Ireland.
_COUNTRIES = {"EL": "GR", "XI": "GB"}
#: What people write between the parts of a number.
_BETWEEN = re.compile(r"[\s.\-/]")
_PREFIX = re.compile(r"[A-Z]{2}")
#: A VAT number has so many characters at most.
_LONGEST = 20


@dataclass(frozen=True, slots=True)
class Reported:
    """What a station says of a settlement; `state` settled, cancelled, rejected or failed."""

    psp_reference: str
    state: str
    amount: Decimal
    settled_at: datetime
    transaction_ref: str | None = None
    info: str | None = None
    receipt_number: str | None = None
    receipt_url: str | None = None
    company: Json | None = None
    vat_number: str | None = None


def _kept(amount: Decimal) -> Decimal:
    """An amount as it was told, unless it is absurdly large or absurdly exact."""
    near = max(-MOST, min(MOST, amount))
    return near if int(near.as_tuple().exponent) >= -PLACES else round(near, PLACES)


def take_in(db: Session, station: Station, told: Reported, *, now: datetime) -> Settlement:
    """Keep a settlement; told again it is the same row, with what is new in it.

    One that names another session than before pays that one: both are weighed once more, and who
    was shown the address of the receipt does not read the other's.
    """
    reference = told.psp_reference[:255]
    row = db.scalar(
        select(Settlement).where(
            Settlement.station_id == station.id, Settlement.psp_reference == reference
        )
    )
    session = _paid(db, station, row, (told.transaction_ref or "")[:64])
    if row is None:
        row = Settlement(station_id=station.id, psp_reference=reference)
        db.add(row)
    left = _left(db, row, session)
    row.session_id = session.id if session else row.session_id
    row.transaction_ref = (told.transaction_ref or "")[:64] or row.transaction_ref
    changed = left or (row.state, row.amount) != (told.state, _kept(told.amount))
    row.state, row.amount = told.state, _kept(told.amount)
    row.settled_at, row.received_at = told.settled_at, now
    row.info = (told.info or "")[:500] or None
    row.receipt_number = (told.receipt_number or "")[:50] or row.receipt_number
    row.receipt_url = (told.receipt_url or "")[:2000] or row.receipt_url
    row.company = told.company or row.company
    row.vat_number = (told.vat_number or "")[:20] or row.vat_number
    if left:
        row.receipt_key = None
        mark_late(db, left, now)
    if row.state == SETTLED and row.receipt_key is None and _receipts_are_ours(db, station):
        row.receipt_key = secrets.token_urlsafe(24)
    events.station_changed(db, station)
    if session is not None:
        events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))
        if changed:
            mark_late(db, session, now)
    return row


def _paid(
    db: Session, station: Station, row: Settlement | None, ref: str
) -> ChargingSession | None:
    """The session that a settlement pays, as the station names it; None where nobody knows it.

    Told again with the same id it is of the same one: the station may have used the id again.
    It is locked: one that is being billed without this payment is weighed once more.
    """
    if row is not None and row.session_id is not None and ref in ("", row.transaction_ref):
        return db.get(ChargingSession, row.session_id, with_for_update=True)
    return running.by_reference(db, station, ref, locked=True)


def _left(db: Session, row: Settlement, session: ChargingSession | None) -> ChargingSession | None:
    """The session that a settlement was of, if it is of another one now."""
    if session is None or row.session_id in (None, session.id):
        return None
    return db.get(ChargingSession, row.session_id, with_for_update=True)


def _receipts_are_ours(db: Session, station: Station) -> bool:
    row = device_model.find(db, station, _OUR_RECEIPTS)
    return row is not None and is_yes(row.value)


def by_receipt_key(db: Session, key: str) -> Settlement | None:
    """The settlement whose receipt a secret opens."""
    return db.scalar(select(Settlement).where(Settlement.receipt_key == key))


def bill_of(db: Session, settlement: Settlement) -> Bill | None:
    """The newest bill of the session that a settlement paid; None while there is none."""
    if settlement.session_id is None:
        return None
    return newest(db, Bill, session_id=settlement.session_id)


@dataclass(frozen=True, slots=True)
class VatNumber:
    """A number in its compact form, with the prefix of its country."""

    prefix: str
    text: str

    @property
    def number(self) -> str:
        """It without the prefix, as a register is asked for it."""
        return self.text.removeprefix(self.prefix)


def read_vat_number(text: str) -> VatNumber | None:
    """Read a VAT number by the form and check digit of its country (2.1 C18.FR.09); else None."""
    compact = _BETWEEN.sub("", text).upper()
    prefix = compact[:2]
    if len(compact) > _LONGEST or not _PREFIX.fullmatch(prefix):
        return None
    from stdnum.util import get_cc_module  # the rules of all countries: seldom asked for

    rules = get_cc_module(_COUNTRIES.get(prefix, prefix).lower(), "vat")
    if rules is None:
        return None
    # Some countries' rules want the prefix, some do without it.
    fits = any(rules.is_valid(form) for form in (compact, compact.removeprefix(prefix)))
    return VatNumber(prefix, compact) if fits else None


#: What a price of which the readings have to be asked is told, up to the event of this number with
#: every event; then ever more rarely, since they are ever more.
_OFTEN = 100
#: Flags of sessions whose times say little.
_ODD = frozenset({"clock_replaced", "stop_before_start"})


def wants_cost(taken: Taken) -> bool:
    """Whether an event is to be answered with a cost, if that is known (I02, I03).

    The final cost is told with the end of a transaction.  Running costs are told to stations that
    are set so, and where our order limits the cost: a station that does not price sessions itself
    keeps that by them alone (2.1 E16.FR.11).
    """
    if taken.session.state is SessionState.ENDED:
        return taken.ended
    return bool(taken.quirks.get("running_cost")) or COST_LIMITED in taken.session.flags


def tell_all(db: Session, taken: Sequence[Taken], now: datetime) -> list[Taken]:
    """What was taken in, with the costs that its stations are told.

    Sessions are as they were stored with it: nothing of a station comes before it is answered.
    """
    sessions = [one.session for one in taken if wants_cost(one)]
    known = [
        one
        for one in sessions
        if _has_ended(one) and not one.provisional and one.bill_after is None
    ]
    charging = [one for one in sessions if not _has_ended(one)]
    costs: dict[int, Decimal | None] = {}
    if known:
        told = {one.session.id: one.events for one in taken if one.events}
        book = book_of(db, known, now, told)
        costs |= {one.id: _final_cost(assessed(book, one, sum_only=True)) for one in known}
    if charging:
        tariffs = tariffs_of(db, [one.tariff_version_id for one in charging])
        costs |= {one.id: _cost_so_far(db, one, tariffs, now) for one in charging}
    return [replace(one, cost=costs.get(one.session.id)) for one in taken]


def _has_ended(session: AnySession) -> bool:
    return session.state is SessionState.ENDED


def _final_cost(assessment: billing.Assessment) -> Decimal | None:
    """What an ended session costs, with tax; None where something speaks against its bill."""
    quote = assessment.quote
    if assessment.too_little:
        return Decimal(0)  # it is free, which is not the same as not known
    if quote is None or assessment.doubts:
        return None
    return from_minor(quote.gross_minor, quote.currency)


def _cost_so_far(
    db: Session, session: AnySession, tariffs: Mapping[int, Tariff | None], now: datetime
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
    db: Session, session: AnySession, tariff: Tariff | None, now: datetime
) -> Decimal | None:
    if tariff is not None and _is_plain(session, tariff):
        quote: Quote | None = price(tariff, _used(session, now))
    else:
        quote = billing.running_quote(db, session, now)
    return None if quote is None else from_minor(quote.gross_minor, quote.currency)


def _is_plain(session: AnySession, tariff: Tariff | None) -> bool:
    """Whether a running session's price hangs on its row alone: on its time and its registers.

    Then it costs the same to know after a thousand readings as after the first.
    """
    first, last = session.meter_start_wh, session.last_register_wh
    if tariff is None or first is None or last is None or last < first:
        return False
    if session.weighed_apart_wh or not _ODD.isdisjoint(session.flags):
        return False
    return tariff.by_totals


def _used(session: AnySession, now: datetime) -> Usage:
    """What a running session used, by its row."""
    begin, first = session.started_at, session.meter_start_wh or Decimal(0)
    until = max(now, session.last_reading_at or now)
    used = (session.last_register_wh or first) - first
    curve = ((begin, Decimal(0)), (until, used))
    return Usage(begin, until, session.timezone, curve)
