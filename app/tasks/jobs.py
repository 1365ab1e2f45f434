"""Imports and exports that nobody waits for, one after another, each within its person's reach."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from celery import shared_task
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app import reactions
from app.domain.ground.errors import DomainError, Forbidden, Invalid
from app.domain.ground.vocabulary import Actor, JobKind, JobState, Json
from app.domain.office import jobs, rights, schedules
from app.domain.office.jobs import Cancelled
from app.extensions import db as flask_db
from app.extensions import the_settings
from app.models import Job, User
from app.process.clock import utc_now
from app.queries.charging import session_rows
from app.queries.charging.sessions import Filter as SessionFilter
from app.queries.ground import period
from app.queries.ground.paging import PIECE
from app.queries.money import bills
from app.queries.money.bills import Filter as BillFilter
from app.queries.office import reports
from app.queries.office.reports import Wanted
from app.tasks import imports
from app.tasks.rounds import one_at_a_time
from app.text.numbers import decimal_mark
from app.uow import unit_of_work
from app.web import scope, spreadsheet
from app.web.file_store import EXPORTS, Store

log = logging.getLogger(__name__)

#: An export of more bytes is not made.
MOST_BYTES = 1_000_000_000
OUR_FAULT = "It failed for a reason of ours; the log tells which."


@shared_task(name=reactions.JOBS)
@one_at_a_time
def work_jobs() -> None:
    """Do all imports and exports that wait; many nudges are one round."""
    reactions.heard(reactions.JOBS)
    _work(reports=False)


@shared_task(name=reactions.REPORTS)
@one_at_a_time
def make_reports() -> None:
    reactions.heard(reactions.REPORTS)
    _work(reports=True)


def _work(reports: bool) -> None:
    while True:
        with unit_of_work() as db:
            number = jobs.claim(db, reports=reports, now=utc_now())
        if number is None:
            return
        with suppress(Cancelled):
            carry_out(number)


def carry_out(number: int) -> None:
    """Do a claimed job, and keep how it ended; raises `Cancelled`."""
    db = flask_db.session()
    job = db.get_one(Job, number, populate_existing=True)
    user = db.get_one(User, job.user_id, populate_existing=True)
    kind, who = job.kind, Actor(job.created_by, user.id)
    file, sentence, state = None, None, JobState.DONE
    within = _sites(user)
    try:
        _refuse(user, kind)
        scope.narrow(db, scope.Scope(user.tenant_id, within))
        if kind in jobs.IMPORTS:
            imports.do(job, who)
        else:
            file = _export(job, user)
    except DomainError as error:
        state, sentence = JobState.FAILED, error.sentence
    except Cancelled:
        raise
    except Exception:
        log.exception("job %s", number)
        state, sentence = JobState.FAILED, OUR_FAULT
    finally:
        flask_db.session.rollback()
        scope.narrow(db, None)
    try:
        with unit_of_work() as work:
            jobs.settle(work, number, state, sentence, file=file, now=utc_now())
            if file is not None:
                _hand_out(work, number, user.id, within)
    except (Cancelled, DomainError) as error:
        if file is not None:
            _store().remove([file[1]])
        if isinstance(error, Cancelled):
            raise
        with unit_of_work() as work:
            jobs.settle(work, number, JobState.FAILED, error.sentence, now=utc_now())


def _hand_out(work: Session, number: int, user_id: int, within: frozenset[int] | None) -> None:
    """Mail a report that was made; a file is of the rights and the reach that its person has now.

    Raises `Cancelled` where the reach changed meanwhile, `DomainError` where the right was lost.
    """
    job, user = work.get_one(Job, number), work.get_one(User, user_id)
    _refuse(user, job.kind)
    if _sites(user) != within:
        raise Cancelled
    if job.kind is JobKind.EXPORT_REPORT:
        schedules.deliver(work, job, now=utc_now())


def _refuse(user: User, kind: JobKind) -> None:
    """Raise `DomainError` where somebody may not have such a thing done now."""
    if user.archived_at is not None:
        raise Invalid("Whoever asked for it is no longer on the staff.")
    jobs.refuse(rights.of(user), kind)
    if kind in jobs.EVERYWHERE and _sites(user) is not None:
        raise Forbidden("This concerns all sites; your account is limited to some of them.")


def _sites(user: User) -> frozenset[int] | None:
    """The sites within a person's reach; None: all of them."""
    return frozenset(site.id for site in user.sites) or None


