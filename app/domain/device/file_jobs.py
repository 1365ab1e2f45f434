"""Firmware and log jobs: where each stands, by what its station says of it.

`STEPS` says what a step means for the job, `MOVES` which moves are legal; a
status that fits no job, or would be an illegal move, is kept as a report.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import reports
from app.domain.commands.orders.spec import subject_of
from app.domain.device import files
from app.domain.ground import events
from app.domain.ground.bulk import among
from app.domain.ground.rows import newest
from app.domain.ground.vocabulary import (
    CommandState,
    FileJobKind,
    FileJobState,
    FileStep,
    Json,
    Outcome,
)
from app.domain.office.sign_ins import digest
from app.models import Command, FileJob, Station

FIRMWARE = frozenset({FileJobKind.FIRMWARE})
PUBLISHED = frozenset({FileJobKind.PUBLISHED_FIRMWARE})
LOGS = files.BROUGHT
_FAMILIES = (FIRMWARE, PUBLISHED, LOGS)

#: What a step means for its job; those that are not here change nothing.
STEPS: dict[FileStep, FileJobState] = {
    FileStep.DOWNLOAD_SCHEDULED: FileJobState.RUNNING,
    FileStep.DOWNLOADING: FileJobState.RUNNING,
    FileStep.DOWNLOAD_PAUSED: FileJobState.RUNNING,
    FileStep.DOWNLOADED: FileJobState.RUNNING,
    FileStep.DOWNLOAD_FAILED: FileJobState.FAILED,
    FileStep.SIGNATURE_VERIFIED: FileJobState.RUNNING,
    FileStep.INVALID_SIGNATURE: FileJobState.FAILED,
    FileStep.INSTALL_SCHEDULED: FileJobState.RUNNING,
    FileStep.INSTALLING: FileJobState.RUNNING,
    FileStep.INSTALL_REBOOTING: FileJobState.RUNNING,
    FileStep.INSTALL_VERIFICATION_FAILED: FileJobState.FAILED,
    FileStep.INSTALLATION_FAILED: FileJobState.FAILED,
    FileStep.INSTALLED: FileJobState.DONE,
    FileStep.CHECKSUM_VERIFIED: FileJobState.RUNNING,
    FileStep.INVALID_CHECKSUM: FileJobState.FAILED,
    FileStep.PUBLISHED: FileJobState.DONE,
    FileStep.PUBLISH_FAILED: FileJobState.FAILED,
    FileStep.UPLOADING: FileJobState.RUNNING,
    FileStep.UPLOADED: FileJobState.DONE,
    FileStep.UPLOAD_FAILED: FileJobState.FAILED,
    FileStep.BAD_MESSAGE: FileJobState.FAILED,
    FileStep.NOT_SUPPORTED: FileJobState.FAILED,
    FileStep.PERMISSION_DENIED: FileJobState.FAILED,
    FileStep.CANCELLED: FileJobState.CANCELLED,
}

#: The moves a job may make; what failed may be tried again by the station itself.
MOVES: dict[FileJobState, frozenset[FileJobState]] = {
    FileJobState.ASKED: frozenset(FileJobState) - {FileJobState.ASKED},
    FileJobState.RUNNING: frozenset(FileJobState) - {FileJobState.ASKED, FileJobState.REJECTED},
    FileJobState.FAILED: frozenset({FileJobState.RUNNING, FileJobState.DONE, FileJobState.FAILED}),
}
OPEN = frozenset({FileJobState.ASKED, FileJobState.RUNNING})
#: States in which a job's address is good and its station is listened to.
HEARD = frozenset(MOVES)

#: Steps kept of one job; a station that repeats itself adds none.
_MOST_STEPS = 100
_RECEIVED, _FETCHED = "file received", "file fetched"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """What a station says of a job: `word` as it spelled it, `step` what that means (if known).

    `request_id` is None where the version or the station names none: then it is
    about the newest job of the family.  `note` is said in words beside it.
    """

    family: frozenset[FileJobKind]
    step: FileStep | None
    word: str
    at: datetime
    request_id: int | None = None
    note: str = ""
    payload: Json = field(default_factory=dict)


def heard(
    db: Session, station: Station, status: FileStatus, *, kind: str, now: datetime
) -> FileJob | None:
    """Take a status in; one that fits no job is kept as a report of `kind`, and None returned."""
    job = _meant(db, station, status, now)
    state = STEPS.get(status.step) if status.step is not None else None
    if job is None or not _fits(job, state):
        reports.add(db, station, kind, status.word, status.payload, at=status.at, now=now)
        return None
    _step(job, status.at, status.word, status.step.value if status.step else "")
    sentence = status.note or None
    if state is FileJobState.DONE is job.state:
        state = None
    elif status.step is FileStep.UPLOADED and job.key_hash and job.stored_as is None:
        state, sentence = FileJobState.FAILED, "It says that it uploaded, but nothing arrived here."
    if state is not None:
        _move(job, state, sentence, now)
    _changed(db, job)
    return job


def _fits(job: FileJob, state: FileJobState | None) -> bool:
    """Tell whether a job may hear this; one that is done may hear so once more."""
    if job.state is FileJobState.DONE:
        return state is FileJobState.DONE
    return state is None or state in MOVES[job.state]


def _meant(db: Session, station: Station, status: FileStatus, now: datetime) -> FileJob | None:
    """The job that a status is about, if it is still listened to."""
    query = select(FileJob).where(FileJob.station_id == station.id, FileJob.kind.in_(status.family))
    if status.request_id is not None:
        query = query.where(FileJob.id == status.request_id)
    job = db.scalar(query.order_by(FileJob.id.desc()).limit(1))
    if job is None or job.state not in HEARD | {FileJobState.DONE}:
        return None
    over = job.expires_at is not None and job.expires_at <= now
    return None if over and job.state not in OPEN else job


def after_asking(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Take in how a station answered; facts: `file_name` (what it will upload).

    Without an answer nobody knows: the station may act on it, and the job waits.
    """
    job = subject_of(db, command, "file_job", FileJob)
    if job is None:
        return
    job.command_id = command.id
    form = outcome.facts.get("form") or {}
    if "extended" in form:
        job.arguments = {**job.arguments, "extended": form["extended"]}
    if name := outcome.facts.get("file_name"):
        job.file_name = printable(name)
    lost = outcome.state is CommandState.FAILED and not outcome.answer and command.message_id
    if outcome.state is CommandState.ACCEPTED:
        _move(job, FileJobState.RUNNING, outcome.sentence, now)
        _replace_older(db, job, now)
    elif outcome.state is CommandState.EXPIRED:
        _move(job, FileJobState.EXPIRED, outcome.sentence, now)
    elif outcome.state is CommandState.TIMED_OUT or lost:
        job.sentence = outcome.sentence[:300]
    else:
        _move(job, FileJobState.REJECTED, outcome.sentence, now)
    _changed(db, job)


