"""Certificates and passwords over real sockets, with Celery signing and a real responder."""

import base64
import itertools
from datetime import UTC, datetime

import pytest
from cryptography.x509 import ocsp
from sqlalchemy import select
from websockets.exceptions import InvalidStatus

from app.domain.commands import commands
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import OPEN_STATES, SYSTEM, CommandState, Order
from app.domain.network import stations
from app.domain.trust import certificates, x509
from app.models import AuditEntry, Command, Message, Site, Station, StationCertificate
from deploy.test_authority import TestAuthority
from tests.support.depot import furnish
from tests.support.raw_station import RawStation
from tests.support.wait import eventually
from tests.trust.test_certificates import request

pytestmark = pytest.mark.processes

NUMBERS = itertools.count(100)
CLIENTS = ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]


@pytest.fixture(scope="module")
def outside():
    with TestAuthority() as running:
        yield running


@pytest.fixture(scope="module")
def site(make_shared_site, outside):
    site = make_shared_site(
        processes=("worker", "celery"),
        ocpp_cpo_name="Volt AG",
        first_certificate="sign",
        ocsp_url=outside.ocsp_url,
        ev_certificate_url=outside.pool_url,
    )
    furnish(site)
    return site


@pytest.fixture
def login(site):
    """A station of the test's own: its identity and its password."""
    with site.work() as db:
        place = db.scalar(select(Site))
        identity = f"CP-{next(NUMBERS)}"
        now = datetime.now(UTC)
        row, password = stations.register(db, SYSTEM, place.tenant_id, place, identity, now=now)
        return row.identity, password


@pytest.fixture
def station(site, login, request):
    client = RawStation(site, *login, getattr(request, "param", "ocpp2.0.1"))
    assert client.boot()["status"] == "Accepted"
    yield client
    client.close()


def order(site, station, order, arguments):
    with site.work() as db:
        row = db.scalar(select(Station).where(Station.identity == station.identity))
        now = datetime.now(UTC)
        return commands.queue(db, SYSTEM, row, order, arguments, now=now, ttl_s=60).id


def ended(site, number):
    def found():
        with site.read() as db:
            command = db.get(Command, number)
            return None if command.state in OPEN_STATES else command.state

    return eventually(found, what="the command ends")


def states(site, station, use="station"):
    with site.read() as db:
        query = select(StationCertificate).where(
            StationCertificate.use == use,
            StationCertificate.station.has(identity=station.identity),
        )
        return [row.state for row in db.scalars(query.order_by(StationCertificate.id))]


@pytest.mark.parametrize("station", CLIENTS, indirect=True)
def test_a_signing_request_is_answered_by_a_certificate_of_our_authority(site, station):
    csr = request(station.identity)
    assert station.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
    number, payload = station.hear("CertificateSigned")
    leaf, root = x509.read_chain(payload["certificateChain"])
    assert (leaf.organisation, leaf.is_authority) == ("Volt AG", False)
    assert leaf.common_name == station.identity
    assert root.is_authority
    assert x509.belongs(csr, leaf.pem)
    station.answer(number, {"status": "Accepted"})
    eventually(lambda: states(site, station) == ["accepted"], what="the certificate is in use")


def test_a_request_in_a_foreign_name_is_refused_with_its_reason(site, station):
    answer = station.call("SignCertificate", {"csr": request("CP-2")})
    assert answer["status"] == "Rejected"
    assert "CP-2" in answer["statusInfo"]["additionalInfo"]
    assert states(site, station) == ["rejected"]


def test_of_several_roots_none_is_installed_in_silence(site, station, outside):
    bundle = {"use": "v2g_root", "certificate": outside.root * 2}
    with pytest.raises(Invalid, match="These are 2 certificates"):
        order(site, station, Order.INSTALL_CERTIFICATE, bundle)


def test_a_root_is_installed_listed_and_deleted(site, station, outside):
    installing = order(
        site, station, Order.INSTALL_CERTIFICATE, {"use": "v2g_root", "certificate": outside.root}
    )
    number, payload = station.hear("InstallCertificate")
    assert payload == {"certificateType": "V2GRootCertificate", "certificate": outside.root}
    station.answer(number, {"status": "Accepted"})
    assert ended(site, installing) is CommandState.ACCEPTED
    assert states(site, station, "v2g_root") == ["installed"]

    named = x509.hash_data(outside.root, outside.root)
    told = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": named.issuer_name_hash.upper(),
        "issuerKeyHash": named.issuer_key_hash,
        "serialNumber": "00" + named.serial_number,
    }
    listing = order(site, station, Order.READ_CERTIFICATES, {"uses": ["v2g_root", "csms_root"]})
    number, payload = station.hear("GetInstalledCertificateIds")
    assert payload == {"certificateType": ["V2GRootCertificate", "CSMSRootCertificate"]}
    other = {**told, "serialNumber": "beef"}
    station.answer(
        number,
        {
            "status": "Accepted",
            "certificateHashDataChain": [
                {"certificateType": "V2GRootCertificate", "certificateHashData": told},
                {"certificateType": "CSMSRootCertificate", "certificateHashData": other},
            ],
        },
    )
    assert ended(site, listing) is CommandState.ACCEPTED
    assert states(site, station, "v2g_root") == ["installed"]
    assert states(site, station, "csms_root") == ["installed"]

    with site.read() as db:
        query = select(StationCertificate).where(StationCertificate.use == "v2g_root")
        row = db.scalar(query)
        row_id = row.id
    deleting = order(site, station, Order.DELETE_CERTIFICATE, {"certificate_id": row_id})
    number, payload = station.hear("DeleteCertificate")
    assert payload["certificateHashData"]["serialNumber"] == named.serial_number
    station.answer(number, {"status": "Accepted"})
    assert ended(site, deleting) is CommandState.ACCEPTED
    assert states(site, station, "v2g_root") == ["deleted"]

    listing = order(site, station, Order.READ_CERTIFICATES, {})
    station.answer(station.hear("GetInstalledCertificateIds")[0], {"status": "NotFound"})
    assert ended(site, listing) is CommandState.ACCEPTED
    assert states(site, station, "csms_root") == ["missing"]


