"""Reports on schedule: what goes out by itself, to whom, and what became of it."""

from typing import Any, cast

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, finds
from app.api.ground._plain import Plain
from app.domain.ground.vocabulary import JobState
from app.domain.office import schedules
from app.models import Job, ReportSchedule
from app.resource import REPORT_SCHEDULES
from app.schemas import office as schemas
from app.schemas.answers import Answer, read
from app.schemas.base import Instant

noun = Noun("report-schedules", "Reports that go out by mail every week or month.", everywhere=True)

SCHEDULE = _rows.answer(
    "ReportSchedule",
    "A report that goes out by itself at `next_run_at`; `outside` are those of its `recipients` "
    "that are nobody's on the staff.",
    ReportSchedule,
    without=("name_key", "narrowed_to"),
    site_id=read(int | None, lambda row: row.narrowed_to),
    recipients=list[str],
    outside=list[str],
)


class ReportMail(Answer):
    """A mail with a report, and whether it was sent."""

    recipient: str
    state: str
    sent_at: Instant | None
    error: str | None


class ReportRun(Answer):
    """One time that a report was made; `sentence` says why it was not."""

    id: int
    state: JobState
    file_name: str | None
    created_at: Instant
    ended_at: Instant | None
    sentence: str | None
    mails: list[ReportMail]


plain = Plain(noun, REPORT_SCHEDULES, SCHEDULE)
plain.list("The schedules, in the order in which they were made.", schemas.ReportSchedules)
plain.show("One schedule.")
plain.create("Add a schedule; its first report is of what is a whole week or month by then.",
             schemas.NewReportSchedule, 409)  # fmt: skip
plain.edit("Change what is given and leave the rest.", schemas.ReportScheduleChanges)
plain.archive("Pause it: nothing is sent until it is restored.")
plain.restore("Send again, from its next time on.")


_schedule = finds(ReportSchedule, "schedule")


def _mailed(ask: Ask, jobs: list[Any]) -> None:
    mails = schedules.mails(ask.db, jobs)
    for job in jobs:
        job.mails = mails.get(job.id, [])


def _just_made(ask: Ask, job: Any) -> Job:
    job.mails = []
    return cast(Job, job)


noun.decide(
    "/report-schedules/{schedule_id}/run",
    "Send a report now",
    "Make and send the report of the last whole week or month now.",
    *(ReportRun, _schedule, schedules.run),
    seen=_just_made,
    result=True,
    status=202,
    problems=(409,),
)
_lists.hang(
    *(noun, "/report-schedules/{schedule_id}/runs", "List what a schedule sent"),
    "Each time that it was made, the newest first, with its mails.",
    *(Job, ReportRun),
    name="runs",
    of=(Job.schedule_id, _schedule),
    seen=_mailed,
)