def _replace_older(db: Session, job: FileJob, now: datetime) -> None:
    """A station does one of a family at a time: what it was doing gave way to this."""
    family = next(family for family in _FAMILIES if job.kind in family)
    older = select(FileJob).where(
        FileJob.station_id == job.station_id,
        FileJob.kind.in_(family),
        FileJob.state.in_(OPEN),
        FileJob.id < job.id,
    )
    for other in db.scalars(older).all():
        _move(other, FileJobState.CANCELLED, f"Job {job.id} took its place.", now)


def after_unpublishing(db: Session, command: Command, outcome: Outcome, now: datetime) -> None:
    """Note at the job that had it published that a local controller hands it on no more."""
    checksum = command.arguments.get("checksum")
    job = newest(
        db,
        FileJob,
        FileJob.arguments["checksum"].as_string() == checksum,
        station_id=command.station_id,
        kind=FileJobKind.PUBLISHED_FIRMWARE,
    )
    if job is not None and outcome.state is CommandState.ACCEPTED:
        _step(job, now, outcome.word or "Unpublished", "")
        job.sentence = outcome.sentence[:300]
        _changed(db, job)


_JOB = FileJob.__table__
_UPDATING = select(_JOB.c.station_id).where(
    among(_JOB.c.station_id, "stations"),
    _JOB.c.kind == FileJobKind.FIRMWARE,
    _JOB.c.state.in_(HEARD),
)


def updating(db: Session, station_ids: Iterable[int]) -> set[int]:
    """The stations among these that may have an update to complete."""
    return set(db.scalars(_UPDATING, {"stations": station_ids}))


