"""Firmware and logs, whole: desk, worker, and stations of others that fetch and bring over HTTP."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.device import files
from app.domain.ground.vocabulary import SYSTEM, FileJobState, Order
from app.domain.network import tenants
from app.models import Command, FileJob, Message, Station
from app.web.file_store import FIRMWARE, UPLOADS, Store
from tests.support.depot import furnish
from tests.support.file_station import LOG, Station16, Station21, Station201, connected
from tests.support.wait import eventually

pytestmark = pytest.mark.processes

IMAGE = bytes(range(256)) * 4000
KINDS = (Station16, Station201, Station21)


@pytest.fixture(scope="module")
def site(make_shared_site):
    return make_shared_site(processes=("web", "worker"))


@pytest.fixture(scope="module")
def stations(site):
    """One station for each kind, as (identity, password)."""
    return iter(furnish(site, len(KINDS)).stations)


@pytest.fixture(scope="module")
def firmware_id(site):
    """Version 2.0 in the library."""
    stored = Store(site.settings, FIRMWARE).save(io.BytesIO(IMAGE).read, 10**8)
    now = datetime.now(UTC)
    with site.work() as db:
        tenant_id = tenants.first(db, now=now).id
        given = {"name": "fw.bin", "version": "2.0"}
        return files.add_image(db, SYSTEM, tenant_id, stored, now=now, **given).id


def order(site, identity, order, **given):
    """Give an order and wait until its job is done; returns the job's id."""
    with site.work() as db:
        station = db.scalar(select(Station).where(Station.identity == identity))
        row = commands.queue(db, SYSTEM, station, order, given, now=datetime.now(UTC), ttl_s=60)
        job_id = row.arguments["request_id"]

    def done():
        with site.read() as db:
            job = db.get(FileJob, job_id)
            assert job.state is FileJobState.DONE, (job.state, job.sentence, job.steps)
        return True

    eventually(done, what="the job is done")
    return job_id


def steps(site, job_id):
    with site.read() as db:
        return [word for _, word, _ in db.get(FileJob, job_id).steps]


@pytest.mark.parametrize("kind", KINDS)
def test_a_station_is_updated_and_brings_its_log(site, stations, firmware_id, kind):
    identity, password = next(stations)

    async def play():
        station, close = await connected(kind, site.charger_url, identity, password)
        update = await asyncio.to_thread(
            order, site, identity, Order.UPDATE_FIRMWARE, firmware_id=firmware_id
        )
        log = await asyncio.to_thread(order, site, identity, Order.FETCH_LOGS, kind="diagnostics")
        await close()
        return station, update, log

    # In a thread: a browser of an earlier test may keep an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        station, update, log = pool.submit(asyncio.run, play()).result(240)
    assert station.image == IMAGE
    end = "booted" if kind is Station16 else "Installed"
    assert steps(site, update) == ["Downloading", "file fetched", "Downloaded", "Installing", end]
    assert steps(site, log) == ["Uploading", "file received", "Uploaded"]
    with site.read() as db:
        job = db.get(FileJob, log)
        assert (job.file_name, job.size_bytes) == ("diag.txt", len(LOG))
        assert Store(site.settings, UPLOADS).path(job.stored_as).read_bytes() == LOG
        assert db.get(FileJob, update).downloads == 1
        kept = db.scalars(select(Message.request)).all() + db.scalars(select(Command.request)).all()
    assert "/f/•••" in str(kept) or "/f/\\u2022" in str(kept)
    assert "/u/•••" in str(kept) or "/u/\\u2022" in str(kept)
