"""Tasks about money: ended sessions want their bills, bills their receipts."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from celery import shared_task
from flask import current_app
from sqlalchemy import select

from app import reactions
from app.config import Settings
from app.domain.money import billing
from app.extensions import db as flask_db
from app.mails import post_office
from app.models import Receipt
from app.tasks.sets import in_halves, one_at_a_time
from app.uow import unit_of_work

#: Sessions that are billed in one unit of work.  On SQLite it keeps all other writers
#: waiting, chargers too, so there it ends after a few hundredths of a second.
_AT_ONCE, _AT_ONCE_ON_SQLITE = 200, 20
#: A round goes home after so long; what is left waits for the next nudge, or the sweep.
PATIENCE_S = 60.0


@shared_task(name=reactions.BILL)
def bill_ended() -> None:
    """Bill all ended sessions that wait for it; many nudges are one round."""
    _bill_ended()


@one_at_a_time
def _bill_ended() -> None:
    reactions.heard(reactions.BILL)
    settle_waiting(current_app.config["SETTINGS"], time.monotonic() + PATIENCE_S)


@shared_task(name="bill_session")
def bill_session(session_id: int) -> None:
    """Bill an ended session, or do what a late stop changes about it; repeatable."""
    _settle(current_app.config["SETTINGS"], [session_id])


def settle_waiting(settings: Settings, until: float) -> bool:
    """Do what all sessions that wait are due, in sets; tells whether all could be dealt with."""
    well, last = True, 0
    while time.monotonic() <= until:
        flask_db.session.rollback()
        found = billing.unsettled(
            flask_db.session(),
            now=datetime.now(UTC),
            provisional_hold_h=settings.provisional_hold_h,
            limit=_at_once(),
            after=last,
        )
        if not found:
            break
        last = found[-1]
        well &= in_halves("bill", found, lambda ids: _settle(settings, ids))
    return well


def _settle(settings: Settings, session_ids: Sequence[int]) -> None:
    hold_h = settings.provisional_hold_h
    with unit_of_work() as db:
        billing.settle_all(db, session_ids, now=datetime.now(UTC), provisional_hold_h=hold_h)


def _at_once() -> int:
    name = flask_db.engine.dialect.name
    return _AT_ONCE_ON_SQLITE if name == "sqlite" else _AT_ONCE


@shared_task(name="send_receipt_of_bill")
def send_receipt_of_bill(bill_id: int) -> None:
    """Send the receipt of a bill, if it waits; repeatable."""
    receipt_id = flask_db.session.scalar(select(Receipt.id).where(Receipt.bill_id == bill_id))
    if receipt_id is not None:
        send_receipt(receipt_id)


@shared_task(name="send_receipt")
def send_receipt(receipt_id: int) -> None:
    """Send a receipt, if it waits; repeatable."""
    post_office.send_receipt(current_app.config["SETTINGS"], receipt_id, post_office.utc_now)
