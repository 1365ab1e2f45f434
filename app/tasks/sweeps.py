"""The sweep finds what a lost nudge left behind; housekeeping forgets what nobody needs.

Everything here may run at any time, twice, or not at all for a while.
"""

import functools
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from celery import shared_task
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import reactions
from app.clock import utc_now
from app.config import Settings
from app.domain.access import forgetting, local_lists, reservations
from app.domain.charging import remote_starts
from app.domain.charging.sessions.provisional import close_abandoned
from app.domain.commands import broadcasts, commands
from app.domain.device import customer_information, file_jobs, onboarding
from app.domain.ground.vocabulary import SYSTEM
from app.domain.limits import setpoints, supply
from app.domain.money import billing, receipts, statements
from app.domain.network import field, presence
from app.domain.office import housekeeping, jobs, outbox, retention, schedules
from app.domain.office.housekeeping import SWEEP
from app.extensions import db as flask_db
from app.mails import forgotten
from app.models import Driver, FileJob, Job, NotedFault, Station
from app.tasks.rounds import one_at_a_time
from app.text import statement_words
from app.uow import unit_of_work, weigh_indexes
from app.web.file_store import EXPORTS, PHOTOS, UPLOADS, Store

log = logging.getLogger(__name__)

#: A sweep goes home after so long; what is left waits for the next one.
PATIENCE_S = 30.0


@shared_task(name="sweep")
@one_at_a_time
def sweep() -> None:
    """Do what rows wait for: overdue commands, abandoned sessions, claims, reservations.

    Bills and mails have rounds of their own (`app.tasks.rounds`), which beat asks for as well.
    """
    until = time.monotonic() + PATIENCE_S
    _guarded("sign", lambda: _work(lambda db: housekeeping.began(db, SWEEP, now=utc_now())))
    failed = [what for what, step in _steps(until) if not _guarded(what, step)]
    words = f"The sweep could not do all of: {', '.join(failed)}. Its log says why."
    sentence = words if failed else None
    _guarded(
        "sign",
        lambda: _work(lambda db: housekeeping.sign(db, SWEEP, now=utc_now(), failed=sentence)),
    )


def _steps(until: float) -> Iterator[tuple[str, Callable[[], object]]]:
    """What a sweep does, in this order; each step by itself, so that none stops another."""
    plain: tuple[tuple[str, Callable[[Session], object]], ...] = (
        ("dead workers", lambda db: presence.close_dead_nodes(db, now=utc_now())),
        ("supplies", lambda db: supply.watch(db, now=utc_now())),
        ("overdue commands", lambda db: commands.expire_overdue(db, utc_now())),
        ("overdue setpoints", lambda db: setpoints.expire(db, now=utc_now())),
        ("missing boots", lambda db: onboarding.ask_for_boots(db, now=utc_now())),
        ("stale plugs", lambda db: onboarding.ask_for_statuses(db, now=utc_now())),
        ("remote starts", lambda db: remote_starts.mark_unfollowed(db, now=utc_now())),
        ("abandoned sessions", lambda db: close_abandoned(db, now=utc_now())),
        ("reservations", lambda db: reservations.expire_due(db, now=utc_now())),
        ("file jobs", lambda db: file_jobs.expire_overdue(db, now=utc_now())),
        ("stale claims", _give_up_stale),
        ("late rows", lambda db: billing.mark_slipped(db, now=utc_now())),
        ("report schedules", lambda db: schedules.begin_due(db, now=utc_now())),
        ("jobs", lambda db: jobs.remind(db, now=utc_now())),
    )
    for what, act in plain:
        yield what, functools.partial(_work, act)
    yield "broadcasts", lambda: go_on_with_broadcasts(until)
    yield "local lists", lambda: _keep_lists(until)
    yield "the forgotten", lambda: _forget_on(until)


@shared_task(name=reactions.BROADCASTS)
@one_at_a_time
def advance_broadcasts() -> None:
    """Go on with the broadcasts that run; many nudges are one round."""
    reactions.heard(reactions.BROADCASTS)
    go_on_with_broadcasts(time.monotonic() + PATIENCE_S)


