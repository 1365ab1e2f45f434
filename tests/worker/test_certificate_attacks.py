"""Attacks of a charger that has a password of its own, through nginx and through our own TLS."""

import base64
import ssl
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlalchemy import select
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.domain import certificates, stations
from app.domain.vocabulary import SYSTEM
from app.models import Site, Station, StationCertificate, StationReport
from tests.domain.test_certificates import request
from tests.support.depot import furnish
from tests.support.nginx import nginx
from tests.support.pki import Authority
from tests.support.processes import free_port
from tests.support.raw_station import RawStation
from tests.support.wait import eventually

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("certificate attacks")]

HEADER = "X-SSL-Client-Cert"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def server(authority):
    return authority.server()


@pytest.fixture(scope="module")
def site(make_shared_site, authority, server):
    site = make_shared_site(
        processes=("worker", "celery"),
        ocpp_tls_port=free_port(),
        ocpp_tls_cert=server.cert_file,
        ocpp_tls_key=server.key_file,
        ocpp_tls_client_ca=authority.root.cert_file,
        ocpp_client_cert_header=HEADER,
        trusted_proxies="127.0.0.1",
    )
    furnish(site)
    return site


@pytest.fixture
def pair_of_stations(site, request):
    """The attacker and the victim: their identities and passwords; the victim has booted."""
    made = []
    with site.work() as db:
        place, now = db.scalar(select(Site)), datetime.now(UTC)
        for role in ("EVE", "BOB"):
            identity = f"{role}-{abs(hash(request.node.name)) % 10**8}"
            row, word = stations.register(db, SYSTEM, place.tenant_id, place, identity, now=now)
            made.append((row.identity, word))
    return made


def profile(site, identity, number):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == identity))
        stations.edit(db, SYSTEM, row, now=datetime.now(UTC), security_profile=number)


def basic(login):
    return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}


def status(authority, port, identity, pair=None, **headers):
    """The status of a handshake over TLS, with or without a certificate: 101 lets in."""
    context = ssl.create_default_context(cafile=str(authority.root.cert_file))
    if pair is not None:
        context.load_cert_chain(pair.cert_file, pair.key_file)
    try:
        with connect(
            f"wss://localhost:{port}/ocpp/{identity}",
            ssl=context,
            subprotocols=["ocpp2.0.1"],
            additional_headers=headers,
            proxy=None,
            open_timeout=60,
        ):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


def rows(site, identity, model):
    with site.read() as db:
        return list(db.scalars(select(model).where(model.station.has(identity=identity))))


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
        lambda: rows(site, eve[0], StationCertificate)[0].state == "accepted", 30, "it is in use"
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