def _export(job: Job, user: User) -> tuple[str, str, int]:
    """Write a file; returns its name, where it lies, and its size in bytes."""
    report = job.kind is JobKind.EXPORT_REPORT
    name, parts = _report(job, user) if report else _list(job)
    stored = _store().save(_reader(parts), MOST_BYTES)
    return name, stored.stored_as, stored.size_bytes


def _report(job: Job, user: User) -> tuple[str, Iterator[bytes]]:
    """A report in the language of whoever wanted it."""
    given, db, now = job.arguments, flask_db.session(), utc_now()
    first, last = (date.fromisoformat(given[name]) for name in ("first", "last"))
    name = f"{given['kind']}-{first}-{last}.{given['format']}"
    wanted = Wanted(job.tenant_id, period.between(first, last), given["by"],
                    given["site_id"] or 0, most=reports.MOST)  # fmt: skip
    kept_days = the_settings().connection_retention_days
    report = reports.run(db, given["kind"], wanted, now=now, kept_days=kept_days)
    if given["format"] == "pdf":
        from app.text import report_pdf  # fonts take a while to load

        title, facts = reports.KINDS[given["kind"]].title, reports.facts(db, wanted)
        with force_locale(user.language):
            return name, iter([report_pdf.written(report, title, facts, now=now, translate=_)])
    columns, lines = report.flat()
    rows = ([read(line) for __, read in columns] for line in lines)
    mark = decimal_mark("en" if user.formats == "iso" else user.language)
    headings = [heading for heading, __ in columns]
    return name, _packed(given["format"], headings, rows, ZoneInfo("UTC"), mark)


def _packed(
    kind: str, names: Sequence[str], rows: Iterable[Sequence[Any]], zone: ZoneInfo, mark: str = "."
) -> Iterator[bytes]:
    if kind == "xlsx":
        return spreadsheet.workbook(names, rows, zone)
    lines = spreadsheet.lines(names, rows, zone, mark)
    return (line.encode() for line in chain(["\ufeff"], lines))


def _list(job: Job) -> tuple[str, Iterator[bytes]]:
    """The sessions or bills of a filter."""
    given, number, db = job.arguments, job.id, flask_db.session()
    sessions = job.kind is JobKind.EXPORT_SESSIONS
    header: Any = session_rows.SessionRow if sessions else bills.BillRow
    read: Callable[..., Iterator[Any]] = session_rows.rows if sessions else bills.rows
    wanted = (SessionFilter if sessions else BillFilter)(**_filter(given))
    zone, stem = ZoneInfo(given["timezone"]), "sessions" if sessions else "bills"

    def rows() -> Iterator[Any]:
        count = 0
        for count, row in enumerate(read(db, wanted), 1):
            yield row
            if not count % PIECE:
                _counted(number, PIECE)
        _counted(number, count % PIECE)

    name = f"{stem}-{utc_now():%Y-%m-%d}.{given['format']}"
    return name, _packed(given["format"], header._fields, rows(), zone)


def _filter(given: Json) -> Json:
    found = {name: value for name, value in given.items() if name.endswith("_id")}
    for name in ("since", "until"):
        if given.get(name):
            found[name] = datetime.fromisoformat(given[name])
    return found


def _counted(number: int, rows: int) -> None:
    with unit_of_work() as work:
        jobs.get_on(work, number, rows, now=utc_now())


def _reader(parts: Iterator[bytes]) -> Callable[[int], bytes]:
    """A file to be read, of parts as they come; empty ones are no end."""
    full = filter(None, parts)
    return lambda _: next(full, b"")


def _store() -> Store:
    return Store(the_settings(), EXPORTS)
