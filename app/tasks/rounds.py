"""Rounds of tasks: ended sessions get their bills, and all mails that are due are sent."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import wraps

from celery import shared_task
from sqlalchemy.exc import OperationalError

from app import reactions
from app.config import Settings
from app.domain.money import billing
from app.domain.office import housekeeping
from app.domain.office.housekeeping import BILLS
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.mails import post_office
from app.models import SystemMark
from app.process.clock import utc_now
from app.uow import unit_of_work

log = logging.getLogger(__name__)

#: Sessions that are billed in one unit of work.  On SQLite it keeps all other writers
#: waiting, chargers too, so there it ends after a few hundredths of a second.
_AT_ONCE, _AT_ONCE_ON_SQLITE = 200, 20
#: A round goes home after so long; what is left waits for the next nudge, or the sweep.
PATIENCE_S = 60.0


def one_at_a_time(act: Callable[[], object]) -> Callable[[], None]:
    """Have one thread of a process do something; who comes meanwhile makes it do it once more."""
    busy, asked = threading.Lock(), threading.Event()

    @wraps(act)
    def work() -> None:
        asked.set()
        while asked.is_set() and busy.acquire(blocking=False):
            try:
                asked.clear()
                act()
            finally:
                busy.release()

    return work


@shared_task(name=reactions.BILL)
@one_at_a_time
def bill_ended() -> None:
    """Bill all ended sessions that wait for it; many nudges are one round."""
    reactions.heard(reactions.BILL)
    well = settle_waiting(the_settings(), time.monotonic() + PATIENCE_S)
    mark = flask_db.session().get(SystemMark, BILLS)
    if well is not (mark is None or mark.ok):
        failed = None if well else "Some sessions could not be billed. The log says why."
        with unit_of_work() as db:
            housekeeping.sign(db, BILLS, now=utc_now(), failed=failed)


def settle_waiting(settings: Settings, until: float) -> bool:
    """Do what all sessions that wait are due, in sets; tells whether all could be dealt with."""
    well, last = True, 0
    while time.monotonic() <= until:
        flask_db.session.rollback()
        found = billing.unsettled(
            flask_db.session(),
            now=utc_now(),
            provisional_hold_h=settings.provisional_hold_h,
            limit=_at_once(),
            after=last,
        )
        if not found:
            break
        last = found[-1]
        well &= in_halves("bill", found, lambda ids: _settle(settings, ids))
    return well


def in_halves(what: str, ids: Sequence[int], act: Callable[[Sequence[int]], object]) -> bool:
    """Act on rows together, in one unit of work; tells whether all could be dealt with.

    One that fails is found by doing the halves by themselves, and logged.  What the
    database cannot do at the moment fails as a whole: the next sweep finds its rows.
    """
    try:
        act(ids)
    except OperationalError:
        raise
    except Exception:
        flask_db.session.rollback()
        if len(ids) == 1:
            log.exception("%s %s", what, ids[0])
            return False
        middle = len(ids) // 2
        first = in_halves(what, ids[:middle], act)
        return in_halves(what, ids[middle:], act) and first
    return True


def _settle(settings: Settings, session_ids: Sequence[int]) -> None:
    hold_h = settings.provisional_hold_h
    with unit_of_work() as db:
        billing.settle_all(db, session_ids, now=utc_now(), provisional_hold_h=hold_h)


def _at_once() -> int:
    name = flask_db.engine.dialect.name
    return _AT_ONCE_ON_SQLITE if name == "sqlite" else _AT_ONCE


@shared_task(name=reactions.POST)
@one_at_a_time
def send_post() -> None:
    """Send all receipts and other mails that are due; many nudges are one round."""
    reactions.heard(reactions.POST)
    settings = the_settings()
    until = time.monotonic() + PATIENCE_S
    for kind in (post_office.MAILS, post_office.RECEIPTS):
        post_office.send_waiting(settings, kind, until, utc_now)
