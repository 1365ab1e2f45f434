"""Forgetting a driver: name, addresses and tags give way to a pseudonym; the money stays as it is.

What a bill rests on is not touched, so all of it can still be verified; what remains for that is
said by `KEPT`.  Everything that names the person is replaced in one unit of work, so that nobody is
half forgotten; the long tables, in which only tags are written, are looked through afterwards,
piece by piece (`go_on`), which the sweep sees to.  See docs/adr/drivers-who-are-forgotten.md.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.access import reach, tags
from app.domain.access.pseudonyms import Pseudonyms
from app.domain.ground import events
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Actor, BillingState, Json, ReceiptState, SessionState
from app.domain.office import audit
from app.models import (
    AttentionSeen,
    AuditEntry,
    Authorisation,
    BatterySwap,
    Bill,
    Broadcast,
    ChargingSession,
    Command,
    CustomerReport,
    Delivery,
    Driver,
    DriverQuestion,
    Forgetting,
    IdempotencyKey,
    Job,
    Message,
    OutgoingMail,
    Receipt,
    Reservation,
    Review,
    Station,
    StrayStop,
    Tag,
    Tenant,
    TransactionEvent,
    WebhookDelivery,
)

#: What is written where a person wrote something that nobody may read any more.
REMOVED = "(removed)"
#: What stays of a driver who is forgotten: what it is, and why and until when.
KEPT = (
    (
        N_("Bills, credits and corrections, with their lines and digests"),
        N_("Tax law: until eight years after the end of the year. They name no person."),
    ),
    (
        N_("The tag’s number in sessions that were billed, and in what stations told of them"),
        N_("Evidence of the bills’ amounts: kept as long as the bills. It names nobody."),
    ),
    (
        N_("The tag’s number in the local lists that stations hold"),
        N_("Until a station takes its next list; the tags are off all lists now."),
    ),
    (
        N_("Backups of the database and of the log files"),
        N_("As long as you keep them; after restoring one, forget the driver again."),
    ),
)

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
#: Columns of a driver and a tag that hold what people typed.
_TYPED = frozenset(
    {"name", "email", "email_key", "note", "label", "value", "key", "bare_key", "token"}
)
#: Ids of a long table that are looked through in one unit of work.
_PIECE = 20_000


def forget(db: Session, actor: Actor, driver: Driver, *, name: str, now: datetime) -> Forgetting:
    """Replace all that names a driver, for good; `name` is their name, as whoever asks typed it.

    Raises `Invalid` for another name, and `Conflict` while a session, a bill or a receipt of
    theirs is under way.
    """
    reach.guard(db, driver)
    if name.strip() != driver.name:
        raise Invalid("Type the driver’s name as it stands here.", field="name")
    _refuse_unsettled(db, driver)
    held = list(db.scalars(select(Tag).where(Tag.driver_id == driver.id).order_by(Tag.id)))
    for tag in held:
        if tag.archived_at is None:
            tags.archive(db, actor, tag, now=now)
    made = secrets.token_hex(4)
    row = Forgetting(
        tenant_id=driver.tenant_id,
        driver_id=driver.id,
        pseudonym=f"Former driver {made}",
        words=_words(driver, held, made),
        places={str(table.name): _newest(db, table) for table in _LONG},
        asked_by=actor.name,
        asked_at=now,
    )
    db.add(row)
    db.flush()
    swap = Pseudonyms(row.words)
    _of_person(db, driver, held, swap)
    _rename(driver, held, row, now)
    db.flush()
    audit.remark(db, actor, "driver.forget", driver, now=now, silent=True)
    db.flush()
    _of_audit(db, driver, [tag.id for tag in held], swap)
    row.names_gone_at = now
    # In long tables only tags are written, and addresses; a name may be anything there.
    row.words = {word: new for word, new in row.words.items() if new != row.pseudonym}
    db.flush()
    db.expire_all()
    events.record(db, events.Decided(row.tenant_id))
    return row


def _refuse_unsettled(db: Session, driver: Driver) -> None:
    if driver.forgotten_at is not None:
        raise Conflict("This driver is forgotten already.")
    mine = ChargingSession.driver_id == driver.id
    runs = select(ChargingSession.id).where(mine, ChargingSession.state == SessionState.CHARGING)
    if db.scalar(runs.limit(1)) is not None:
        raise Conflict("A session of this driver is running.")
    open_ = ChargingSession.billing.in_([BillingState.OPEN, BillingState.HELD])
    if db.scalar(select(ChargingSession.id).where(mine, open_).limit(1)) is not None:
        raise Conflict("A session of this driver still waits for its bill.")
    waits = Receipt.state.in_([ReceiptState.QUEUED, ReceiptState.SENDING])
    if db.scalar(select(Receipt.id).where(Receipt.bill_id.in_(_bills(driver)), waits).limit(1)):
        raise Conflict("A receipt of this driver is still on its way.")


def _words(driver: Driver, held: Sequence[Tag], made: str) -> dict[str, str]:
    """What is to go, and what stands for it; a name of one word may be anything, and is not."""
    words = {driver.email: f"former-{made}@removed.invalid"} if driver.email else {}
    if " " in driver.name.strip():
        words[driver.name] = f"Former driver {made}"
    for number, tag in enumerate(held, 1):
        for form in (tag.value, tag.key, tag.bare_key):
            words[form] = f"former-{made}-{number}"
    return {word: new for word, new in words.items() if word}


def _rename(driver: Driver, held: Sequence[Tag], row: Forgetting, now: datetime) -> None:
    driver.name, driver.email, driver.email_key, driver.note = row.pseudonym, None, None, None
    driver.archived_at = driver.archived_at or now
    driver.forgotten_at = now
    for tag in held:
        tag.value = tag.key = tag.bare_key = row.words[tag.value]
        tag.label = None


def _of_person(db: Session, driver: Driver, held: Sequence[Tag], swap: Pseudonyms) -> None:
    """Replace the person in rows that are theirs."""
    tenant, tag_ids = driver.tenant_id, [tag.id for tag in held]
    forms = {form for tag in held for form in (tag.value, tag.key, tag.bare_key)}
    spelled = [*forms, *(form.upper() for form in forms)]
    _of_receipts(db, driver)
    _of_mails(db, driver, swap)

    def replace(model: Any, names: str, *where: ColumnElement[bool]) -> None:
        columns = model.__table__.c
        swap.replace(db, [columns[name] for name in names.split()], *where)

    own = Authorisation.__table__.c
    taps = or_(own.tag_id.in_(tag_ids), own.token.in_(spelled))
    replace(Authorisation, "token sentence facts", own.tenant_id == tenant, taps)
    replace(Reservation, "token group_token sentence", _at(Reservation, tenant))
    # What a bill rests on stays; what stopped it, and what was answered about it, is no evidence.
    of = ChargingSession.__table__.c
    mine = or_(of.driver_id == driver.id, of.tag_id.in_(tag_ids))
    unbilled = ~select(Bill.id).where(Bill.session_id == of.id).exists()
    replace(ChargingSession, "stop_token tariff_why", mine)
    replace(ChargingSession, "token", mine, unbilled)
    event, sessions = TransactionEvent.__table__.c, select(of.id).where(mine)
    replace(TransactionEvent, "answer", event.session_id.in_(sessions))
    free = event.session_id.in_(sessions.where(unbilled))
    replace(TransactionEvent, "token facts payload", free)
    for model, names in _AT_STATIONS.items():
        replace(model, names, _at(model, tenant))
    replace(AttentionSeen, "subject", AttentionSeen.__table__.c.tenant_id == tenant)
    replace(Review, "note", Review.__table__.c.tenant_id == tenant)


#: Rare rows of stations in which a tag or a customer may be named.
_AT_STATIONS: dict[Any, str] = {
    StrayStop: "token payload sentence",
    BatterySwap: "token",
    CustomerReport: "about text parts",
}


def _of_receipts(db: Session, driver: Driver) -> None:
    """Take the addresses out of receipts and their log, and the words out of questions."""
    of_bills = select(Receipt.id).where(Receipt.bill_id.in_(_bills(driver)))
    log, receipts, asked = Delivery.__table__, Receipt.__table__, DriverQuestion.__table__
    # Somebody may have had a receipt sent to another address, too.
    _without_addresses(db, log.c.detail, log.c.receipt_id.in_(of_bills))
    _without_addresses(db, receipts.c.error, receipts.c.bill_id.in_(_bills(driver)))
    of_them = receipts.c.bill_id.in_(_bills(driver))
    db.execute(update(receipts).where(of_them).values(recipient=None))
    gone = {"text": REMOVED, "recipient": REMOVED}
    mine = asked.c.bill_id.in_(_bills(driver))
    db.execute(update(asked).where(mine).values(gone))
    db.execute(update(asked).where(mine, asked.c.answer.is_not(None)).values(answer=REMOVED))


def _without_addresses(db: Session, column: Column[Any], where: ColumnElement[bool]) -> None:
    number = column.table.c.id
    for row, said in db.execute(select(number, column).where(where, column.contains("@"))).all():
        made = update(column.table).values({column.name: _MAIL.sub(REMOVED, said)})
        db.execute(made.where(number == row))


def _of_mails(db: Session, driver: Driver, swap: Pseudonyms) -> None:
    """Cancel what waits for the driver, and take them out of mails to others."""
    mails = OutgoingMail.__table__
    if driver.email_key:
        theirs = func.lower(mails.c.recipient) == driver.email_key
        gone = {"recipient": REMOVED, "subject": REMOVED, "body": None}
        _without_addresses(db, mails.c.error, theirs)
        waits = mails.c.state.in_([ReceiptState.QUEUED, ReceiptState.SENDING])
        stopped = {"state": ReceiptState.FAILED, "error": "The driver was forgotten."}
        db.execute(update(mails).where(theirs, waits).values(stopped))
        db.execute(update(mails).where(theirs).values(gone))
    # Mails do not say whose they are; with several organisations they may be another's.
    if (db.scalar(select(func.count(Tenant.id))) or 0) < 2:
        swap.replace(db, (mails.c.recipient, mails.c.subject, mails.c.body))


def _of_audit(db: Session, driver: Driver, tag_ids: Sequence[int], swap: Pseudonyms) -> None:
    """Take what people typed about the driver and the tags out of the audit, and the words."""
    table = AuditEntry.__table__
    own, ours = table.c, table.c.tenant_id == driver.tenant_id
    kinds = {"Driver": [driver.id], "Tag": tag_ids}
    mine = or_(
        *(and_(own.subject_kind == kind, own.subject_id.in_(ids)) for kind, ids in kinds.items())
    )
    rows = db.execute(select(own.id, own.subject_kind, own.before, own.after).where(ours, mine))
    for number, kind, before, after in rows.all():
        new: dict[str, Any] = {"before": _emptied(before), "after": _emptied(after)}
        new["subject"] = driver.name if kind == "Driver" else REMOVED
        db.execute(update(table).where(own.id == number).values(new))
    swap.replace(db, (own.subject, own.note, own.before, own.after), ours)


def _emptied(state: Json | None) -> Json | None:
    """What an entry keeps of a driver or a tag: all but what people typed."""
    if state is None:
        return None
    return {name: REMOVED if name in _TYPED and of else of for name, of in state.items()}


def _bills(driver: Driver) -> Select[Any]:
    bill = Bill.__table__.c
    return select(bill.id).where(bill.driver_id == driver.id)


def _at(model: Any, tenant_id: int) -> ColumnElement[bool]:
    """The condition that a row is of one of the tenant's stations."""
    station = Station.__table__.c
    ours = select(station.id).where(station.tenant_id == tenant_id)
    found: ColumnElement[bool] = model.__table__.c.station_id.in_(ours)
    return found


