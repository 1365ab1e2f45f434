"""Attacks of a charger that has a password of its own, through nginx and through our own TLS."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.trust import certificates
from app.models import Station, StationCertificate, StationReport
from tests.support.certificate_site import (
    HEADER,
    basic,
    pair_of_stations,
    profile,
    rows,
    server,
    site,
    status,
)
from tests.support.nginx import nginx
from tests.support.pki import Authority
from tests.support.raw_station import RawStation
from tests.support.wait import eventually
from tests.trust.test_certificates import request

pytestmark = pytest.mark.processes

__all__ = ["pair_of_stations", "server", "site"]


def test_anothers_serial_number_gets_no_certificate(site, pair_of_stations):
    eve, bob = pair_of_stations
    about = {"vendorName": "Acme", "model": "One", "serialNumber": f"SN-{bob[0]}"}
    for login in (bob, eve):
        station = RawStation(site, *login, "ocpp2.0.1")
        station.call("BootNotification", {"reason": "PowerUp", "chargingStation": about})
        if login == bob:
            station.close()
    for name in (f"SN-{bob[0]}", bob[0], ""):
        if name:
            assert station.call("SignCertificate", {"csr": request(name)})["status"] == "Rejected"
    station.close()
    with site.read() as db:
        row = db.scalar(select(Station).where(Station.identity == eve[0]))
        assert row.serial is None
        words = set(
            db.scalars(select(StationReport.word).where(StationReport.station_id == row.id))
        )
    assert {"ForeignSerialNumber", "ForeignNameRequested"} <= words
    assert {row.state for row in rows(site, eve[0], StationCertificate)} == {"rejected"}


def test_a_first_certificate_waits_and_is_sent_once_a_person_agreed(site, pair_of_stations):
    eve, _ = pair_of_stations
    station = RawStation(site, *eve, "ocpp2.0.1")
    station.boot()
    csr = request(eve[0])
    assert station.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
    assert [row.state for row in rows(site, eve[0], StationCertificate)] == ["requested"]
    with site.work() as db:
        row = db.scalar(
            select(StationCertificate).where(StationCertificate.station.has(identity=eve[0]))
        )
        certificates.approve(db, SYSTEM, row, now=datetime.now(UTC))
    number, _ = station.hear("CertificateSigned")
    station.answer(number, {"status": "Accepted"})
    eventually(
        lambda: rows(site, eve[0], StationCertificate)[0].state == "accepted", what="it is in use"
    )
    station.close()


@pytest.mark.parametrize("number", [1, 2])
def test_a_certificate_is_no_password(site, authority, pair_of_stations, number):
    eve, _ = pair_of_stations
    profile(site, eve[0], number)
    pair = authority.station(eve[0])
    port = site.settings.ocpp_tls_port
    assert status(authority, port, eve[0], pair) == 401
    assert status(authority, port, eve[0], pair, **basic(eve)) == 101


def test_a_certificate_of_one_station_is_none_of_another(site, authority, pair_of_stations):
    eve, bob = pair_of_stations
    profile(site, bob[0], 3)
    port = site.settings.ocpp_tls_port
    assert status(authority, port, bob[0], authority.station(eve[0]), **basic(eve)) == 403
    assert status(authority, port, bob[0], authority.station(bob[0])) == 101


def test_a_revoked_certificate_opens_no_door(site, authority, pair_of_stations):
    _, bob = pair_of_stations
    profile(site, bob[0], 3)
    pair, port = authority.station(bob[0]), site.settings.ocpp_tls_port
    assert status(authority, port, bob[0], pair) == 101
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == bob[0]))
        now = datetime.now(UTC)
        held = StationCertificate(
            station_id=row.id, use="station", state="accepted", fingerprint=pair.fingerprint
        )
        held.created_at = held.changed_at = now
        db.add(held)
        db.flush()
        certificates.revoke(db, SYSTEM, held, reason="Lost.", now=now)
    assert status(authority, port, bob[0], pair) == 403


def test_nginx_overwrites_a_forged_header(site, authority, server, pair_of_stations, tmp_path):
    _, bob = pair_of_stations
    profile(site, bob[0], 3)
    good = authority.station(bob[0])
    roots = authority.root.cert_file
    with nginx(tmp_path / "nginx", site.settings.ocpp_port, server, roots) as port:
        assert status(authority, port, bob[0], good) == 101
        assert status(authority, port, bob[0], **{HEADER: quote(good.pem)}) == 403


def test_without_the_line_a_made_up_certificate_still_opens_no_door(
    site, authority, server, pair_of_stations, tmp_path
):
    _, bob = pair_of_stations
    profile(site, bob[0], 3)
    strange = tmp_path / "strange"
    strange.mkdir()
    forged = quote(Authority(strange, "Test Root").station(bob[0]).pem)
    roots = authority.root.cert_file
    with nginx(tmp_path / "nginx", site.settings.ocpp_port, server, roots, line="") as port:
        assert status(authority, port, bob[0], **{HEADER: forged}) == 403
