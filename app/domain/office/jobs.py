"""Jobs: imports and exports that a task does, row by row of its own table.

The row decides.  A job is claimed by an update that only one can win; whoever does it says so
with every unit that it writes, so that one who was killed is followed by another after a while.
An import that is begun again finds what was written already as it should be.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.domain.ground import events
from app.domain.ground.bulk import rows_changed
from app.domain.ground.errors import Conflict, Forbidden
from app.domain.ground.vocabulary import Actor, Area, JobKind, JobState, Json, Right
from app.domain.office import audit, rights
from app.domain.office.rights import Rights
from app.models import Job

#: Jobs of one person that may wait or run at a time.
MOST_OPEN = 10
#: Rows that were left out of an import and are told one by one.
MOST_ERRORS = 1000
#: How long the file of an export is kept.
FILE_KEPT = timedelta(days=1)
#: A job that has not got on for so long is begun again.
STALE = timedelta(minutes=5)
#: Waits or runs.
OPEN = (JobState.WAITING, JobState.RUNNING)
#: The right without which nobody asks for a job, fetches its file, or has it done.
NEEDS: dict[JobKind, tuple[Area, Right]] = {
    JobKind.IMPORT_TAGS: (Area.ACCESS, Right.WRITE),
    JobKind.IMPORT_DRIVERS: (Area.ACCESS, Right.WRITE),
    JobKind.IMPORT_SITES: (Area.NETWORK, Right.WRITE),
    JobKind.IMPORT_STATIONS: (Area.NETWORK, Right.WRITE),
    JobKind.EXPORT_SESSIONS: (Area.CHARGING, Right.READ),
    JobKind.EXPORT_BILLS: (Area.MONEY, Right.READ),
    JobKind.EXPORT_REPORT: (Area.OFFICE, Right.READ),
}
IMPORTS = frozenset(kind for kind in JobKind if kind.startswith("import_"))
REPORTS = frozenset({JobKind.EXPORT_REPORT})
#: What nobody does who is limited to some sites.
EVERYWHERE = frozenset({JobKind.IMPORT_SITES})


class Cancelled(Exception):
    """Somebody does not want the job any longer."""


def ask(
    db: Session,
    actor: Actor,
    kind: JobKind,
    *,
    tenant_id: int,
    arguments: Json,
    text: str | None = None,
    now: datetime,
) -> Job:
    """Have something done.

    Raises `Forbidden`, or `Conflict` when too much of theirs is under way.
    """
    if actor.user_id is None:
        raise Forbidden("Only a member of staff can have this done.")
    refuse(actor.rights, kind)
    held = select(func.count(Job.id)).where(Job.user_id == actor.user_id, Job.state.in_(OPEN))
    if (db.scalar(held) or 0) >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} of your jobs are under way; wait until one has ended.")
    job = Job(tenant_id=tenant_id, user_id=actor.user_id, created_by=actor.name, kind=kind,
              arguments=arguments, text=text, created_at=now)  # fmt: skip
    db.add(job)
    db.flush()
    audit.remark(db, actor, "job.create", job, kind.value, now=now)
    events.record(db, _wanted(kind)(tenant_id, job.id))
    return job


def _wanted(kind: JobKind) -> type[events.JobWanted]:
    return events.ReportWanted if kind in REPORTS else events.JobWanted


def refuse(held: Rights | None, kind: JobKind) -> None:
    """Raise `Forbidden` where these rights (None: all) do not reach what a job is about."""
    area, right = NEEDS[kind]
    if held is not None and not rights.may(held, area, right):
        raise Forbidden(f"This needs the right {area}: {right}.")


def claim(db: Session, *, reports: bool, now: datetime) -> int | None:
    """Take the oldest job that waits, or stands still, and return its id: a report, or another."""
    free = and_(_free(now), Job.kind.in_(REPORTS) if reports else Job.kind.not_in(REPORTS))
    for number in db.scalars(select(Job.id).where(free).order_by(Job.id).limit(5)).all():
        begun_at = func.coalesce(Job.begun_at, now)
        taken = update(Job).where(Job.id == number, free)
        begun = {"state": JobState.RUNNING, "begun_at": begun_at, "beat_at": now, "done": 0}
        if rows_changed(db, taken.values(begun)):
            return number
    return None


def _free(now: datetime) -> ColumnElement[bool]:
    stands_still = and_(Job.state == JobState.RUNNING, Job.beat_at < now - STALE)
    return or_(Job.state == JobState.WAITING, stands_still)


def remind(db: Session, *, now: datetime) -> None:
    """Ask once more for jobs that wait, or stand still."""
    free = select(func.min(Job.id), Job.tenant_id, Job.kind).where(_free(now))
    for number, tenant_id, kind in db.execute(free.group_by(Job.tenant_id, Job.kind)):
        events.record(db, _wanted(kind)(tenant_id, number))


def get_on(
    db: Session,
    job_id: int,
    done: int,
    *,
    total: int | None = None,
    added: int = 0,
    changed: int = 0,
    now: datetime,
) -> None:
    """Note that so many more rows are dealt with; raises `Cancelled`."""
    job = _running(db, job_id)
    job.done += done
    job.added += added
    job.changed += changed
    job.total = job.total if total is None else total
    job.beat_at = now
    events.record(db, events.JobsChanged(job.tenant_id, job.id))


def _running(db: Session, job_id: int) -> Job:
    job = db.get(Job, job_id, populate_existing=True, with_for_update=True)
    if job is None or job.state is not JobState.RUNNING:
        raise Cancelled
    return job


def leave_out(db: Session, job_id: int, errors: Sequence[Any]) -> None:
    """Keep which rows of an import were left out: each has a number, a value and a sentence."""
    job = db.get_one(Job, job_id)
    job.left_out = len(errors)
    job.errors = [
        [error.number, error.value[:80], error.sentence] for error in errors[:MOST_ERRORS]
    ]


def settle(
    db: Session,
    job_id: int,
    state: JobState,
    sentence: str | None = None,
    *,
    file: tuple[str, str, int] | None = None,
    now: datetime,
) -> None:
    """End a job that still runs; `file` is what an export made: its name, where it lies, its size.

    Raises `Cancelled`.
    """
    job = _running(db, job_id)
    if file is not None:
        job.file_name, job.stored_as, job.size_bytes = file
    _end(db, job, state, sentence, now)


def cancel(db: Session, actor: Actor, job: Job, *, now: datetime) -> None:
    """Stop a job; what it wrote stays.  Raises `Conflict` when it has ended."""
    db.refresh(job, with_for_update=True)
    if job.state not in OPEN:
        raise Conflict("It has ended already.")
    _end(db, job, JobState.CANCELLED, None, now)
    audit.remark(db, actor, "job.cancel", job, now=now)


def _end(db: Session, job: Job, state: JobState, sentence: str | None, now: datetime) -> None:
    job.state, job.sentence, job.ended_at = state, (sentence or "")[:300] or None, now
    job.text = None
    events.record(db, events.JobsChanged(job.tenant_id, job.id))


def reach_changed(db: Session, user_id: int, *, now: datetime) -> None:
    """Let go of what was made, or is under way, within the sites that somebody had until now."""
    theirs = select(Job).where(
        Job.user_id == user_id, or_(Job.state == JobState.RUNNING, Job.stored_as.is_not(None))
    )
    for job in db.scalars(theirs.with_for_update()):
        job.stored_as = None
        if job.state is JobState.RUNNING and job.kind in REPORTS:
            begin_anew(db, job)
        elif job.state is JobState.RUNNING:
            said = "The sites that you may see were changed while it ran: ask for it again."
            _end(db, job, JobState.CANCELLED, said, now)


def begin_anew(db: Session, job: Job) -> None:
    """Have a job done once more from its beginning."""
    job.state = JobState.WAITING
    events.record(db, _wanted(job.kind)(job.tenant_id, job.id))


def forget_files(db: Session, *, now: datetime) -> list[str]:
    """Let go of exports whose time is over; returns the files to remove."""
    old = select(Job).where(Job.stored_as.is_not(None), Job.ended_at < now - FILE_KEPT)
    names = []
    for job in db.scalars(old):
        names.append(str(job.stored_as))
        job.stored_as = None
    return names
