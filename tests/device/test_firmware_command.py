"""flask firmware and flask logs: the same library and the same jobs as the desk's."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.device import file_jobs
from app.domain.ground.vocabulary import Order
from app.models import Command, FileJob, Station
from app.uow import unit_of_work
from app.web.file_store import FIRMWARE, UPLOADS, Store
from tests.support import sockets


@pytest.fixture
def station(app):
    """CP-7, connected to a worker that does nothing."""
    with unit_of_work() as db:
        return sockets.online_station(db, now=datetime.now(UTC)).id


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "fw.bin"
    path.write_bytes(b"firmware")
    return path


def test_an_image_is_added_listed_and_archived(flask, app, image):
    added = flask("firmware", "add", image, "--version", "2.0", "--vendor", "Acme")
    assert (added.exit_code, added.stdout) == (0, "Added version 2.0 as number 1.\n")
    (row,) = json.loads(flask("firmware", "list", "--json").stdout)
    assert (row["version"], row["vendor"], row["size_bytes"]) == ("2.0", "Acme", 8)
    again = flask("firmware", "add", image, "--version", "2.1")
    assert (again.exit_code, "in the library already" in again.stderr) == (1, True)
    assert len(list(app.config["SETTINGS"].data_dir.glob("files/firmware/*"))) == 1
    assert Store(app.config["SETTINGS"], FIRMWARE).used_bytes() == 8
    assert flask("firmware", "archive", "2.0").exit_code == 0
    assert json.loads(flask("firmware", "list", "--json").stdout) == []
    assert flask("firmware", "archive", "9.9").stderr == "There is no firmware called 9.9.\n"


def test_a_signature_without_its_certificate_is_refused(flask, image, tmp_path):
    signature = tmp_path / "fw.sig"
    signature.write_text("MEUC\n")
    refused = flask("firmware", "add", image, "--version", "2.0", "--signature", signature)
    assert refused.stderr == "A signature and its certificate go together.\n"


def test_a_station_is_updated_by_version(flask, station, image, db):
    flask("firmware", "add", image, "--version", "2.0")
    asked = flask("firmware", "update", "cp-7", "2.0", "--retries", 2, "--no-wait")
    assert asked.exit_code == 0, asked.stderr
    command = db.scalars(select(Command)).one()
    assert command.order is Order.UPDATE_FIRMWARE
    assert (command.arguments["firmware_id"], command.arguments["retries"]) == (1, 2)
    (job,) = json.loads(flask("logs", "list", "--station", "CP-7", "--json").stdout)
    assert (job["kind"], job["state"]) == ("firmware", "asked")


def test_firmware_must_be_named_or_lie_somewhere(flask, station):
    refused = flask("firmware", "update", "CP-7", "--no-wait")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Say which firmware, or where it lies.\n",
    )
    url = "gopher://a.example/x"
    assert flask("firmware", "update", "CP-7", "--url", url, "--no-wait").exit_code == 1


def test_a_log_is_fetched_and_saved(flask, app, station, db, tmp_path):
    asked = flask("logs", "fetch", "CP-7", "--kind", "security_log", "--no-wait")
    assert asked.exit_code == 0, asked.stderr
    job = db.scalars(select(FileJob)).one()
    target = tmp_path / "saved.log"
    missing = flask("logs", "save", job.id, target)
    assert (missing.exit_code, missing.stderr) == (1, f"No file came for job {job.id}.\n")
    content = iter([b"all is well", b""])
    stored = Store(app.config["SETTINGS"], UPLOADS).save(lambda size: next(content), 100)
    with unit_of_work() as work:
        file_jobs.received(
            work,
            work.get(FileJob, job.id),
            stored_as=stored.stored_as,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            name="log",
            now=datetime.now(UTC),
        )
    assert flask("logs", "save", job.id, target).exit_code == 0
    assert target.read_bytes() == b"all is well"
    assert db.get(Station, station) is not None