def booted(db: Session, station: Station, before: str | None, *, now: datetime) -> None:
    """Complete an update whose version the station now calls its own; `before` was its last."""
    version = (station.firmware or "").strip().casefold()
    if not version or version == (before or "").strip().casefold():
        return
    query = select(FileJob).where(
        FileJob.station_id == station.id,
        FileJob.kind == FileJobKind.FIRMWARE,
        FileJob.state.in_(HEARD),
    )
    for job in db.scalars(query).all():
        wanted = str(job.arguments.get("version") or "").strip().casefold()
        if wanted and wanted == version:
            _step(job, now, "booted", FileStep.INSTALLED.value)
            _move(
                job,
                FileJobState.DONE,
                f"It came back with version {(station.firmware or '').strip()}.",
                now,
            )
            _changed(db, job)


# The file itself


def by_key(db: Session, key: str, kinds: Iterable[FileJobKind], *, now: datetime) -> FileJob | None:
    """The job whose address holds this secret, while that is good."""
    job = db.scalar(
        select(FileJob).where(
            FileJob.key_hash == digest(key),
            FileJob.kind.in_(tuple(kinds)),
            FileJob.state.in_(HEARD),
            FileJob.expires_at > now,
        )
    )
    return job if job is not None and job.station.archived_at is None else None


def fetched(db: Session, job: FileJob, *, now: datetime) -> None:
    """Note that a station began to fetch its file."""
    job.downloads += 1
    _step(job, now, _FETCHED, "")
    if job.state is FileJobState.ASKED:
        _move(job, FileJobState.RUNNING, job.sentence, now)
    _changed(db, job)


def received(
    db: Session, job: FileJob, *, stored_as: str, size_bytes: int, sha256: str, name: str,
    now: datetime,
) -> str | None:  # fmt: skip
    """Keep what a station brought; returns the stored name of what that replaces."""
    replaced = job.stored_as
    job.stored_as, job.size_bytes, job.sha256 = stored_as, size_bytes, sha256
    job.file_name = printable(name) or job.file_name
    said_so = any(meaning == FileStep.UPLOADED for _, _, meaning in job.steps)
    _step(job, now, _RECEIVED, "")
    _move(job, FileJobState.DONE if said_so else FileJobState.RUNNING, None, now)
    _changed(db, job)
    return replaced


def expire_overdue(db: Session, *, now: datetime) -> int:
    """End jobs whose time is over; a file that came is a file, whatever was said of it."""
    due = select(FileJob).where(FileJob.state.in_(OPEN), FileJob.expires_at <= now)
    overdue = db.scalars(due.with_for_update(skip_locked=True)).all()
    for job in overdue:
        if job.stored_as is not None:
            _move(job, FileJobState.DONE, "The file came; its end was never reported.", now)
        else:
            _move(job, FileJobState.EXPIRED, "Its time was over before its end was heard.", now)
        _changed(db, job)
    return len(overdue)


def forget(db: Session, *, before: datetime, limit: int = 500) -> list[str]:
    """Let go of files that came before an instant; returns their stored names.  Jobs stay."""
    old = db.scalars(
        select(FileJob)
        .where(FileJob.stored_as.is_not(None), FileJob.settled_at < before)
        .limit(limit)
    ).all()
    names = [str(job.stored_as) for job in old]
    for job in old:
        job.stored_as = None
        job.sentence = "The file was removed when its time was over."
    db.flush()
    return names


def printable(name: str) -> str:
    """A station's file name as text for people; it never names anything on disk."""
    last = str(name).replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[:255]


def _step(job: FileJob, at: datetime, word: str, meaning: str) -> None:
    if job.steps and job.steps[-1][1:] == [word[:40], meaning]:
        return
    job.steps = [*job.steps, [at.isoformat(), word[:40], meaning]][-_MOST_STEPS:]
    if word not in (_FETCHED, _RECEIVED):
        job.word = word[:40]


def _move(job: FileJob, state: FileJobState, sentence: str | None, now: datetime) -> None:
    """Make a legal move; an illegal one changes nothing."""
    if state not in MOVES.get(job.state, frozenset()):
        return
    job.state = state
    job.sentence = sentence[:300] if sentence else None
    job.settled_at = None if state in OPEN else now


def _changed(db: Session, job: FileJob) -> None:
    events.record(db, events.StationChanged(job.tenant_id, job.station_id))
    db.flush()
