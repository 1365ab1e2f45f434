"""Firmware and log jobs for the pages: the library, the jobs, what stations told of customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from app.domain.device import file_jobs, files
from app.domain.ground.vocabulary import FileJobState
from app.models import CustomerReport, FileJob, FirmwareFile, Station, StationVariable
from app.queries.ground.filters import fitting, put_away
from app.queries.ground.names import by_name
from app.queries.ground.paging import Page, Wish, alike, fetch, like

#: Jobs on a station's page, and on the page of one image.
RECENT = 25

LIBRARY_SORTS = {
    "version": FirmwareFile.version,
    "name": by_name(FirmwareFile.name),
    "vendor": by_name(func.coalesce(FirmwareFile.vendor, "")),
    "size": FirmwareFile.size_bytes,
    "added": FirmwareFile.created_at,
}
JOB_SORTS = {
    "id": FileJob.id,
    "kind": FileJob.kind,
    "state": FileJob.state,
    "asked": FileJob.created_at,
}


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What the list of jobs is narrowed to."""

    station_id: int | None = None
    kind: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class JobStep:
    """One thing that was heard of a job."""

    at: datetime
    word: str
    meaning: str

    @property
    def failed(self) -> bool:
        """Tell whether it is bad news."""
        return file_jobs.STEPS.get(self.meaning) is FileJobState.FAILED  # type: ignore[call-overload]


def library(db: Session, q: str, wish: Wish, *, archived: bool = False) -> Page:
    """The images, narrowed by a search."""
    query = select(FirmwareFile).where(put_away(FirmwareFile, archived))
    if q:
        columns = (FirmwareFile.version, FirmwareFile.name, FirmwareFile.vendor, FirmwareFile.model)
        query = query.where(alike(like(q), *columns))
    return fetch(db, query, wish, LIBRARY_SORTS, default="-added", noun="files")


def jobs(db: Session, wanted: JobFilter, wish: Wish) -> Page:
    """The jobs of all stations in reach."""
    query = select(FileJob).options(joinedload(FileJob.station), joinedload(FileJob.firmware))
    query = query.where(*fitting(wanted, station_id=FileJob.station_id, state=FileJob.state))
    if wanted.kind == "firmware":
        query = query.where(FileJob.kind.in_(files.FETCHED))
    elif wanted.kind == "logs":
        query = query.where(FileJob.kind.in_(files.BROUGHT))
    if wanted.state == "open":
        query = query.where(FileJob.state.in_(file_jobs.OPEN))
    return fetch(db, query, wish, JOB_SORTS, default="-id", noun="jobs")


def newest(db: Session, condition: Any) -> list[FileJob]:
    query = select(FileJob).options(joinedload(FileJob.station), joinedload(FileJob.firmware))
    return list(db.scalars(query.where(condition).order_by(FileJob.id.desc()).limit(RECENT)))


def steps_of(job: FileJob) -> list[JobStep]:
    """What was heard of a job, in order."""
    return [JobStep(datetime.fromisoformat(at), word, meaning) for at, word, meaning in job.steps]


def images_for(db: Session, station: Station) -> list[FirmwareFile]:
    """The images to offer for a station: first those of its vendor and model, then the newest."""
    rows = db.scalars(
        select(FirmwareFile)
        .where(FirmwareFile.archived_at.is_(None))
        .order_by(FirmwareFile.id.desc())
        .limit(200)
    )

    def misfit(row: FirmwareFile) -> int:
        pairs = ((row.vendor, station.vendor), (row.model, station.model))
        return sum(_differ(said, there) for said, there in pairs)

    return sorted(rows, key=misfit)


def _differ(said: str | None, there: str | None) -> int:
    if not said:
        return 1
    return 0 if said.casefold() == (there or "").casefold() else 2


def reports_of(db: Session, station: Station, limit: int = RECENT) -> Sequence[CustomerReport]:
    """What a station told of customers, the newest first."""
    return db.scalars(
        select(CustomerReport)
        .where(CustomerReport.station_id == station.id)
        .order_by(CustomerReport.id.desc())
        .limit(limit)
    ).all()


def transfers(db: Session, station: Station) -> set[str]:
    """How a station says that it can move files (FIELD K5), lower case; empty: it never said."""
    told = db.scalars(
        select(StationVariable.value).where(
            StationVariable.station_id == station.id,
            StationVariable.attribute == "actual",
            StationVariable.variable.in_(
                ("SupportedFileTransferProtocols", "FileTransferProtocols")
            ),
        )
    ).all()
    words = ",".join(value for value in told if value).split(",")
    return {word.strip().lower() for word in words if word.strip()}