@pytest.mark.parametrize("station", ["ocpp1.6", "ocpp2.0.1"], indirect=True)
def test_password_rotation_old_valid_until_reconnect(site, login, station):
    identity, old = login
    changing = order(site, station, Order.CHANGE_PASSWORD, {})
    if station.socket.subprotocol == "ocpp1.6":
        number, payload = station.hear("ChangeConfiguration")
        assert payload["key"] == "AuthorizationKey"
        new, answer = payload["value"], {"status": "Accepted"}
    else:
        number, payload = station.hear("SetVariables")
        asked = payload["setVariableData"][0]
        new = asked.pop("attributeValue")
        answer = {"setVariableResult": [{**asked, "attributeStatus": "Accepted"}]}
    station.answer(number, answer)
    assert ended(site, changing) is CommandState.ACCEPTED

    version = str(station.socket.subprotocol)
    RawStation(site, identity, old, version).close()
    RawStation(site, identity, new, version).close()
    eventually(lambda: _is_refused(site, identity, old, version), what="the old one is refused")
    RawStation(site, identity, new, version).close()
    with site.read() as db:
        told = [
            *db.scalars(select(Message.request)),
            *(str(row.arguments) + str(row.request) for row in db.scalars(select(Command))),
            *(f"{row.before}{row.after}{row.note}" for row in db.scalars(select(AuditEntry))),
        ]
    assert not [text for text in told if new in text]


def _is_refused(site, identity, password, version):
    try:
        RawStation(site, identity, password, version).close()
    except InvalidStatus as refusal:
        return refusal.response.status_code == 401
    return False


def test_a_refused_password_never_becomes_right(site, login, station):
    changing = order(site, station, Order.CHANGE_PASSWORD, {})
    number, payload = station.hear("SetVariables")
    asked = payload["setVariableData"][0]
    new = asked.pop("attributeValue")
    answer = {"setVariableResult": [{**asked, "attributeStatus": "Rejected"}]}
    station.answer(number, answer)
    assert ended(site, changing) is CommandState.REJECTED
    assert _is_refused(site, login[0], new, "ocpp2.0.1")


def test_the_responders_answer_is_passed_on(station, outside):
    leaf = outside.certificate()
    named = x509.hash_data(leaf, outside.root)
    data = {
        "hashAlgorithm": named.algorithm,
        "issuerNameHash": named.issuer_name_hash,
        "issuerKeyHash": named.issuer_key_hash,
        "serialNumber": named.serial_number,
        "responderURL": "http://127.0.0.1:1/never-asked",
    }
    answer = station.call("GetCertificateStatus", {"ocspRequestData": data})
    assert answer["status"] == "Accepted"
    told = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
    assert told.certificate_status is ocsp.OCSPCertStatus.GOOD
    outside.revoke(leaf)
    answer = station.call("GetCertificateStatus", {"ocspRequestData": data})
    told = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
    assert told.certificate_status is ocsp.OCSPCertStatus.REVOKED


@pytest.mark.parametrize("station", ["ocpp2.1"], indirect=True)
def test_the_status_of_a_chain_is_told_certificate_by_certificate(station, outside):
    leaf = outside.certificate()
    named = x509.hash_data(leaf, outside.root)
    data = {
        "hashAlgorithm": named.algorithm,
        "issuerNameHash": named.issuer_name_hash,
        "issuerKeyHash": named.issuer_key_hash,
        "serialNumber": named.serial_number,
    }
    one = {"certificateHashData": data, "source": "OCSP", "urls": ["http://127.0.0.1:1/x"]}
    unknown = {**one, "certificateHashData": {**data, "serialNumber": "77"}}
    answer = station.call(
        "GetCertificateChainStatus", {"certificateStatusRequests": [one, unknown]}
    )
    assert [status["status"] for status in answer["certificateStatus"]] == ["Good", "Unknown"]


def test_a_cars_certificate_comes_from_the_contract_pool(station):
    asked = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install"}
    answer = station.call("Get15118EVCertificate", {**asked, "exiRequest": "gJgC"})
    assert answer == {"status": "Accepted", "exiResponse": "test:gJgC"}


def test_a_revoked_certificate_is_known_by_its_fingerprint(site, station):
    station.call("SignCertificate", {"csr": request(station.identity)})
    number, _ = station.hear("CertificateSigned")
    station.answer(number, {"status": "Accepted"})
    eventually(lambda: states(site, station) == ["accepted"], what="the certificate is in use")
    with site.work() as db:
        mine = StationCertificate.station.has(identity=station.identity)
        row = db.scalar(select(StationCertificate).where(mine))
        certificates.revoke(db, SYSTEM, row, reason="Lost.", now=datetime.now(UTC))
        assert certificates.is_revoked(db, row.fingerprint)
