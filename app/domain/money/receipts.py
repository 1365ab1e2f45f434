"""Receipts: the mail of a bill, sent once whatever is repeated, killed or lost, who it names as the
seller, and the link in it.

The row decides.  It is claimed (queued -> sending) and committed before the
mail server is given the mail; from then on only an answer, or a person, moves
it.  Where the outcome is not known the receipt is `unknown` and nothing sends
it again by itself: a driver may get no mail, but never two.

A link says which bill it opens, and nobody without the key can write one.  Nothing of it is kept:
whoever holds a key reads the bill's number out of it.  The newest key writes, all of them read, so
that a key can be replaced while the links in sent mails go on working.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, bindparam, case, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.util import identity_key

from app.domain.ground import events, many, texts
from app.domain.ground.bulk import BulkInsert, reserve
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.many import Many, Tally
from app.domain.ground.vocabulary import Actor, BillKind, ReceiptState
from app.domain.office import audit, outbox
from app.models import Bill, ChargingSession, Delivery, Driver, Receipt, Site, Station, Tenant
from app.models.sites import Seller
from app.schemas.network import NewSite

#: Waits after the first, second, … definite failure; after the last one it is given up.
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720))

NO_ADDRESS = "no address"
NOTHING_TO_PAY = "nothing to pay"

_RECEIPT = Receipt.__table__
_ROWS = BulkInsert(
    _RECEIPT,
    (
        *("id", "tenant_id", "site_id", "bill_id", "state", "recipient", "language"),
        *("message_id", "attempts", "error", "created_at"),
    ),
)
_DELIVERY = Delivery.__table__
_LOG = BulkInsert(_DELIVERY, ("receipt_id", "at", "event", "detail"))
#: What a receipt's letter is written from; of the session no more than where it was.
_LETTER = selectinload(Receipt.bill).options(
    selectinload(Bill.lines),
    selectinload(Bill.driver),
    selectinload(Bill.session)
    .load_only(ChargingSession.station_id)
    .joinedload(ChargingSession.station)
    .load_only(Station.identity),
)
_TOLD = _RECEIPT.c.message_id
_CLAIM = (
    outbox.claiming(_RECEIPT)
    .where(or_(bindparam("any", type_=Boolean), _TOLD.in_([bindparam("whole"), bindparam("left")])))
    .values(message_id=case((_TOLD.contains("@"), _TOLD), else_=_TOLD + bindparam("domain")))
    .returning(
        *(_RECEIPT.c.tenant_id, _RECEIPT.c.bill_id, _TOLD),
        select(Bill.session_id).where(Bill.id == _RECEIPT.c.bill_id).scalar_subquery(),
    )
)

#: States from which a person may ask for the mail again.
RESENDABLE = (ReceiptState.SENT, ReceiptState.FAILED, ReceiptState.UNKNOWN, ReceiptState.SKIPPED)
#: field -> what a refusal calls it.
SELLER = {
    "seller_name": "The seller's name",
    "seller_address": "The seller's address",
    "seller_tax_number": "The tax number",
    "seller_contact": "The contact",
}
#: Without these, a receipt does not say who sells.
SELLER_NEEDS = ("name", "address")


def queue(db: Session, bill: Bill, *, now: datetime) -> Receipt:
    """Queue a bill's mail to its driver, as `put` does."""
    (number,) = put(db, [(bill, bill.driver)], now=now)
    return db.get_one(Receipt, number)


def put(
    db: Session,
    bills: Sequence[tuple[Bill, Driver | None]],
    *,
    now: datetime,
    why: str | None = None,
) -> Sequence[int]:
    """Queue the mails of bills to their drivers; skipped where nobody could read or need one.

    A bill of nothing for no energy is no news; one of its start fee is, and so is
    a credit or a correction, whatever it comes to.  `why` skips them all.  Returns
    the receipts' ids.
    """
    ids = reserve(db, _RECEIPT, len(bills)) if bills else ()
    rows, log = [], []
    for number, (bill, driver) in zip(ids, bills, strict=True):
        recipient = driver.email if driver else None
        reason = why or _needless(bill, recipient)
        state = ReceiptState.SKIPPED if reason else ReceiptState.QUEUED
        language = driver.language if driver else "en"
        of_bill = (bill.tenant_id, bill.site_id, bill.id)
        rows.append(
            (number, *of_bill, state, recipient, language, message_id(bill), 0, reason, now)
        )
        said = ("skipped", reason) if reason else ("queued", f"mail to {recipient}")
        log.append((number, now, *said))
    _ROWS(db, rows)
    _LOG(db, log)
    return ids


