"""Firmware and log jobs: made with their address, followed by what stations say, ended once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.domain.charging import reports
from app.domain.commands import broadcasts, commands
from app.domain.commands.orders.spec import subject_of
from app.domain.device import boots, customer_information, file_jobs, files
from app.domain.device.file_jobs import FileStatus
from app.domain.device.files import Stored
from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import (
    Actor,
    BootReport,
    CommandState,
    FileJobKind,
    FileJobState,
    FileStep,
    Order,
    Outcome,
)
from app.models import AuditEntry, CustomerReport, FileJob, StationReport
from app.schemas import quirks
from tests.support import lone, pki, sockets

ADA = Actor("Ada", None, "192.0.2.7")
YES = Outcome(CommandState.ACCEPTED, {"status": "Accepted"}, "The charger accepted.")


@pytest.fixture
def station(db, now):
    return sockets.online_station(db, now=now)


@pytest.fixture
def image(db, station, now):
    stored = Stored("0" * 32, 12, "ab" * 32, "cd" * 16)
    given = {"name": "C:\\new\\fw.bin", "version": "2.0", "vendor": "Acme", "model": "One"}
    return files.add_image(db, ADA, station.tenant_id, stored, now=now, **given)


@pytest.fixture
def ask(db, station, now):
    def queue(order, **arguments):
        return commands.queue(db, ADA, station, order, arguments, now=now, ttl_s=60)

    return queue


@pytest.fixture
def answer(db, now):
    def settle(command, outcome=YES):
        lone.claim(db, command.id, "worker-a", now=now)
        commands.settle(db, command, outcome, now=now)
        return subject_of(db, command, "file_job", FileJob)

    return settle


@pytest.fixture
def say(db, station, now):
    """What the station says of a job; the job that it moved, or None."""

    def heard(step, request_id=None, family=file_jobs.FIRMWARE, at=now):
        status = FileStatus(family, step, step.value.title(), at, request_id=request_id)
        return file_jobs.heard(db, station, status, kind="firmware", now=at)

    return heard


def key_in(command):
    return command.arguments["location"].rpartition("/")[2]


def test_an_update_gets_a_job_and_a_short_address_with_a_secret(db, ask, image, now):
    command = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id)
    job = db.get(FileJob, command.arguments["request_id"])
    assert command.subject == f"file_job:{job.id}"
    assert command.arguments["location"].startswith("/f/")
    assert len(command.arguments["location"]) <= 25
    assert (job.kind, job.state, job.firmware_id) == ("firmware", "asked", image.id)
    assert job.expires_at == now + timedelta(hours=24)
    assert key_in(command) not in job.key_hash
    assert file_jobs.by_key(db, key_in(command), files.FETCHED, now=now) is job


def test_an_address_is_good_for_its_purpose_and_its_time_only(db, ask, image, now):
    command = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id, valid_h=2)
    key = key_in(command)
    assert file_jobs.by_key(db, key, files.BROUGHT, now=now) is None
    assert file_jobs.by_key(db, key[:-1], files.FETCHED, now=now) is None
    assert file_jobs.by_key(db, key, files.FETCHED, now=now + timedelta(hours=2)) is None
    command.station.archived_at = now
    assert file_jobs.by_key(db, key, files.FETCHED, now=now) is None


def test_diag_url_short(db, station, ask, image):
    """FIELD K5: some stations keep an address in a small buffer, and some want a name in it."""
    assert len(ask(Order.FETCH_LOGS, kind="diagnostics").arguments["location"]) <= 25
    station.quirks = {"file_name_in_url": True}
    named = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id).arguments["location"]
    assert named.endswith("/fw.bin")
    image.name = "new firmware/2.0 ü.bin"
    named = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id).arguments["location"]
    assert named.endswith("/new%20firmware%2F2.0%20%C3%BC.bin")


@pytest.mark.parametrize("url", ["ftp://a/b", "http://", "http://a/?x=1", "desk:8000"])
def test_how_a_station_reaches_the_desk_is_a_plain_address(url):
    with pytest.raises(Invalid):
        quirks.validated({"files_url": url})
    assert quirks.validated({"files_url": "http://10.0.0.5:8000/"}) == {
        "files_url": "http://10.0.0.5:8000"
    }


def test_the_secret_leaves_no_trace_once_it_is_sent(db, ask, answer, image):
    command = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id)
    key = key_in(command)
    answer(command)
    assert key not in str(command.arguments)
    assert key not in str([(entry.note, entry.after) for entry in db.scalars(select(AuditEntry))])


def test_an_address_of_ones_own_is_sent_as_it_is_and_has_no_secret_of_ours(db, ask):
    command = ask(Order.UPDATE_FIRMWARE, url="ftp://me:pw@files.example/fw.bin")
    job = subject_of(db, command, "file_job", FileJob)
    assert command.arguments["location"] == "ftp://me:pw@files.example/fw.bin"
    assert job.key_hash is None
    assert "pw" not in str(job.arguments)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://a/b", "javascript:alert(1)", "http://", "//a/b", "a b"),
        *("http://a/\r\nX: 1", "http://ä.example/x", "data:text/plain,x", "http://[::1/x"),
    ],
)
def test_other_schemes_are_refused(ask, url):
    with pytest.raises(Invalid):
        ask(Order.UPDATE_FIRMWARE, url=url)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, Invalid),
        ({"firmware_id": 999}, NotFound),
        ({"firmware_id": 1, "url": "http://a/b"}, Invalid),
        ({"firmware_id": 1, "signed": "yes"}, Invalid),
        ({"url": "http://a/b", "signature": "MEUC"}, Invalid),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(ask, image, given, error):
    with pytest.raises(error):
        ask(Order.UPDATE_FIRMWARE, **given)


def test_addressed_puts_the_host_before_our_own_addresses_only():
    ours, theirs = {"location": "/f/x", "retries": 1}, {"location": "ftp://a/b"}
    assert files.addressed(ours, "http://desk:8000/")["location"] == "http://desk:8000/f/x"
    assert files.addressed(theirs, "http://desk:8000") == theirs
    assert files.addressed({"kind": "soft"}, "http://desk:8000") == {"kind": "soft"}


@pytest.fixture
def signed(db, station, now, tmp_path):
    given = {
        "name": "s.bin",
        "version": "3.0",
        "signature": "TUVVQw==",
        "signing_certificate": pki.Authority(tmp_path).station("Acme").pem,
    }
    stored = Stored("1" * 32, 12, "ef" * 32, "aa" * 16)
    return files.add_image(db, ADA, station.tenant_id, stored, now=now, **given)


def test_a_signature_is_sent_where_the_station_can_check_it(db, station, ask, signed, now):
    assert "signature" not in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id).arguments
    assert "signature" in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id, signed="yes").arguments
    reports.add(db, station, "security", "FirmwareUpdated", {}, at=now, now=now)
    assert "signature" in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id).arguments
    assert (
        "signature" not in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id, signed="no").arguments
    )
    station.quirks = {"security_extension": False}
    assert "signature" not in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id).arguments
    station.quirks, station.protocol = {}, "ocpp2.0.1"
    assert "signature" in ask(Order.UPDATE_FIRMWARE, firmware_id=signed.id).arguments


def test_the_library_takes_a_file_once_and_keeps_what_is_under_way(db, ask, answer, image, now):
    again = Stored("2" * 32, 12, image.sha256, image.md5)
    with pytest.raises(Taken, match="already"):
        files.add_image(db, ADA, image.tenant_id, again, now=now, name="x", version="9")
    assert image.name == "fw.bin"
    command = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id)
    with pytest.raises(Conflict, match="on its way"):
        files.archive(db, ADA, image, now=now)
    answer(command, Outcome(CommandState.REJECTED, {"status": "Rejected"}, "No."))
    files.archive(db, ADA, image, now=now)
    with pytest.raises(Conflict, match="archive"):
        ask(Order.UPDATE_FIRMWARE, firmware_id=image.id)


def test_a_job_follows_its_station_from_the_question_to_the_end(ask, answer, say, image):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    assert job.state is FileJobState.RUNNING
    for step in (FileStep.DOWNLOADING, FileStep.DOWNLOADED, FileStep.INSTALLING):
        assert say(step) is job
        assert job.state is FileJobState.RUNNING
    say(FileStep.INSTALLED)
    assert (job.state, job.word) == (FileJobState.DONE, "Installed")
    assert [meaning for _, _, meaning in job.steps] == [
        *("downloading", "downloaded", "installing", "installed")
    ]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome(CommandState.REJECTED, {"status": "Rejected"}, "No."), "rejected"),
        (Outcome(CommandState.UNSUPPORTED, {"errorCode": "NotImplemented"}, "No."), "rejected"),
        (Outcome(CommandState.FAILED, {"errorCode": "InternalError"}, "No."), "rejected"),
        (Outcome(CommandState.TIMED_OUT, None, "Silence."), "asked"),
        (Outcome(CommandState.EXPIRED, None, "Too late."), "expired"),
    ],
)
def test_an_answer_moves_the_job_and_silence_leaves_it_open(ask, answer, image, outcome, state):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id), outcome)
    assert job.state == state
    assert job.sentence == outcome.sentence


def test_a_status_without_an_id_is_about_the_newest_job(ask, answer, say, image):
    old = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    new = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    assert (old.state, old.sentence) == ("cancelled", f"Job {new.id} took its place.")
    assert say(FileStep.DOWNLOADING) is new


def test_what_failed_may_be_tried_again_by_the_station(ask, answer, say, image):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    say(FileStep.DOWNLOAD_FAILED, job.id)
    assert job.state is FileJobState.FAILED
    say(FileStep.DOWNLOADING, job.id)
    say(FileStep.INSTALLED, job.id)
    assert job.state is FileJobState.DONE


@pytest.mark.parametrize("request_id", [None, 4711])
def test_a_status_of_no_job_is_kept_as_a_report(db, say, request_id):
    assert say(FileStep.INSTALLED, request_id) is None
    (report,) = db.scalars(select(StationReport).where(StationReport.kind == "firmware"))
    assert report.word == "Installed"


def test_a_late_status_changes_nothing_and_is_kept_as_a_report(db, ask, answer, say, image, now):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    assert file_jobs.expire_overdue(db, now=now + timedelta(hours=25)) == 1
    assert say(FileStep.INSTALLED, job.id, at=now + timedelta(hours=26)) is None
    assert job.state is FileJobState.EXPIRED
    assert db.scalar(select(StationReport.word)) == "Installed"


def test_every_step_is_a_legal_word_and_every_move_ends(db):
    assert set(file_jobs.STEPS) == set(FileStep) - {FileStep.IDLE}
    for state, after in file_jobs.MOVES.items():
        assert state in file_jobs.HEARD
        assert FileJobState.ASKED not in after


def test_a_boot_with_the_new_version_completes_the_update(db, station, ask, answer, image, now):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    boots.boot(db, station, BootReport("Acme", "One", firmware="1.0"), now=now)
    assert job.state is FileJobState.RUNNING
    boots.boot(db, station, BootReport("Acme", "One", firmware=" 2.0 "), now=now)
    assert (job.state, job.sentence) == ("done", "It came back with version 2.0.")


def test_installed_after_that_boot_is_one_more_step_and_no_report(
    db, station, ask, answer, say, image, now
):
    job = answer(ask(Order.UPDATE_FIRMWARE, firmware_id=image.id))
    boots.boot(db, station, BootReport("Acme", "One", firmware="2.0"), now=now)
    sentence = job.sentence
    assert say(FileStep.INSTALLED) is job
    assert (job.word, job.sentence, job.state) == ("Installed", sentence, FileJobState.DONE)
    assert say(FileStep.DOWNLOADING) is None
    assert job.state is FileJobState.DONE


def log_job(ask, answer, **given):
    return answer(ask(Order.FETCH_LOGS, **{"kind": "diagnostics", **given}))


def test_a_log_arrives_and_is_done_when_the_station_says_so(db, ask, answer, say, now):
    command = ask(Order.FETCH_LOGS, kind="diagnostics")
    assert command.arguments["location"].startswith("/u/")
    job = answer(command)
    facts = {"stored_as": "a" * 32, "size_bytes": 5, "sha256": "ab" * 32}
    file_jobs.received(db, job, name="../../etc/passwd", now=now, **facts)
    assert (job.state, job.file_name) == (FileJobState.RUNNING, "passwd")
    again = {**facts, "stored_as": "b" * 32}
    assert file_jobs.received(db, job, name="x\x00\n.zip", now=now, **again) == "a" * 32
    say(FileStep.UPLOADED, family=file_jobs.LOGS)
    assert (job.state, job.file_name) == (FileJobState.DONE, "x.zip")


def test_a_station_that_uploaded_nothing_is_not_believed(db, ask, answer, say, now):
    job = log_job(ask, answer)
    say(FileStep.UPLOADED, job.id, family=file_jobs.LOGS)
    assert (job.state, "nothing arrived" in job.sentence) == (FileJobState.FAILED, True)
    file_jobs.received(
        db, job, stored_as="a" * 32, size_bytes=5, sha256="ab" * 32, name="", now=now
    )
    assert job.state is FileJobState.DONE


def test_a_log_whose_end_was_never_said_is_done_when_its_time_is_over(db, ask, answer, now):
    job = log_job(ask, answer)
    file_jobs.received(
        db, job, stored_as="a" * 32, size_bytes=5, sha256="ab" * 32, name="", now=now
    )
    file_jobs.expire_overdue(db, now=now + timedelta(days=2))
    assert job.state is FileJobState.DONE
    assert file_jobs.forget(db, before=now + timedelta(days=1)) == []
    assert file_jobs.forget(db, before=now + timedelta(days=3)) == ["a" * 32]
    assert job.stored_as is None


def test_a_published_firmware_is_withdrawn_by_its_checksum(db, station, ask, answer, image):
    station.protocol = "ocpp2.0.1"
    job = answer(ask(Order.PUBLISH_FIRMWARE, firmware_id=image.id))
    assert (job.kind, job.arguments["checksum"]) == (
        FileJobKind.PUBLISHED_FIRMWARE,
        image.md5,
    )
    gone = Outcome(CommandState.ACCEPTED, {"status": "Unpublished"}, "Gone.", word="Unpublished")
    answer(ask(Order.UNPUBLISH_FIRMWARE, firmware_id=image.id), gone)
    assert (job.word, job.sentence) == ("Unpublished", "Gone.")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"token": "04A2", "customer": "C-1"},
        {"hash_algorithm": "sha256"},
        {"token": "04A2", "report": "no", "clear": "no"},
    ],
)
def test_a_customer_is_named_in_exactly_one_way(ask, given):
    with pytest.raises(Invalid):
        ask(Order.READ_CUSTOMER_INFORMATION, **given)


def test_customer_information_is_gathered_in_any_order_and_erased(db, station, ask, answer, now):
    command = ask(Order.READ_CUSTOMER_INFORMATION, token="04A2")
    answer(command)
    row = db.get(CustomerReport, command.arguments["request_id"])
    for number, text, last in ((1, "b", False), (2, "c", True), (0, "a", False), (0, "a", False)):
        assert not row.complete
        customer_information.part(
            db, station, text, number=number, last=last, request_id=row.id, now=now
        )
        if len(row.parts) == 3:
            break
    assert (row.text, row.complete) == ("abc", True)
    customer_information.erase(db, ADA, row, now=now)
    customer_information.part(db, station, "a", number=0, last=True, request_id=row.id, now=now)
    assert (row.text, row.parts) == ("", {})
    assert db.scalar(select(AuditEntry.id).where(AuditEntry.action == "customer_information.erase"))


def test_customer_information_that_nobody_asked_for_is_kept_and_forgotten(db, station, now):
    row = customer_information.part(db, station, "x", number=0, last=True, request_id=77, now=now)
    assert (row.text, row.complete) == ("x", True)
    assert customer_information.forget(db, before=now + timedelta(days=1), now=now) == 1
    assert row.text == ""


def test_a_repeated_order_gets_a_job_and_an_address_of_its_own(db, ask, answer, image, now):
    command = ask(Order.UPDATE_FIRMWARE, firmware_id=image.id)
    key = key_in(command)
    job = answer(command)
    again = broadcasts.repeat(db, ADA, command, now=now, ttl_s=60)
    assert again.arguments["request_id"] != job.id
    assert key_in(again) != key
