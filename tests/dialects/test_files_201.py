"""Firmware, logs and customer information over OCPP 2.0.1, and what differs in 2.1."""

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import CommandState, FileJobState, Order
from app.models import CustomerReport, StationReport
from tests.dialects.file_talk import Talk
from worker.dialects.records import Unfit
from worker.ocpp.versions import Version

AT = "2026-03-02T22:00:00Z"
URL = "https://files.example/fw.bin"
MD5 = "9e107d9d372bb6826bd81d3542a419d6"


@pytest.fixture(params=[Version.V201, Version.V21], ids=lambda version: version.value)
def talk(db, request):
    return Talk(db, request.param)


@pytest.fixture
def talk_21(db):
    return Talk(db, Version.V21)


@pytest.fixture
def talk_201(db):
    return Talk(db, Version.V201)


def test_an_update_is_followed_by_its_number(talk):
    command, action, payload = talk.ask(
        Order.UPDATE_FIRMWARE, url=URL, install_at=AT, retries=1, retry_interval_s=10
    )
    assert (action, payload["retries"], payload["retryInterval"]) == ("UpdateFirmware", 1, 10)
    assert payload["firmware"]["installDateTime"] == AT
    assert "signature" not in payload["firmware"]
    job = talk.answer(command, status="Accepted")
    for status in ("DownloadScheduled", "Downloading", "DownloadPaused", "Downloaded"):
        talk.hear("FirmwareStatusNotification", status=status, requestId=job.id)
    for status in ("InstallScheduled", "Installing", "InstallRebooting"):
        talk.hear("FirmwareStatusNotification", status=status, requestId=job.id)
    assert job.state is FileJobState.RUNNING
    talk.hear("FirmwareStatusNotification", status="Installed", requestId=job.id)
    assert job.state is FileJobState.DONE


@pytest.mark.parametrize(
    "status",
    ["DownloadFailed", "InvalidSignature", "InstallVerificationFailed", "InstallationFailed"],
)
def test_an_update_fails_in_four_ways(talk, status):
    command, *_ = talk.ask(Order.UPDATE_FIRMWARE, url=URL)
    job = talk.answer(command, status="AcceptedCanceled")
    talk.hear("FirmwareStatusNotification", status=status, requestId=job.id)
    assert (job.state, job.word) == (FileJobState.FAILED, status)


@pytest.mark.parametrize("status", ["Rejected", "InvalidCertificate", "RevokedCertificate"])
def test_a_refused_update_says_why(talk, status):
    command, *_ = talk.ask(Order.UPDATE_FIRMWARE, url=URL)
    job = talk.answer(command, status=status)
    assert job.state is FileJobState.REJECTED
    assert command.state is CommandState.REJECTED
    assert command.sentence == job.sentence


def test_a_local_controller_publishes_and_says_where(talk):
    command, action, payload = talk.ask(Order.PUBLISH_FIRMWARE, url=URL, checksum=MD5)
    assert (action, payload["checksum"]) == ("PublishFirmware", MD5)
    job = talk.answer(command, status="Accepted")
    talk.hear("PublishFirmwareStatusNotification", status="ChecksumVerified", requestId=job.id)
    talk.hear(
        "PublishFirmwareStatusNotification",
        status="Published",
        requestId=job.id,
        location=["http://10.0.0.2/fw", "ftp://10.0.0.2/fw"],
    )
    assert job.state is FileJobState.DONE
    assert job.sentence == "Handed on at http://10.0.0.2/fw, ftp://10.0.0.2/fw."
    command, action, payload = talk.ask(Order.UNPUBLISH_FIRMWARE, checksum=MD5)
    assert (action, payload) == ("UnpublishFirmware", {"checksum": MD5})
    talk.answer(command, status="Unpublished")
    assert job.word == "Unpublished"


def test_what_is_being_fetched_is_not_withdrawn(talk):
    command, *_ = talk.ask(Order.UNPUBLISH_FIRMWARE, checksum=MD5)
    talk.answer(command, status="DownloadOngoing")
    assert command.state is CommandState.REJECTED
    assert "just now" in command.sentence


