"""The pages of certificates: what they say, who may sign, and what staff may ask of a station."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.charging import reports
from app.domain.trust import certificates, signing, x509
from app.models import AuditEntry, AuthorityCertificate, StationCertificate
from tests.support.desk import page
from tests.support.seed import signed_in
from tests.trust.test_certificates import request as signing_request

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

NOW = datetime.now(UTC)


@pytest.fixture
def admin(app, made):
    return signed_in(app, made.people["admin"])


@pytest.fixture
def root():
    return signing.make_root("Volt stations", "Volt AG", now=NOW)


@pytest.fixture
def asked(made, db):
    """The id of a request of CP-01 that waits."""
    station = made.stations["CP-01"]
    csr = signing_request(station.identity)
    row = certificates.request_signature(db, station, csr, "station", None, now=NOW)
    db.commit()
    return row.id


def chain(db, root, number):
    row = db.get(StationCertificate, number)
    return signing.sign(
        row.csr, root.certificate, root.key, common_name="CP-01", organisation="Volt AG", now=NOW
    )


def test_a_request_that_waits_is_shown_and_signed_by_hand(made, db, asked, root, admin):
    assert "CP-01 asks for a certificate" in page(admin, "/certificates")
    request_text = admin.get(f"/certificates/{asked}.csr").text
    assert request_text.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    answer = admin.post(f"/certificates/{asked}/sign", data={"pem": chain(db, root, asked)})
    assert answer.status_code == 303
    db.expire_all()
    assert db.get(StationCertificate, asked).state == "issued"
    text = page(admin, f"/certificates/{asked}")
    assert "on its way" in text and "Volt AG" in text


def test_a_chain_for_another_key_is_refused_in_words(made, db, asked, root, admin):
    other = signing.make_root("Other", "Other", now=NOW)
    answer = admin.post(f"/certificates/{asked}/sign", data={"pem": other.certificate})
    assert answer.status_code == 422
    assert "made for another key" in answer.text


def test_a_revoked_certificate_keeps_its_reason(made, db, asked, root, admin):
    admin.post(f"/certificates/{asked}/sign", data={"pem": chain(db, root, asked)})
    assert admin.post(f"/certificates/{asked}/revoke", data={"reason": ""}).status_code == 422
    answer = admin.post(f"/certificates/{asked}/revoke", data={"reason": "The key was copied."})
    assert answer.status_code == 303
    assert "The key was copied." in page(admin, f"/certificates/{asked}")
    actions = db.scalars(select(AuditEntry.action)).all()
    assert "certificate.revoke" in actions


def test_operators_do_not_sign_and_viewers_do_not_ask(made, asked, operator, viewer):
    assert operator.post(f"/certificates/{asked}/sign", data={"pem": "x"}).status_code == 403
    assert operator.post(f"/certificates/{asked}/refuse").status_code == 403
    assert viewer.get("/certificates/roots/new").status_code == 403
    text = page(viewer, f"/stations/{made.stations['CP-01'].id}/security")
    assert "Change it over OCPP" not in text


def test_a_root_is_kept_offered_and_put_away(made, db, root, admin):
    answer = admin.post("/certificates/roots/new", data={"use": "v2g_root", "pem": "nothing"})
    assert answer.status_code == 422
    given = {"use": "v2g_root", "name": "", "pem": root.certificate}
    assert admin.post("/certificates/roots/new", data=given).status_code == 303
    db.expire_all()
    kept = db.scalars(select(AuthorityCertificate)).one()
    assert kept.name == "Volt stations"
    assert admin.get(f"/certificates/roots/{kept.id}.pem").text == kept.pem
    assert admin.post(f"/certificates/roots/{kept.id}/archive").status_code == 303
    assert "Volt stations" not in page(admin, "/certificates")


def test_our_own_root_is_made_once_and_its_key_is_ours_alone(app, made, db, admin):
    for _ in range(2):
        assert admin.post("/certificates/authority").status_code == 303
    db.expire_all()
    kept = db.scalars(select(AuthorityCertificate)).one()
    assert x509.read(kept.pem).is_authority
    path = app.config["SETTINGS"].data_dir / "keys" / kept.key_file
    assert path.stat().st_mode & 0o777 == 0o600


def test_grave_security_events_stand_out(made, db, viewer):
    station = made.stations["CP-01"]
    for word in ("TamperDetectionActivated", "StartupOfTheDevice"):
        payload = {"type": word, "techInfo": "<b>lid</b>"}
        reports.add(db, station, reports.SECURITY, word, payload, at=NOW, now=NOW)
    db.commit()
    text = page(viewer, f"/stations/{station.id}/security")
    assert 'aria-label="grave"' in text and text.count('aria-label="grave"') == 1
    assert "&lt;b&gt;lid&lt;/b&gt;" in text
    assert "TamperDetectionActivated" in page(viewer, "/")


def test_what_runs_out_is_announced_at_home(made, db, asked, root, admin):
    row = db.get(StationCertificate, asked)
    certificates.issue(db, row, chain(db, root, asked), now=NOW)
    row.state, row.expires_at = "accepted", NOW
    db.commit()
    assert "Running out" in page(admin, "/certificates")
    assert "certificate of CP-01" in page(admin, "/")


def test_the_list_comes_as_csv(made, asked, admin):
    answer = admin.get("/certificates?format=csv")
    assert answer.mimetype == "text/csv" and "CP-01,station,requested" in answer.get_data(True)
