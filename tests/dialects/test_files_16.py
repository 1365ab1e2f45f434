"""Firmware and logs over OCPP 1.6, with and without its security extension."""

import pytest
from sqlalchemy import select

from app.domain.commands import commands
from app.domain.commands.orders import SPECS
from app.domain.commands.orders.spec import Chain, End, Situation
from app.domain.ground.vocabulary import CommandState, FileJobState, Order, Outcome
from app.models import StationReport
from tests.dialects.file_talk import NOW, Talk
from tests.support import lone, pki
from worker.dialects.records import Unfit
from worker.ocpp.versions import Version

AT = "2026-03-02T22:00:00Z"
SIGNED = {"url": "https://files.example/fw.bin", "signature": "MEUC"}


@pytest.fixture
def talk(db):
    return Talk(db, Version.V16)


@pytest.fixture
def signed(authority_pem):
    return {**SIGNED, "signing_certificate": authority_pem}


@pytest.fixture
def authority_pem(tmp_path):
    return pki.Authority(tmp_path).station("Acme").pem


def test_an_update_names_place_and_time_and_is_answered_with_nothing(talk):
    command, action, payload = talk.ask(
        Order.UPDATE_FIRMWARE, url="ftp://a.example/fw.bin", retrieve_at=AT, retries=3
    )
    assert action == "UpdateFirmware"
    assert payload == {"location": "ftp://a.example/fw.bin", "retrieveDate": AT, "retries": 3}
    assert talk.answer(command).state is FileJobState.RUNNING


def test_a_signed_update_carries_its_signature_and_number(talk, signed):
    command, action, payload = talk.ask(Order.UPDATE_FIRMWARE, **signed, install_at=AT)
    assert action == "SignedUpdateFirmware"
    assert payload["requestId"] == talk.arguments["request_id"]
    assert payload["firmware"]["signature"] == "MEUC"
    assert payload["firmware"]["installDateTime"] == AT
    job = talk.answer(command, status="InvalidCertificate")
    assert (job.state, "does not trust" in job.sentence) == (FileJobState.REJECTED, True)


def test_a_signed_update_may_put_an_older_job_aside(talk, signed):
    first, *_ = talk.ask(Order.UPDATE_FIRMWARE, **signed)
    old = talk.answer(first, status="Accepted")
    second, *_ = talk.ask(Order.UPDATE_FIRMWARE, **signed)
    new = talk.answer(second, status="AcceptedCanceled")
    assert (old.state, new.state) == (FileJobState.CANCELLED, FileJobState.RUNNING)


def test_plain_1_6_cannot_say_when_to_install(talk):
    with pytest.raises(Unfit, match="when unsigned firmware"):
        talk.ask(Order.UPDATE_FIRMWARE, url="ftp://a.example/fw.bin", install_at=AT)


def test_firmware_statuses_without_a_number_move_the_newest_job(talk):
    command, *_ = talk.ask(Order.UPDATE_FIRMWARE, url="ftp://a.example/fw.bin")
    job = talk.answer(command)
    for status in ("Downloading", "Downloaded", "Installing", "Installed"):
        assert talk.hear("FirmwareStatusNotification", status=status) == {}
    assert (job.state, job.word, len(job.steps)) == (FileJobState.DONE, "Installed", 4)


def test_signed_firmware_statuses_name_their_job(talk, signed):
    command, *_ = talk.ask(Order.UPDATE_FIRMWARE, **signed)
    job = talk.answer(command, status="Accepted")
    talk.hear("SignedFirmwareStatusNotification", status="SignatureVerified", requestId=job.id)
    assert job.state is FileJobState.RUNNING
    talk.hear("SignedFirmwareStatusNotification", status="InvalidSignature", requestId=job.id)
    assert job.state is FileJobState.FAILED


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("FirmwareStatusNotification", {"status": "Idle"}),
        ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 99}),
        ("DiagnosticsStatusNotification", {"status": "Uploaded"}),
        ("LogStatusNotification", {"status": "Uploaded", "requestId": -1}),
    ],
)
def test_a_status_of_no_job_is_answered_and_kept(talk, db, action, payload):
    assert talk.hear(action, **payload) == {}
    (report,) = db.scalars(select(StationReport))
    assert (report.word, report.payload) == (payload["status"], payload)