@pytest.mark.parametrize(
    ("kind", "log"), [("diagnostics", "DiagnosticsLog"), ("security_log", "SecurityLog")]
)
def test_a_log_is_asked_for_and_followed(talk, kind, log):
    command, action, payload = talk.ask(Order.FETCH_LOGS, kind=kind, oldest=AT)
    assert (action, payload["logType"]) == ("GetLog", log)
    assert payload["log"]["oldestTimestamp"] == AT
    job = talk.answer(command, status="Accepted", filename="log.gz")
    assert job.file_name == "log.gz"
    talk.hear("LogStatusNotification", status="Uploading", requestId=job.id)
    assert job.state is FileJobState.RUNNING
    talk.hear("LogStatusNotification", status="AcceptedCanceled", requestId=job.id)
    assert job.state is FileJobState.CANCELLED


def test_statuses_of_no_job_are_kept(talk, db):
    talk.hear("FirmwareStatusNotification", status="Idle")
    talk.hear("LogStatusNotification", status="Idle")
    talk.hear("PublishFirmwareStatusNotification", status="Idle")
    assert list(db.scalars(select(StationReport.kind))) == ["firmware", "log", "firmware"]


def test_customer_information_comes_in_parts(talk, db):
    command, action, payload = talk.ask(Order.READ_CUSTOMER_INFORMATION, token="04A2", clear="yes")
    assert action == "CustomerInformation"
    assert payload["idToken"] == {"idToken": "04A2", "type": "ISO14443"}
    assert (payload["report"], payload["clear"]) == (True, True)
    talk.answer(command, status="Accepted")
    number = payload["requestId"]
    for seq, data in enumerate(("Ada ", "Lovelace")):
        part = {"data": data, "seqNo": seq, "generatedAt": AT, "requestId": number}
        talk.hear("NotifyCustomerInformation", **part, tbc=seq == 0)
    row = db.get(CustomerReport, number)
    assert (row.text, row.complete) == ("Ada Lovelace", True)


def test_a_customer_whose_data_is_only_forgotten_gets_no_report(talk, db):
    command, _, payload = talk.ask(
        Order.READ_CUSTOMER_INFORMATION, customer="C-1", report="no", clear="yes"
    )
    assert (payload["customerIdentifier"], payload["report"]) == ("C-1", False)
    talk.answer(command, status="Accepted")
    row = db.scalars(select(CustomerReport)).one()
    assert (row.complete, row.text) == (True, "")


def test_a_customer_may_be_named_by_a_certificate(talk):
    hashes = {"issuer_name_hash": "ab", "issuer_key_hash": "cd", "serial_number": "0f"}
    _, _, payload = talk.ask(Order.READ_CUSTOMER_INFORMATION, hash_algorithm="sha512", **hashes)
    assert payload["customerCertificate"]["hashAlgorithm"] == "SHA512"


def test_2_1_has_one_more_log_more_tags_and_longer_addresses(talk_21):
    _, _, payload = talk_21.ask(Order.FETCH_LOGS, kind="data_collector_log")
    assert payload["logType"] == "DataCollectorLog"
    vin = {"token": "WVWZZZ1JZXW000001", "token_kind": "vin"}
    _, _, payload = talk_21.ask(Order.READ_CUSTOMER_INFORMATION, **vin)
    assert payload["idToken"]["type"] == "VIN"
    url = "https://files.example/" + "a" * 1000
    _, _, payload = talk_21.ask(Order.UPDATE_FIRMWARE, url=url)
    assert payload["firmware"]["location"] == url


def test_2_1_says_why_it_failed(talk_21):
    command, *_ = talk_21.ask(Order.UPDATE_FIRMWARE, url=URL)
    job = talk_21.answer(command, status="Accepted")
    info = {"reasonCode": "NoSpace", "additionalInfo": "flash full"}
    talk_21.hear(
        "FirmwareStatusNotification", status="DownloadFailed", requestId=job.id, statusInfo=info
    )
    assert job.sentence == "It says: NoSpace, flash full."


@pytest.mark.parametrize(
    ("order", "given"),
    [
        (Order.FETCH_LOGS, {"kind": "data_collector_log"}),
        (Order.READ_CUSTOMER_INFORMATION, {"token": "X", "token_kind": "vin"}),
        (Order.UPDATE_FIRMWARE, {"url": "https://files.example/" + "a" * 1000}),
    ],
)
def test_2_0_1_says_what_it_cannot(talk_201, order, given):
    with pytest.raises(Unfit):
        talk_201.ask(order, **given)
