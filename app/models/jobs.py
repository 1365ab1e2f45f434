"""Jobs: imports and exports that are done while nobody waits for them, and reports on schedule."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.domain.ground.vocabulary import JobKind, JobState, ReportKind
from app.models.base import Base, BigId, Id, TenantOwned, choice

if TYPE_CHECKING:
    from app.models.sites import Site
    from app.models.staff import User


class Job(TenantOwned, Base):
    """One import or export, done within the reach that its person has at that time.

    `text` is the file of an import, until it has ended; `stored_as` the random name of an
    export's file, until that is removed.  `done` of `total` rows are dealt with (an export does
    not know its total).  `added` and `changed` count what an import wrote, and `errors` are the
    first rows that it left out, each [line, value, sentence], of `left_out` in all.  `beat_at` is
    when whoever does it last got on: a job that stands still is begun again by somebody else.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_state_id", "state", "id"), {"sqlite_autoincrement": True})

    id: Mapped[Id]
    kind: Mapped[JobKind] = mapped_column(choice(JobKind))
    state: Mapped[JobState] = mapped_column(choice(JobState), default=JobState.WAITING)
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(120))
    arguments: Mapped[dict[str, Any]] = mapped_column(default=dict)
    text: Mapped[str | None] = mapped_column(Text, deferred=True)
    file_name: Mapped[str | None] = mapped_column(String(200))
    stored_as: Mapped[str | None] = mapped_column(String(80))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[int] = mapped_column(default=0)
    errors: Mapped[list[Any]] = mapped_column(default=list)
    sentence: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]
    beat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    # The schedule that wanted it, of a report.
    schedule_id: Mapped[int | None] = mapped_column(BigId, index=True)

    user: Mapped["User"] = relationship()


class ReportSchedule(TenantOwned, Base):
    """A report that goes to some addresses by itself, every week or month.

    `outside` are those of the `recipients` that are nobody's on the staff, as an admin confirmed;
    it is made within the reach of `user`.  In the archive it is paused.
    """

    __tablename__ = "report_schedules"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name_key"),
        Index("ix_report_schedules_next", "next_run_at"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(120))
    kind: Mapped[ReportKind] = mapped_column(choice(ReportKind))
    by: Mapped[str] = mapped_column(String(20))
    narrowed_to: Mapped[int | None] = mapped_column(BigId, ForeignKey("sites.id"))
    every: Mapped[str] = mapped_column(String(10))
    file_format: Mapped[str] = mapped_column(String(10))
    timezone: Mapped[str] = mapped_column(String(64))
    recipients: Mapped[list[Any]] = mapped_column(default=list)
    outside: Mapped[list[Any]] = mapped_column(default=list)
    next_run_at: Mapped[datetime]
    user_id: Mapped[int] = mapped_column(BigId, ForeignKey("users.id"))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]

    user: Mapped["User"] = relationship()
    site: Mapped["Site | None"] = relationship()