def test_diagnostics_are_asked_for_as_every_station_knows_it(talk):
    command, action, payload = talk.ask(
        Order.FETCH_LOGS, kind="diagnostics", oldest=AT, retries=2, retry_interval_s=30
    )
    assert action == "GetDiagnostics"
    assert payload["startTime"] == AT and payload["retryInterval"] == 30
    job = talk.answer(command, fileName="diag.tar")
    assert (job.state, job.file_name) == (FileJobState.RUNNING, "diag.tar")
    talk.hear("DiagnosticsStatusNotification", status="Uploading")
    talk.hear("DiagnosticsStatusNotification", status="UploadFailed")
    assert job.state is FileJobState.FAILED


def test_a_station_without_diagnostics_names_no_file(talk):
    command, *_ = talk.ask(Order.FETCH_LOGS, kind="diagnostics")
    assert "names no file" in talk.answer(command).sentence


def test_a_station_with_the_security_extension_is_asked_for_its_log(talk):
    talk.hear("SecurityEventNotification", type="StartupOfTheDevice", timestamp=AT)
    command, action, payload = talk.ask(Order.FETCH_LOGS, kind="diagnostics")
    assert (action, payload["logType"]) == ("GetLog", "DiagnosticsLog")
    job = talk.answer(command, status="Accepted", filename="log.txt")
    assert job.file_name == "log.txt"
    talk.hear("LogStatusNotification", status="Uploading", requestId=job.id)
    talk.hear("LogStatusNotification", status="PermissionDenied", requestId=job.id)
    assert job.state is FileJobState.FAILED


def test_a_security_log_is_always_asked_for_by_its_own_message(talk):
    _, action, payload = talk.ask(Order.FETCH_LOGS, kind="security_log")
    assert (action, payload["logType"]) == ("GetLog", "SecurityLog")
    with pytest.raises(Unfit):
        talk.ask(Order.FETCH_LOGS, kind="data_collector_log")


def test_what_a_station_took_is_asked_first_the_next_time(talk):
    talk.hear("SecurityEventNotification", type="StartupOfTheDevice", timestamp=AT)
    command, action, _ = talk.ask(Order.FETCH_LOGS, kind="diagnostics")
    assert action == "GetLog"
    talk.arguments["extended"] = False  # the other form, which a chain tries after an error
    yes = Outcome(CommandState.ACCEPTED, {}, "It will.", {"form": talk.arguments})
    lone.claim(talk.db, command.id, "worker-a", now=NOW)
    commands.settle(talk.db, command, yes, now=NOW)
    assert talk.ask(Order.FETCH_LOGS, kind="diagnostics")[1] == "GetDiagnostics"


@pytest.mark.parametrize("extended", [True, False])
def test_diagnostics_are_tried_by_the_other_message_after_an_error(talk, extended):
    talk.station.quirks = {"security_extension": extended}
    talk.ask(Order.FETCH_LOGS, kind="diagnostics")
    chain = Chain(SPECS[Order.FETCH_LOGS].fallbacks, talk.arguments, Situation())
    first = talk.encoding.action_for(chain.current)
    no = Outcome(CommandState.UNSUPPORTED, {"errorCode": "NotImplemented"}, "No.")
    assert chain.next(End.ERROR, no)
    assert {first, talk.encoding.action_for(chain.current)} == {"GetLog", "GetDiagnostics"}
    assert chain.current["location"] == talk.arguments["location"]
    assert not chain.next(End.ERROR, no)
    assert not Chain(SPECS[Order.FETCH_LOGS].fallbacks, talk.arguments, Situation()).next(
        End.REFUSED, no
    )
