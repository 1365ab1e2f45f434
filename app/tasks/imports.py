"""Imports as jobs: a file is looked through, and what it says is written in units."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import partial
from types import ModuleType
from typing import Any

from sqlalchemy.orm import Session

from app.domain.access.imports import drivers, headings, sheet, sites, stations, tags
from app.domain.access.imports.plans import Options, Plan, PlannedRow
from app.domain.access.imports.sheet import Row
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Actor, JobKind
from app.domain.office import jobs
from app.extensions import db as flask_db
from app.models import Job
from app.process.clock import utc_now
from app.uow import in_units, unit_of_work

NOTHING = "Nothing was imported."


def do(job: Job, who: Actor) -> None:
    """Write what the file of a job says, unless it may not be written.

    Raises `Invalid` then, and `Cancelled`.
    """
    known, given = {field.name for field in fields(Options)}, job.arguments
    options = Options(**{name: given[name] for name in known & set(given)})
    if job.kind in (JobKind.IMPORT_STATIONS, JobKind.IMPORT_SITES):
        _places(job, who, options)
    else:
        _people(job, who, options)


def _places(job: Job, who: Actor, options: Options) -> None:
    """Try all sites or stations in units where one that cannot be used forbids the others.

    Then write them.
    """
    given, number = job.arguments, job.id
    more: Any = {"tenant_id": job.tenant_id}
    # As it was begun first, also by one who was killed: the passwords are asked for by it.
    begun_at = job.begun_at or utc_now()
    noun: ModuleType = sites if job.kind is JobKind.IMPORT_SITES else stations
    table = sheet.read(job.text or "", headings.SITES if noun is sites else headings.STATIONS)
    carry_out: Callable[..., None] = noun.carry_out
    if noun is stations:
        stations.refuse_passwords(table)
        more["options"] = options
        carry_out = partial(carry_out, hashed={})
    planned, rows = noun.listed(table, now=begun_at)
    _begun(number, planned, len(rows), options)

    def take(work: Session, part: Sequence[Row], trial: bool) -> None:
        told, planned.rows = len(planned.errors), []
        (noun.try_out if trial else carry_out)(work, who, planned, part, **more)
        counted = _written(planned.rows) if not trial or given.get("dry_run") else {}
        done = 0 if trial and not given.get("dry_run") else len(part)
        jobs.get_on(work, number, done, **counted, now=utc_now())
        if len(planned.errors) > told:
            jobs.leave_out(work, number, planned.errors)

    if given.get("dry_run") or not given.get("valid_only"):
        in_units(rows, lambda work, part: take(work, part, True))
        if given.get("dry_run"):
            return
        if planned.errors:
            raise Invalid(NOTHING)
    in_units(rows, lambda work, part: take(work, part, False))


def _people(job: Job, who: Actor, options: Options) -> None:
    """Look a file of tags or drivers through, and write it in units."""
    given, number, tenant_id, now = job.arguments, job.id, job.tenant_id, utc_now()
    noun: ModuleType = tags if job.kind is JobKind.IMPORT_TAGS else drivers
    table = sheet.read(job.text or "", headings.TAGS if noun is tags else headings.DRIVERS)
    db = flask_db.session()
    planned: Plan[Any] = (
        tags.plan(db, table, tenant_id=tenant_id, now=now, options=options)
        if noun is tags
        else drivers.plan(db, table, tenant_id=tenant_id)
    )
    _begun(number, planned, len(planned.rows), options)
    if given.get("dry_run"):
        with unit_of_work() as work:
            jobs.get_on(work, number, 0, **_written(planned.rows), now=utc_now())
        return
    if planned.errors and not given.get("valid_only"):
        raise Invalid(NOTHING)

    def write(work: Session, rows: Sequence[PlannedRow]) -> None:
        told = len(planned.errors)
        noun.carry_out(work, who, planned, rows, tenant_id=tenant_id, now=now)
        lost = {error.number for error in planned.errors[told:]}
        kept = [row for row in rows if row.number not in lost]
        jobs.get_on(work, number, len(rows), **_written(kept), now=utc_now())
        if lost:
            jobs.leave_out(work, number, planned.errors)

    in_units([*planned.rows], write)


def _written(rows: Iterable[PlannedRow]) -> dict[str, int]:
    words = [row.what for row in rows]
    return {"added": words.count("add"), "changed": words.count("update")}


def _begun(number: int, planned: Plan[Any], total: int, options: Options) -> None:
    """Tell how many rows there are and which are left out; raises `Invalid` for unknown columns."""
    with unit_of_work() as work:
        jobs.get_on(work, number, 0, total=total, now=utc_now())
        jobs.leave_out(work, number, planned.errors)
    if planned.unknown and not options.leave_out:
        raise Invalid(f"{planned.doubt} {NOTHING}")