def _needless(bill: Bill, recipient: str | None) -> str | None:
    """Why a bill needs no mail; None where it does."""
    if bill.kind is BillKind.BILL and bill.gross_minor == 0 and not bill.energy_wh:
        return NOTHING_TO_PAY
    return NO_ADDRESS if recipient is None else None


def message_id(bill: Bill, again: int = 0) -> str:
    """The left part of the Message-ID of a bill's mail: the same for ever, nobody else's.

    A mail that a person asks for again is another one: servers and readers drop
    a second one of the same name.  `again` tells it from those before.
    """
    text = f"{bill.tenant_id}|{bill.id}|{bill.number}|{bill.issued_at.isoformat()}"
    if again:
        text += f"|{again}"
    return f"bill-{bill.number}.{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def waiting(db: Session, receipt_ids: Sequence[int]) -> Sequence[Receipt]:
    """Those of some receipts that wait, with all that their letters say."""
    query = select(Receipt).where(Receipt.id.in_(receipt_ids), Receipt.state == ReceiptState.QUEUED)
    return db.scalars(query.options(_LETTER).order_by(Receipt.id)).all()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A receipt that was taken for sending."""

    id: int
    attempts: int
    tenant_id: int
    bill_id: int
    message_id: str
    session_id: int


def claim(
    db: Session, receipt_id: int, *, domain: str, now: datetime, message_id: str | None = None
) -> Claimed | None:
    """Take a due receipt for sending, alone; None where somebody else has it or it is not due.

    `domain` completes the Message-ID of a mail once and never changes it again;
    `message_id` is that of the mail that is to go: None too where another is asked for.
    """
    db.flush()
    left = message_id.rpartition("@")[0] if message_id else None
    given = {"number": receipt_id, "now": now, "domain": f"@{domain}"}
    known = {"any": message_id is None, "whole": message_id or "", "left": left or ""}
    row = db.connection().execute(_CLAIM, {**given, **known}).first()
    if row is None:
        return None
    claimed = Claimed(*row)
    _log(db, claimed, "sending", f"attempt {claimed.attempts}, <{claimed.message_id}>", now)
    return claimed


def resend(
    db: Session, actor: Actor, receipt: Receipt, *, now: datetime, recipient: str = ""
) -> Receipt:
    """Queue a receipt again, to the driver's address of today or to `recipient`.

    Raises Conflict while it waits or is being sent, and Invalid without an
    address.
    """
    locked = db.get(Receipt, receipt.id, with_for_update=True, populate_existing=True)
    if locked is None or locked.state not in RESENDABLE:
        raise Conflict("This receipt is on its way already.")
    driver: Driver | None = locked.bill.driver
    address = texts.email(recipient) or (driver.email if driver else None)
    if not address:
        raise Invalid("The driver has no e-mail address; name one.", field="email")
    before = audit.snapshot(locked)
    locked.recipient = address
    locked.language = driver.language if driver else locked.language
    locked.state, locked.error = ReceiptState.QUEUED, None
    locked.attempts, locked.next_try_at = 0, None
    # The log only grows, so its length is a number that no mail before had.
    locked.message_id = message_id(locked.bill, again=len(locked.deliveries))
    db.flush()
    _log(db, locked, "asked again", f"by {actor.name}, to {address}", now)
    audit.note(db, actor, "receipt.resend", locked, now=now, before=before)
    session_id = locked.bill.session_id
    events.record(db, events.ReceiptWanted(locked.tenant_id, locked.id, session_id))
    events.record(db, events.ReceiptChanged(locked.tenant_id, locked.bill_id, session_id))
    return locked


def resend_all(db: Session, actor: Actor, bills: Sequence[Bill], *, now: datetime) -> Tally:
    """Queue the receipts of many bills again, each to its driver's address of today."""
    return many.apart(
        db,
        [bill.receipt for bill in bills if bill.receipt],
        lambda receipt: resend(db, actor, receipt, now=now),
        lambda receipt: receipt.bill.number,
    )


