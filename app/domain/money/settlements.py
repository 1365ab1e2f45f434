"""Payments settled at a station, kept with the session that they pay (2.1 C20-C25)."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import running
from app.domain.charging.reports import is_yes
from app.domain.charging.sessions.row import mark_late
from app.domain.device import device_model
from app.domain.device.variable_names import parse
from app.domain.ground import events
from app.domain.ground.vocabulary import Json
from app.domain.ground.vocabulary.standard import RECEIPTS_ARE_OURS
from app.models import Bill, Settlement, Station

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
    """Keep a settlement; told again it is the same row, with what is new in it."""
    reference = told.psp_reference[:255]
    row = db.scalar(
        select(Settlement).where(
            Settlement.station_id == station.id, Settlement.psp_reference == reference
        )
    )
    session = running.by_reference(db, station, told.transaction_ref)
    if row is None:
        row = Settlement(station_id=station.id, psp_reference=reference)
        db.add(row)
    row.session_id = session.id if session else row.session_id
    row.transaction_ref = (told.transaction_ref or "")[:64] or row.transaction_ref
    changed = (row.state, row.amount) != (told.state, amount := _kept(told.amount))
    row.state, row.amount = told.state, amount
    row.settled_at, row.received_at = told.settled_at, now
    row.info = (told.info or "")[:500] or None
    row.receipt_number = (told.receipt_number or "")[:50] or row.receipt_number
    row.receipt_url = (told.receipt_url or "")[:2000] or row.receipt_url
    row.company = told.company or row.company
    row.vat_number = (told.vat_number or "")[:20] or row.vat_number
    if row.state == SETTLED and row.receipt_key is None and _receipts_are_ours(db, station):
        row.receipt_key = secrets.token_urlsafe(24)
    events.station_changed(db, station)
    if session is not None:
        events.record(db, events.SessionChanged(session.tenant_id, session.id, station.id))
        if changed:
            mark_late(db, session, now)
    return row


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
    query = select(Bill).where(Bill.session_id == settlement.session_id)
    return db.scalar(query.order_by(Bill.id.desc()).limit(1))


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
