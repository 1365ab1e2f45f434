"""The sweep finds what a lost nudge left behind; housekeeping forgets what nobody needs.

Everything here may run at any time, twice, or not at all for a while.
"""

import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from celery import shared_task
from flask import current_app
from sqlalchemy.orm import Session

from app import post_office
from app.domain import billing, cleaning, commands, mails, messages, receipts
from app.domain.abandoned import close_abandoned
from app.extensions import db as flask_db
from app.uow import unit_of_work

log = logging.getLogger(__name__)

#: A sweep goes home after so long; what is left waits for the next one.
PATIENCE_S = 30.0


@shared_task(name="sweep")
def sweep() -> None:
    """Do what rows wait for: bills, receipts, mails, overdue commands, abandoned sessions."""
    settings = current_app.config["SETTINGS"]
    until = time.monotonic() + PATIENCE_S
    _guarded("overdue commands", lambda: _work(lambda db: commands.expire_overdue(db, _now())))
    _guarded("abandoned sessions", lambda: _work(lambda db: close_abandoned(db, now=_now())))
    _guarded("stale claims", lambda: _work(_give_up_stale))
    hold_h = settings.provisional_hold_h

    def settle(session_id: int) -> None:
        _work(lambda db: billing.settle(db, session_id, now=_now(), provisional_hold_h=hold_h))

    def post(send: Callable[..., None]) -> Callable[[int], None]:
        return lambda number: send(settings, number, post_office.utc_now)

    db = flask_db.session()
    _each("bill", billing.unsettled(db, now=_now(), provisional_hold_h=hold_h), settle, until)
    _each("receipt", receipts.due(db, now=_now()), post(post_office.send_receipt), until)
    _each("mail", mails.due(db, now=_now()), post(post_office.send_mail), until)


@shared_task(name="housekeeping")
def housekeeping() -> None:
    """Forget old messages, handshake attempts, one-time links and mails."""
    settings = current_app.config["SETTINGS"]
    before = _now() - timedelta(days=settings.message_retention_days)
    while _work(lambda db: messages.forget(db, before=before)):
        log.debug("forgot some messages")
    _guarded("old rows", lambda: _work(lambda db: cleaning.forget_old(db, now=_now())))


def _give_up_stale(db: Session) -> None:
    receipts.give_up_stale(db, now=_now())
    mails.give_up_stale(db, now=_now())


def _each(what: str, numbers: Iterable[int], act: Callable[[int], None], until: float) -> None:
    """Act on each row by itself, so that one that cannot be dealt with stops no other."""
    for number in numbers:
        if time.monotonic() > until:
            log.info("the sweep leaves the rest to the next one")
            return
        _guarded(f"{what} {number}", lambda number=number: act(number))  # type: ignore[misc]


def _guarded(what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:
        log.exception("sweep: %s", what)
        flask_db.session.rollback()


def _work(act: Callable[[Session], object]) -> object:
    with unit_of_work() as db:
        return act(db)


def _now() -> datetime:
    return datetime.now(UTC)