#: What may be done to many bills.
MANY = Many(
    Bill,
    {"resend": resend_all},
    [joinedload(Bill.receipt), joinedload(Bill.driver)],
    weighed=True,
)


def _noted(db: Session, receipt: Claimed | Receipt, word: str, detail: str, now: datetime) -> None:
    events.record(db, events.ReceiptChanged(receipt.tenant_id, receipt.bill_id, receipt.session_id))
    _log(db, receipt, word, detail, now)


def _log(db: Session, receipt: Claimed | Receipt, event: str, detail: str, now: datetime) -> None:
    """Add a line to a receipt's delivery log; whoever holds its row reads it anew."""
    _LOG(db, [(receipt.id, now, event, detail[:500])])
    held = db.identity_map.get(identity_key(Receipt, receipt.id))
    if held is not None:
        db.expire(held)


KIND = outbox.Kind(Receipt, BACK_OFF, outbox.becoming(_RECEIPT), _noted)


#: Bytes of the number, covered up, and of the proof.
_NUMBER, _PROOF = 8, 16
#: Characters of a link: as many as those bytes make.
_LONG = 32


def write_link(keys: Sequence[bytes], bill_id: int) -> str:
    """The secret that opens the receipt of a bill; the same for the same key."""
    proof = _digest(keys[0], b"proof", bill_id.to_bytes(_NUMBER))[:_PROOF]
    covered = _covered(keys[0], proof, bill_id.to_bytes(_NUMBER))
    return urlsafe_b64encode(covered + proof).decode()


def read_link(keys: Sequence[bytes], secret: str) -> int | None:
    """The bill that a secret opens; None where no key of ours wrote it."""
    if len(secret) != _LONG or not secret.isascii():
        return None
    try:
        raw = urlsafe_b64decode(secret)
    except Error:
        return None
    covered, proof = raw[:_NUMBER], raw[_NUMBER:]
    for key in keys:
        number = _covered(key, proof, covered)
        if hmac.compare_digest(_digest(key, b"proof", number)[:_PROOF], proof):
            return int.from_bytes(number)
    return None


def link_ends_at(bill: Bill, days: int) -> datetime:
    """When the link of a bill's receipt ends: so many days after it was made, or sent last."""
    sent_at = bill.receipt.sent_at if bill.receipt else None
    return max(bill.issued_at, sent_at or bill.issued_at) + timedelta(days=days)


def linked_bill(
    db: Session, keys: Sequence[bytes], secret: str, *, days: int, now: datetime
) -> Bill | None:
    """The bill that a secret opens now; None for a wrong secret and one whose time is over."""
    number = read_link(keys, secret)
    bill = db.get(Bill, number) if number is not None and number < 2**63 else None
    return bill if bill is not None and now < link_ends_at(bill, days) else None


def _covered(key: bytes, proof: bytes, number: bytes) -> bytes:
    mask = _digest(key, b"cover", proof)
    return bytes(one ^ other for one, other in zip(number, mask, strict=False))


def _digest(key: bytes, use: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"receipt " + use + b"\x00" + text, "sha256")


def write_seller(row: Seller, given: Mapping[str, object]) -> None:
    """Set what is given and leave the rest; each is one line, empty is none.  Raises `Invalid`."""
    for field, word in SELLER.items():
        if field in given:
            value = given[field]
            text = NewSite.line(field, str(value) if value else None, word)
            setattr(row, field, text or None)


def seller_of(tenant: Tenant, site: Site | None) -> dict[str, str]:
    """The seller at a site, field by field the site's own or the tenant's; the untold left out."""
    found = {}
    for field in SELLER:
        own = getattr(site, field) if site is not None else None
        if text := own or getattr(tenant, field):
            found[field.removeprefix("seller_")] = text
    return found


def seller_is_named(seller: Mapping[str, object]) -> bool:
    """Whether a receipt of this seller says who sells: name and address."""
    return all(seller.get(field) for field in SELLER_NEEDS)