def _ours(model: Any, tenant_id: int) -> ColumnElement[bool]:
    found: ColumnElement[bool] = model.__table__.c.tenant_id == tenant_id
    return found


#: The long tables: their columns, and which rows are a tenant's.
_LONG: dict[Any, tuple[str, Callable[[Any, int], ColumnElement[bool]], Any]] = {
    model.__table__: (names, whose, model)
    for model, names, whose in (
        (Message, "request response error_description", _at),
        (Command, "arguments request answer sentence attempts", _ours),
        (Broadcast, "arguments filter sentence", _ours),
        (WebhookDelivery, "body answer", _ours),
        (IdempotencyKey, "body location", _ours),
        (Job, "arguments text errors sentence", _ours),
    )
}


def waiting(db: Session) -> Sequence[int]:
    """The forgettings that are not done."""
    return db.scalars(select(Forgetting.id).where(Forgetting.done_at.is_(None))).all()


def go_on(db: Session, number: int, *, now: datetime) -> bool:
    """Look through one more piece of the long tables, from the newest rows on.

    Tells whether there is more to do, in another unit of work; when all is done, the words
    that were looked for are forgotten, too.
    """
    row = db.scalar(select(Forgetting).where(Forgetting.id == number).with_for_update())
    if row is None or row.done_at is not None:
        return False
    swap = Pseudonyms(row.words)
    for table, columns, whose in _pieces(row):
        place = row.places[table.name]
        within = (table.c.id <= place, table.c.id > place - _PIECE)
        swap.replace(db, columns, whose, *within)
        row.places = {**row.places, str(table.name): max(place - _PIECE, 0)}
        return True
    row.words, row.done_at = {}, now
    db.flush()
    return False


def _pieces(row: Forgetting) -> Iterator[tuple[Any, list[Any], ColumnElement[bool]]]:
    for table, (names, whose, model) in _LONG.items():
        if row.places.get(table.name, 0) > 0:
            yield table, [table.c[name] for name in names.split()], whose(model, row.tenant_id)


def _newest(db: Session, table: Any) -> int:
    return db.scalar(select(func.max(table.c.id))) or 0
