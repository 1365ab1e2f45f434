"""Sweeps end file jobs whose time is over; housekeeping lets go of old logs and old reports."""

import io
import os
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.domain.device import customer_information, file_jobs
from app.domain.ground.vocabulary import FileJobKind, FileJobState
from app.models import CustomerReport, FileJob, Station
from app.tasks.sweeps import sweep
from app.tasks.tidying import tidy_up
from app.uow import unit_of_work
from app.web.file_store import UPLOADS, Store
from tests.support.stations import register

NOW = datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - timedelta(days=100)


@pytest.fixture
def store(any_app):
    return Store(any_app.config["SETTINGS"], UPLOADS)


@pytest.fixture
def station(any_app):
    with unit_of_work() as db:
        return register(db, now=NOW).id


def job(db, station_id, **given):
    station = db.get(Station, station_id)
    made = FileJob(
        tenant_id=station.tenant_id,
        station_id=station.id,
        created_by="Ada",
        created_at=LONG_AGO,
        steps=[],
        **{"kind": FileJobKind.DIAGNOSTICS, "expires_at": LONG_AGO, **given},
    )
    db.add(made)
    db.flush()
    return made


def bring(store, db, row, at=LONG_AGO):
    stored = store.save(io.BytesIO(b"log").read, 100)
    facts = {"stored_as": stored.stored_as, "size_bytes": 3, "sha256": stored.sha256}
    file_jobs.received(db, row, name="log", now=at, **facts)
    return stored.stored_as


def test_a_sweep_ends_what_nobody_hears_of_any_more(any_app, station, store):
    with unit_of_work() as db:
        silent, brought = job(db, station), job(db, station)
        running = job(db, station, expires_at=NOW + timedelta(hours=1))
        bring(store, db, brought)
        ids = [silent.id, brought.id, running.id]
    sweep()
    with unit_of_work() as db:
        states = [db.get(FileJob, number).state for number in ids]
    assert states == [FileJobState.EXPIRED, FileJobState.DONE, FileJobState.ASKED]


def test_housekeeping_lets_go_of_old_files_and_of_those_no_row_knows(any_app, station, store):
    with unit_of_work() as db:
        old, new = job(db, station), job(db, station)
        names = [bring(store, db, old), bring(store, db, new)]
        for row, at in ((old, LONG_AGO), (new, NOW)):
            row.state, row.settled_at = FileJobState.DONE, at
    lost = store.save(io.BytesIO(b"lost").read, 100).stored_as
    os.utime(store.path(lost), (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    tidy_up()
    assert [store.path(name) is not None for name in [*names, lost]] == [False, True, False]
    with unit_of_work() as db:
        kept = db.scalars(select(FileJob.stored_as).order_by(FileJob.id)).all()
    assert kept == [None, names[1]]


def test_housekeeping_erases_old_customer_information(any_app, station):
    with unit_of_work() as db:
        place = db.get(Station, station)
        for number, at in ((1, LONG_AGO), (2, NOW)):
            customer_information.part(
                db, place, "Ada", number=0, last=True, request_id=number, now=at
            )
    tidy_up()
    with unit_of_work() as db:
        texts = db.scalars(select(CustomerReport.text).order_by(CustomerReport.id)).all()
    assert texts == ["", "Ada"]


def test_withdrawing_finds_the_job_by_its_checksum_in_any_database(any_app, station):
    with unit_of_work() as db:
        published = job(
            db, station, kind=FileJobKind.PUBLISHED_FIRMWARE, arguments={"checksum": "ab"}
        )
        found = db.scalar(
            select(FileJob.id).where(FileJob.arguments["checksum"].as_string() == "ab")
        )
        assert found == published.id
