"""flask certificate: list, root, request, sign, revoke."""

import pytest

from app.domain.trust import certificates, signing
from tests.trust.test_certificates import make_station
from tests.trust.test_certificates import request as signing_request


@pytest.fixture
def asked(app, db, now):
    station = make_station(db, now, "CP-1")
    csr = signing_request("CP-1")
    row = certificates.request_signature(db, station, csr, "station", None, now=now)
    db.commit()
    return row


def run(app, *words):
    return app.test_cli_runner().invoke(args=["certificate", *words])


def test_a_request_is_printed_signed_and_the_certificate_revoked(app, db, asked, now, tmp_path):
    csr = run(app, "request", str(asked.id)).output
    assert csr.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    root = signing.make_root("Volt", "Volt AG", now=now)
    chain = signing.sign(
        csr, root.certificate, root.key, common_name="CP-1", organisation="Volt AG", now=now
    )
    (tmp_path / "chain.pem").write_text(chain)
    signed = run(app, "sign", str(asked.id), str(tmp_path / "chain.pem"))
    assert (signed.exit_code, "Signed" in signed.output) == (0, True)
    assert "issued" in run(app, "list", "--json").output
    again = run(app, "sign", str(asked.id), str(tmp_path / "chain.pem"))
    assert again.exit_code == 1
    assert run(app, "revoke", str(asked.id), "--reason", "Lost.").exit_code == 0


def test_our_root_is_the_same_each_time(app, db):
    first, second = run(app, "root"), run(app, "root")
    assert first.exit_code == 0 and first.output == second.output
    assert first.output.startswith("-----BEGIN CERTIFICATE-----")


def test_an_unknown_number_is_said_in_a_sentence(app, db):
    answer = run(app, "revoke", "77", "--reason", "x")
    assert answer.exit_code == 1 and "There is no certificate 77." in answer.output
