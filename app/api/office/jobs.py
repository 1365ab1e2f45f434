"""Imports and exports as jobs: asked for at once, done while the program goes on."""

from typing import Any

from flask import Response, send_file
from sqlalchemy import select

from app.api.ground import _lists, _rows
from app.api.ground._endpoint import File
from app.api.ground._noun import Ask, Noun, Reply, made_at
from app.api.ground._paging import Pages
from app.domain.access.imports import headings, sheet
from app.domain.access.imports import stations as station_import
from app.domain.ground import clock
from app.domain.ground.vocabulary import JobKind, Json
from app.domain.office import jobs
from app.extensions import the_settings
from app.models import Driver, Job, Site, Station, Tag
from app.schemas import jobs as schemas
from app.schemas.answers import read
from app.uow import unit_of_work
from app.web.file_store import EXPORTS, Store
from app.web.problems import Problem

noun = Noun("jobs", "Imports and exports that are done while nobody waits for them.")

JOB = _rows.answer(
    "Job",
    "An import or an export of the token’s person. `done` of `total` rows are dealt with; an "
    "export does not know its total. `added` and `changed` are what an import wrote (or would, "
    "as a `dry_run`), `left_out` how many rows it could not use.",
    Job,
    without=("text", "stored_as", "user_id"),
    errors=read(
        list[schemas.RowError],
        lambda job: [schemas.RowError.of(*error) for error in job.errors],
        "The first 1000 rows that were left out.",
    ),
    has_file=read(bool, lambda job: job.stored_as is not None, "Whether its file can be fetched."),
)


def _job(ask: Ask, job_id: int) -> Job:
    job = ask.get(Job, job_id, "job")
    if job.user_id != ask.caller.user_id:
        raise Problem(404, "There is no such job.")
    return job


def _refuse_narrow(ask: Ask) -> None:
    """Refuse a token of fewer sites than its person's: a job is done within that person's reach."""
    if ask.caller.of_fewer_sites:
        raise Problem(403, "A token that is limited to some sites cannot use files of jobs.")


@noun.get("/jobs", "List jobs", answers={200: Pages(JOB)}, query=schemas.Jobs)
def list_(ask: Ask) -> object:
    """One’s own jobs, the newest first."""
    query = select(Job).where(Job.user_id == ask.caller.user_id)
    return ask.page(_lists.narrowed(ask, query, Job), Job.id)


noun.show(
    *("/jobs/{job_id}", "Read a job", "One job: how far it is, and what came of it.", JOB, _job)
)


@noun.get(
    "/jobs/{job_id}/file",
    "Fetch an export",
    answers={200: File("application/octet-stream", "CSV or XLSX, as it was asked for.")},
)
def file(ask: Ask, job_id: int) -> Response:
    """The file of an export, for a day after it was made."""
    job = _job(ask, job_id)
    _refuse_narrow(ask)
    jobs.refuse(ask.caller.rights, job.kind)
    path = Store(the_settings(), EXPORTS).path(job.stored_as or "")
    if path is None:
        raise Problem(404, "There is no file, or no longer.")
    return send_file(path, as_attachment=True, download_name=job.file_name, max_age=0,
                     mimetype="application/octet-stream")  # fmt: skip


noun.decide(
    "/jobs/{job_id}/cancel",
    "Cancel a job",
    "Stop a job; what it wrote stays.",
    *(JOB, _job, jobs.cancel),
    right="read",
    problems=(409,),
)


def _asked(ask: Ask, kind: JobKind, arguments: Json, text: str | None = None) -> Reply:
    _refuse_narrow(ask)
    given: Any = {"tenant_id": ask.tenant_id, "arguments": arguments, "text": text, "now": ask.now}
    with unit_of_work() as db:
        job = jobs.ask(db, ask.actor, kind, **given)
    return made_at("/jobs", job, 202)


#: What an import may be told, no by itself.
_YES_OR_NO = ("ignore_columns", "make_groups", "unblock", "valid_only", "dry_run")


@noun.post(
    "/imports",
    "Import a file",
    body=schemas.NewImport,
    answers={202: JOB},
    problems=(409,),
)
def import_(ask: Ask) -> Reply:
    """Have what a CSV file lists added and changed; the job tells how it went.

    A file of sites is only for whoever sees all sites.  One of stations brings no passwords: those
    that are made are fetched at the desk, or given anew by `POST /stations/{id}/credentials`.
    """
    given = dict(ask.body)
    kind, text = JobKind(f"import_{given.pop('noun')}"), given.pop("text")
    if kind in jobs.EVERYWHERE:
        ask.caller.refuse_some_sites()
    clock.zone_name(given.get("timezone", "UTC"))
    if kind is JobKind.IMPORT_STATIONS:
        station_import.refuse_passwords(sheet.read(text, headings.STATIONS))
    options = {"site": "", **dict.fromkeys(_YES_OR_NO, False), **given}
    options["zone"] = options.pop("timezone", "UTC")
    options["leave_out"] = options.pop("ignore_columns")
    return _asked(ask, kind, options, text)


@noun.post(
    "/exports",
    "Export a list",
    right="read",
    body=schemas.NewExport,
    answers={202: JOB},
    problems=(409,),
)
def export(ask: Ask) -> Reply:
    """Have sessions or bills written to a file, all that a filter finds; the job has the file."""
    given = dict(ask.body)
    kind = JobKind(f"export_{given.pop('noun')}")
    clock.zone_name(given.setdefault("timezone", "UTC"))
    given.setdefault("format", "csv")
    if kind is JobKind.EXPORT_BILLS and {"station_id", "tag_id"} & set(given):
        raise Problem(422, "Bills are narrowed to a site or a driver, not to a station or a tag.")
    for model, noun in ((Site, "site"), (Station, "station"), (Driver, "driver"), (Tag, "tag")):
        if (name := f"{noun}_id") in given:
            ask.get(model, given[name], noun, field=name)
    for name in {"since", "until"} & set(given):
        given[name] = given[name].isoformat()
    return _asked(ask, kind, given)
