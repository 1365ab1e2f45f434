"""Housekeeping: what nobody needs any longer is forgotten, monthly statements go out, and profiles
that repeat are kept in time.

It may run at any time, twice, or not at all for a while.
"""

import functools
import time
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.config import Settings
from app.domain.device import customer_information, file_jobs
from app.domain.limits import summer_time
from app.domain.money import statements
from app.domain.network import field
from app.domain.office import jobs, retention
from app.domain.office.retention_rules import RULES, Rule
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.models import FileJob, Job, NotedFault
from app.process.clock import utc_now
from app.tasks.rounds import one_at_a_time
from app.tasks.steps import Bites, each, guarded, work
from app.text import statement_words
from app.uow import unit_of_work, weigh_indexes
from app.web.file_store import EXPORTS, PHOTOS, UPLOADS, Store

#: Statements and profiles go on for so long, in seconds; the next hour takes up the rest.
_PATIENCE_S = 1200.0


@shared_task(name="housekeeping")
@one_at_a_time
def tidy_up() -> None:
    """Forget old messages, attempts, one-time links and mails."""
    settings = the_settings()
    guarded("old files", lambda: _forget_files(settings))
    forget_rows(settings, now=utc_now())
    guarded("statements", _mail_statements)
    guarded("summer time", keep_profiles_in_time)
    guarded("indexes", weigh_indexes)


def _mail_statements() -> bool:
    """Mail the statements of the month that is over, each driver by themselves."""
    db = flask_db.session()
    db.rollback()
    first, found = statements.due(db, now=utc_now())

    def mail(driver_id: int) -> None:
        write = statement_words.letter
        work(lambda db: statements.mail_due(db, driver_id, first, write, now=utc_now()))

    return each("statement of driver", found, mail, time.monotonic() + _PATIENCE_S)


def keep_profiles_in_time() -> bool:
    """Set profiles that repeat once more, where the site's clock was put forward or back."""
    db = flask_db.session()
    db.rollback()

    def set_again(number: int) -> None:
        work(lambda db: summer_time.set_again(db, number, now=utc_now()))

    found = summer_time.late(db, now=utc_now())
    return each("profile at a station", found, set_again, time.monotonic() + _PATIENCE_S)


def forget_rows(settings: Settings, *, now: datetime) -> None:
    """Remove what is older than it is kept, each kind by itself."""
    for rule in RULES:
        kept = rule.lasts(settings)
        if rule.since is not None and kept is not None:
            guarded(f"old {rule.name}", functools.partial(_forget, rule, now - kept, now))


def _forget(rule: Rule, before: datetime, now: datetime) -> None:
    bites, db = Bites(), flask_db.session()
    db.rollback()
    for keys in retention.old_rows(db, rule, before=before):
        left = list(keys)

        def remove(work: Session, most: int, left: list[Any] = left) -> None:
            retention.remove(work, rule, left[:most], before=before, now=now)
            del left[:most]

        while left:
            bites(remove)


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
