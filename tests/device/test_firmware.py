"""The firmware library and the files of a station on the desk: added, sent, followed, guarded."""

import io
import re

import pytest
from sqlalchemy import select

from app.domain.device import customer_information, file_jobs
from app.domain.device.file_jobs import FileStatus
from app.domain.ground.vocabulary import FileStep, Order
from app.models import (
    AuditEntry,
    Command,
    CustomerReport,
    FileJob,
    FirmwareFile,
    StationVariable,
)
from app.web.file_store import FIRMWARE, Store
from tests.support import seed
from tests.support.desk import page
from tests.support.online import made, now

__all__ = ["made", "now"]


@pytest.fixture
def people(app, made):
    return {role: seed.signed_in(app, person) for role, person in made.people.items()}


@pytest.fixture
def operator(people):
    return people["operator"]


def add(client, content=b"firmware", **given):
    facts = {"version": "7.0", "vendor": "Alfen", "model": "Eve Double Pro", **given}
    return client.post("/firmware/new", data={"file": (io.BytesIO(content), "eve.bin"), **facts})


@pytest.fixture
def image(operator, db):
    assert add(operator).status_code == 303
    return db.scalars(select(FirmwareFile)).one()


@pytest.fixture
def tab(made):
    return f"/stations/{made.stations['CP-01'].id}/files"


def give(client, made, order, **given):
    station_id = made.stations["CP-01"].id
    return client.post(f"/stations/{station_id}/commands", data={"order": order, **given})


def test_an_empty_library_says_what_to_do(people):
    assert "No firmware yet" in page(people["viewer"], "/firmware")
    assert "Add firmware" not in page(people["viewer"], "/firmware")
    assert "Add firmware" in page(people["operator"], "/firmware")


def test_a_file_is_added_with_its_digests(app, operator, image):
    store = Store(app.config["SETTINGS"], FIRMWARE)
    assert store.path(image.stored_as).read_bytes() == b"firmware"
    assert (image.name, image.size_bytes, image.created_by) == ("eve.bin", 8, "Otto Olsen")
    text = page(operator, f"/firmware/{image.id}")
    assert image.sha256 in text and "goes out unsigned" in text
    assert "7.0" in page(operator, "/firmware?q=EVE")
    assert "7.0" not in page(operator, "/firmware?q=nothing")


def test_an_image_may_be_larger_than_other_forms(app, operator, people, db):
    """With CSRF protection, as in life: that reads the form before the view does."""
    app.config["WTF_CSRF_ENABLED"] = True
    found = re.search(r'name="csrf_token" value="([^"]+)"', page(operator, "/firmware/new"))
    large = b"x" * (9 * 1024 * 1024)
    assert add(operator, large, csrf_token=found[1]).status_code == 303
    assert db.scalars(select(FirmwareFile.size_bytes)).one() == len(large)
    for client in (people["viewer"], app.test_client()):
        assert add(client, large, csrf_token=found[1]).status_code in (400, 413)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"version": ""}, "Say which version it is."),
        ({"signature": "MEUC"}, "go together"),
        ({"signature": "MEUC", "signing_certificate": "x"}, "certificate is PEM"),
    ],
)
def test_what_cannot_be_added_is_said_and_leaves_no_file(app, operator, db, given, sentence):
    answer = add(operator, **given)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not list(app.config["SETTINGS"].data_dir.glob("files/firmware/*"))
    assert db.scalar(select(FirmwareFile.id)) is None


def test_the_same_file_is_added_once(app, operator, image):
    answer = add(operator, version="8.0")
    assert answer.status_code == 422
    assert "The same file is in the library already" in answer.text
    assert len(list(app.config["SETTINGS"].data_dir.glob("files/firmware/*"))) == 1


def test_a_viewer_changes_nothing(people, image, db, tab):
    viewer = people["viewer"]
    assert add(viewer, b"other").status_code == 403
    assert viewer.post(f"/firmware/{image.id}/archive").status_code == 403
    assert "Update firmware</h2>" not in page(viewer, tab)
    assert db.scalars(select(FirmwareFile)).one().archived_at is None


def test_an_image_is_put_away_and_taken_back_and_the_audit_knows(operator, db, image):
    operator.post(f"/firmware/{image.id}/archive")
    assert "7.0" not in page(operator, "/firmware?format=csv")
    assert "7.0" in page(operator, "/firmware?show=archived")
    operator.post(f"/firmware/{image.id}/restore")
    actions = db.scalars(select(AuditEntry.action).where(AuditEntry.action.like("firmware.%")))
    assert list(actions) == ["firmware.add", "firmware.archive", "firmware.restore"]


