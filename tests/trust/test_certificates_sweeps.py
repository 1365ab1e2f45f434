"""Signing by an outside program, and what happens when it fails."""

import sys

import pytest

from app.config import Settings, WrongSetting
from app.domain.ground.vocabulary import SYSTEM
from app.domain.trust import certificates, signing
from app.models import StationCertificate
from app.tasks.certificates import sign_certificate
from tests.trust.test_certificates import make_station, request


@pytest.fixture
def asked(db, now):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    certificates.approve(db, SYSTEM, row, now=now)
    db.commit()
    return row.id


def signer(app, path, body):
    """Make a program that signs, and have the application use it."""
    path.write_text(f"#!{sys.executable}\n{body}")
    path.chmod(0o700)
    given = {"certificate_authority": "command", "sign_command": str(path)}
    data_dir = app.config["SETTINGS"].data_dir
    app.config["SETTINGS"] = Settings(data_dir=data_dir, redis_url="redis://127.0.0.1:1/0", **given)


def test_a_program_signs_what_it_is_given(app, db, asked, now, tmp_path):
    root = signing.make_root("Volt", "Volt AG", now=now)
    row = db.get(StationCertificate, asked)
    chain = signing.sign(
        row.csr, root.certificate, root.key, common_name="CP-1", organisation="Volt AG", now=now
    )
    (tmp_path / "chain.pem").write_text(chain)
    check = "assert 'CERTIFICATE REQUEST' in sys.stdin.read()"
    body = f"import sys\n{check}\nprint(open({str(tmp_path / 'chain.pem')!r}).read())"
    signer(app, tmp_path / "sign", body)
    db.rollback()
    sign_certificate(asked)
    db.rollback()
    assert db.get(StationCertificate, asked).state == "issued"


@pytest.mark.parametrize("body", ["raise SystemExit(1)", "print('no chain')", ""])
def test_a_signer_that_fails_leaves_the_request_waiting_with_why(app, db, asked, tmp_path, body):
    signer(app, tmp_path / "sign", body)
    db.rollback()
    sign_certificate(asked)
    db.rollback()
    row = db.get(StationCertificate, asked)
    assert row.state == "requested"
    assert row.sentence.startswith("It cannot be signed yet: ")


def test_a_signer_by_command_needs_its_program():
    with pytest.raises(WrongSetting, match="AMPDESK_SIGN_COMMAND"):
        Settings.from_environment({"AMPDESK_CERTIFICATE_AUTHORITY": "command"})


@pytest.mark.parametrize(("setting", "state"), [("ask", "requested"), ("sign", "issued")])
def test_a_first_certificate_waits_for_a_person_unless_a_setting_says_otherwise(
    app, db, now, tmp_path, setting, state
):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    db.commit()
    number = row.id
    app.config["SETTINGS"] = Settings(
        data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0", first_certificate=setting
    )
    sign_certificate(number)
    db.rollback()
    assert db.get(StationCertificate, number).state == state
