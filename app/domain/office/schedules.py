"""Reports that go out by themselves: when, about which period, and to whom.

A schedule's next time is moved on by an update that only one can win; the same unit of work makes
the job that writes the file.  The mails are queued with the job's end, so that a report that was
begun twice is sent once.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.ground import clock, events, texts
from app.domain.ground.bulk import rows_changed
from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.vocabulary import REPORT_WAYS, Actor, JobKind, Json, ReportKind, Role
from app.domain.office import audit, jobs, outbox
from app.models import Job, OutgoingMail, ReportSchedule, Site, User
from app.schemas.office import MOST_RECIPIENTS, NewReportSchedule

#: On the clock of the schedule, in the morning of the day after the period.
SENT_AT = time(6)
_READ = {"timezone": clock.zone_name}
_SET = ("name", "recipients", "confirm_outside", "site_id")


def add(
    db: Session, actor: Actor, tenant_id: int, *, now: datetime, **given: Any
) -> ReportSchedule:
    """Add a schedule of what `NewReportSchedule` names; raises `Invalid` or `Taken`."""
    schedule = ReportSchedule(
        tenant_id=tenant_id, created_at=now, recipients=[], outside=[], narrowed_to=None
    )
    usual = {"by": "", "every": "month", "file_format": "pdf", "timezone": "UTC", "recipients": ()}
    _apply(db, actor, schedule, {"name": "", "kind": "energy", **usual, **given}, now)
    return audit.added(db, actor, "report_schedule.add", schedule, now=now)


def edit(
    db: Session, actor: Actor, schedule: ReportSchedule, *, now: datetime, **given: Any
) -> ReportSchedule:
    """Change what is given and leave the rest; who changes it answers for its reach from now on."""
    with audit.edited(db, actor, "report_schedule.edit", schedule, now=now):
        _apply(db, actor, schedule, given, now)
    return schedule


#: Sends no more until it is taken up again.
archive = partial(audit.archive, kind="report_schedule")


def restore(db: Session, actor: Actor, schedule: ReportSchedule, *, now: datetime) -> None:
    """Send again, from the next time on: what was missed is not made up for."""
    later = next_run(schedule.every, schedule.timezone, now)
    again = {"archived_at": None, "next_run_at": later}
    audit.change(db, actor, "report_schedule.restore", schedule, now=now, **again)


named = texts.finder(ReportSchedule, "schedule")


def run(db: Session, actor: Actor, schedule: ReportSchedule, *, now: datetime) -> Job:
    """Have the report of the last whole period made and sent now; its next time stays.

    Raises `Conflict` where it is paused, or that is under way: a form sent twice mails it once.
    """
    db.refresh(schedule, with_for_update=True)
    if schedule.archived_at is not None:
        raise Conflict(f"{schedule.name} is paused: take it up again first.")
    open_ = select(Job.id).where(Job.schedule_id == schedule.id, Job.state.in_(jobs.OPEN))
    if db.scalar(open_.limit(1)) is not None:
        raise Conflict(f"{schedule.name} is being made and sent already.")
    job = _wanted(db, schedule, now)
    audit.remark(db, actor, "report_schedule.run", schedule, now=now)
    return job


def begin_due(db: Session, *, now: datetime) -> int:
    """Begin the reports whose time has come; returns how many."""
    due = select(ReportSchedule).where(
        ReportSchedule.archived_at.is_(None), ReportSchedule.next_run_at <= now
    )
    count = 0
    for schedule in db.scalars(due.order_by(ReportSchedule.next_run_at).limit(50)).all():
        # Which day it is there: the time that was planned, though it may be begun later.
        later = next_run(schedule.every, schedule.timezone, now)
        taken = update(ReportSchedule).where(
            ReportSchedule.id == schedule.id,
            ReportSchedule.next_run_at == schedule.next_run_at,
            ReportSchedule.archived_at.is_(None),
        )
        if rows_changed(db, taken.values(next_run_at=later)):
            db.refresh(schedule)
            _wanted(db, schedule, now)
            count += 1
    return count


def next_run(every: str, zone: str, after: datetime) -> datetime:
    """The first moment after a time at which a week or a month is over there."""
    here = after.astimezone(ZoneInfo(zone))
    day = here.date() - timedelta(days=here.weekday())
    if every == "month":
        day = here.date().replace(day=1)
    while (at := datetime.combine(day, SENT_AT, ZoneInfo(zone))) <= here:
        day = _later(every, day)
    return at.astimezone(UTC)


def _later(every: str, day: date) -> date:
    if every == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7)


def last_period(every: str, day: date) -> tuple[date, date]:
    """The first and the last day of the whole week or month before a day."""
    if every == "month":
        last = day.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    last = day - timedelta(days=day.weekday() + 1)
    return last - timedelta(days=6), last


def _wanted(db: Session, schedule: ReportSchedule, now: datetime) -> Job:
    here = now.astimezone(ZoneInfo(schedule.timezone)).date()
    first, last = last_period(schedule.every, here)
    arguments: Json = {
        "kind": schedule.kind.value,
        "by": schedule.by,
        "site_id": schedule.narrowed_to,
        "first": first.isoformat(),
        "last": last.isoformat(),
        "format": schedule.file_format,
    }
    job = Job(
        tenant_id=schedule.tenant_id,
        user_id=schedule.user_id,
        created_by=schedule.user.name,
        kind=JobKind.EXPORT_REPORT,
        arguments=arguments,
        schedule_id=schedule.id,
        created_at=now,
    )
    db.add(job)
    db.flush()
    events.record(db, events.JobWanted(job.tenant_id, job.id))
    return job


def deliver(db: Session, job: Job, *, now: datetime) -> int:
    """Queue the mails with a report that was made; returns how many.

    Run within the unit of work that ends the job.  Who left the staff meanwhile gets nothing.
    """
    schedule = db.get(ReportSchedule, job.schedule_id or 0)
    if schedule is None:
        return 0
    first, last = job.arguments["first"], job.arguments["last"]
    subject = f"{schedule.name}: {first} to {last}"
    body = (
        f"The report “{schedule.name}” from {first} to {last} is attached as {job.file_name}.\n\n"
        f"You get this every {schedule.every} because the schedule names your address; whoever "
        "looks after Ampdesk in your organisation can take it off.\n"
    )
    theirs = _staff(db, schedule.tenant_id, schedule.recipients)
    addresses = [one for one in schedule.recipients if one in theirs or one in schedule.outside]
    for address in addresses:
        mail = outbox.queue(
            db, schedule.tenant_id, recipient=address, subject=subject, body=body, now=now
        )
        mail.job_id = job.id
    db.flush()
    return len(addresses)


def runs(db: Session, schedule: ReportSchedule, most: int) -> list[Job]:
    """The newest times that a report was made."""
    query = select(Job).where(Job.schedule_id == schedule.id)
    return list(db.scalars(query.order_by(Job.id.desc()).limit(most)))


def mails(db: Session, runs: Sequence[Job]) -> dict[int, list[OutgoingMail]]:
    """The mails of some reports, by the job that made them."""
    query = select(OutgoingMail).where(OutgoingMail.job_id.in_([job.id for job in runs]))
    found: dict[int, list[OutgoingMail]] = {}
    for mail in db.scalars(query.order_by(OutgoingMail.id)):
        found.setdefault(mail.job_id or 0, []).append(mail)
    return found


def _apply(db: Session, actor: Actor, schedule: ReportSchedule, given: Json, now: datetime) -> None:
    if "name" in given:
        name = NewReportSchedule.line("name", given["name"], required=True)
        texts.rename(db, schedule, name, f"There is a schedule called {name} already.")
    if "site_id" in given:
        schedule.narrowed_to = _site(db, schedule.tenant_id, given["site_id"])
    for name, value in NewReportSchedule.kept(given, _READ, but=_SET).items():
        setattr(schedule, name, value)
    schedule.kind = ReportKind(schedule.kind)
    ways = REPORT_WAYS[schedule.kind]
    schedule.by = schedule.by or ways[0]
    if schedule.by not in ways:
        raise Invalid(f"This report is by {', '.join(ways)}.", field="by")
    if "recipients" in given:
        _address(db, schedule, given["recipients"], bool(given.get("confirm_outside")))
    schedule.user_id = actor.user_id or _an_admin(db, schedule.tenant_id)
    if schedule.next_run_at is None or {"every", "timezone"} & set(given):
        schedule.next_run_at = next_run(schedule.every, schedule.timezone, now)


def _address(db: Session, schedule: ReportSchedule, typed: Iterable[str], confirmed: bool) -> None:
    """Take the addresses; one that is nobody's on the staff has to be confirmed once."""
    found = [texts.email(address, field="recipients") for address in typed]
    addresses = list(dict.fromkeys(address for address in found if address))
    if not addresses:
        raise Invalid("Say who gets it.", field="recipients")
    if len(addresses) > MOST_RECIPIENTS:
        raise Invalid(f"It goes to {MOST_RECIPIENTS} addresses at most.", field="recipients")
    theirs = _staff(db, schedule.tenant_id, addresses)
    outside = [address for address in addresses if address not in theirs]
    new = [address for address in outside if address not in schedule.outside]
    if new and not confirmed:
        raise Invalid(
            f"{', '.join(new)} is nobody's address on the staff: confirm that it may get this.",
            field="recipients",
        )
    schedule.recipients, schedule.outside = addresses, outside


def _staff(db: Session, tenant_id: int, addresses: Sequence[str]) -> set[str]:
    """Those of some addresses that belong to people on the staff today."""
    keys = {address.casefold(): address for address in addresses}
    query = select(User.email_key).where(
        User.tenant_id == tenant_id, User.archived_at.is_(None), User.email_key.in_(keys)
    )
    return {keys[key] for key in db.scalars(query)}


def _an_admin(db: Session, tenant_id: int) -> int:
    """Whose reach a schedule has that is made on the command line."""
    query = select(User.id).where(
        User.tenant_id == tenant_id,
        User.archived_at.is_(None),
        User.role == Role.ADMIN,
        ~User.sites.any(),
    )
    found = db.scalar(query.order_by(User.id).limit(1))
    if found is None:
        raise Invalid("Nobody on the staff may see all sites: add an admin first.")
    return found


def _site(db: Session, tenant_id: int, site_id: int | None) -> int | None:
    if not site_id:
        return None
    site = db.get(Site, site_id)
    if site is None or site.tenant_id != tenant_id:
        raise Invalid("There is no such site.", field="site_id")
    return site.id