def test_an_update_is_ordered_on_the_tab_and_followed_there(operator, made, db, image, tab, now):
    text = page(operator, tab)
    assert "7.0 · Alfen Eve Double Pro" in text and "No firmware and no log yet" in text
    assert give(operator, made, "update_firmware", firmware_id=image.id).status_code == 303
    command = db.scalars(select(Command).where(Command.order == Order.UPDATE_FIRMWARE)).one()
    job = db.scalars(select(FileJob)).one()
    assert command.subject == f"file_job:{job.id}"
    station = made.stations["CP-01"]
    for step in (FileStep.DOWNLOADING, FileStep.INVALID_SIGNATURE):
        status = FileStatus(file_jobs.FIRMWARE, step, step.name.title(), now)
        file_jobs.heard(db, station, status, kind="firmware", now=now)
    db.commit()
    text = page(operator, tab)
    assert "Firmware 7.0" in text and "Invalid_Signature" in text and "2 steps" in text
    assert "CP-01" in page(operator, f"/firmware/{image.id}")
    assert "CP-01" in page(operator, "/firmware/jobs?state=failed&kind=firmware&format=csv")
    assert "CP-01" not in page(operator, "/firmware/jobs?state=open&format=csv")


def test_the_library_leads_to_the_form_of_the_chosen_station(operator, made, image):
    station_id = made.stations["CP-02"].id
    answer = operator.get(f"/firmware/{image.id}/send?station_name=cp-02")
    assert answer.headers["Location"].startswith(f"/stations/{station_id}/commands?")
    assert f"firmware_id={image.id}" in answer.headers["Location"]
    assert operator.get(f"/firmware/{image.id}/send?station_name=CP-99").status_code == 404


@pytest.mark.parametrize(("told", "warned"), [("FTP, SFTP", True), ("FTP,HTTP", False)])
def test_a_station_that_cannot_use_our_addresses_is_pointed_out(
    operator, made, db, tab, told, warned
):
    assert "moves files by" not in page(operator, tab)
    station = made.stations["CP-01"]
    name = "SupportedFileTransferProtocols"
    db.add(StationVariable(station_id=station.id, key=name.casefold(), variable=name, value=told))
    db.commit()
    assert ("moves files by FTP, SFTP only" in page(operator, tab)) is warned


def test_the_form_with_all_choices_knows_the_chosen_image(operator, image, tab):
    url = tab.replace("/files", f"/commands?order=update_firmware&firmware_id={image.id}")
    field = re.search(r'<input[^>]*name="firmware_id"[^>]*>', page(operator, url))
    assert f'value="{image.id}"' in field[0]


def test_an_archived_image_is_not_offered(operator, image, tab):
    operator.post(f"/firmware/{image.id}/archive")
    assert "The library is empty" in page(operator, tab)


def test_a_log_is_ordered_brought_and_downloaded_by_operators_only(
    app, people, operator, made, db, tab
):
    assert give(operator, made, "fetch_logs", kind="diagnostics").status_code == 303
    command = db.scalars(select(Command).where(Command.order == Order.FETCH_LOGS)).one()
    assert app.test_client().put(command.arguments["location"], data=b"log").status_code == 200
    job = db.scalars(select(FileJob).execution_options(populate_existing=True)).one()
    assert f"{tab}/{job.id}" in page(operator, tab)
    assert f"{tab}/{job.id}" not in page(people["viewer"], tab)
    assert people["viewer"].get(f"{tab}/{job.id}").status_code == 403
    assert operator.get(f"{tab}/{job.id}", buffered=True).get_data() == b"log"
    elsewhere = tab.replace(f"/{job.station_id}/", f"/{job.station_id + 1}/")
    assert operator.get(f"{elsewhere}/{job.id}").status_code == 404


def test_only_admins_see_and_erase_what_is_known_of_customers(people, made, db, tab, now):
    station = made.stations["CP-01"]
    row = customer_information.part(
        db, station, "Ada Lovelace, 04A219B0", number=0, last=True, request_id=9, now=now
    )
    number = row.id
    db.commit()
    assert "Ada Lovelace, 04A219B0" in page(people["admin"], tab)
    for role in ("operator", "viewer"):
        assert "Ada Lovelace, 04A219B0" not in page(people[role], tab)
        assert people[role].post(f"{tab}/customers/{number}/erase").status_code == 403
    assert people["admin"].post(f"{tab}/customers/{number}/erase").status_code == 303
    assert "Ada Lovelace, 04A219B0" not in page(people["admin"], tab)
    db.rollback()
    assert db.get(CustomerReport, number).erased_at is not None