def go_on_with_broadcasts(until: float) -> bool:
    """Go on with each broadcast by itself, so that none waits for another's rows."""
    db = flask_db.session()
    db.rollback()

    def go_on(number: int) -> None:
        _work(lambda work: broadcasts.go_on(work, number, utc_now()))

    return _each("broadcast", broadcasts.running(db), go_on, until)


@shared_task(name="housekeeping")
@one_at_a_time
def tidy_up() -> None:
    """Forget old messages, attempts, one-time links and mails."""
    settings = current_app.config["SETTINGS"]
    _guarded("old files", lambda: _forget_files(settings))
    _guarded("old rows", lambda: _forget_rows(settings))
    _guarded("statements", _mail_statements)
    _guarded("indexes", weigh_indexes)


def _mail_statements() -> bool:
    """Mail the statements of the month that is over, each driver by themselves."""
    db = flask_db.session()
    db.rollback()
    first, found = statements.due(db, now=utc_now())

    def mail(driver_id: int) -> None:
        def act(work: Session) -> None:
            driver, write = work.get_one(Driver, driver_id), statement_words.letter
            statements.mail(work, SYSTEM, driver, first, write, now=utc_now())

        _work(act)

    return _each("statement of driver", [one.id for one in found], mail, math.inf)


def _forget_rows(settings: Settings) -> None:
    now = utc_now()
    while _work(lambda db: retention.forget_old(db, now=now, settings=settings)):
        log.debug("forgot some rows")


def _forget_files(settings: Settings) -> None:
    """Let go of logs and customer information whose time is over, and of files no row knows."""
    before = utc_now() - timedelta(days=settings.upload_retention_days)
    with unit_of_work() as db:
        uploads = file_jobs.forget(db, before=before)
        exports = jobs.forget_files(db, now=utc_now())
        photos = field.forget_photos(db, before=before)
        customer_information.forget(db, before=before, now=utc_now())
    for kind, names, stored_as in (
        (UPLOADS, uploads, FileJob.stored_as),
        (EXPORTS, exports, Job.stored_as),
        (PHOTOS, photos, NotedFault.photo),
    ):
        store = Store(settings, kind)
        store.remove(names)
        known = flask_db.session().scalars(select(stored_as).where(stored_as.is_not(None)))
        store.remove_unknown({str(name) for name in known})


def _keep_lists(until: float) -> bool:
    """Send local lists that changed to the stations whose onboarding asks for it."""
    found = local_lists.kept_up(flask_db.session(), utc_now())

    def keep_up(station_id: int) -> None:
        def act(db: Session) -> None:
            if (station := db.get(Station, station_id)) is not None:
                local_lists.keep_up(db, station, now=utc_now())

        _work(act)

    return _each("local list of station", found, keep_up, until)


def _forget_on(until: float) -> bool:
    """Look further through the long tables for drivers who are forgotten."""

    def forget_on(number: int) -> None:
        forgotten.remove(flask_db.session(), current_app.config["SETTINGS"], number)
        while _work(lambda db: forgetting.go_on(db, number, now=utc_now())):
            if time.monotonic() > until:
                return

    return _each("forgetting", forgetting.waiting(flask_db.session()), forget_on, until)


def _give_up_stale(db: Session) -> None:
    for kind in (receipts.KIND, outbox.MAILS):
        outbox.give_up_stale(db, kind, now=utc_now())


def _each(what: str, numbers: Iterable[int], act: Callable[[int], None], until: float) -> bool:
    """Act on each row by itself, so that one that cannot be dealt with stops no other.

    Tells whether all that were come to could be dealt with.
    """
    well = True
    for number in numbers:
        if time.monotonic() > until:
            log.info("the sweep leaves the rest to the next one")
            break
        well &= _guarded(f"{what} {number}", functools.partial(act, number))
    return well


def _guarded(what: str, act: Callable[[], object]) -> bool:
    """Tell whether all of it was done."""
    try:
        return act() is not False
    except Exception:
        log.exception("sweep: %s", what)
        flask_db.session.rollback()
        return False


def _work(act: Callable[[Session], object]) -> object:
    with unit_of_work() as db:
        return act(db)
