"""Attacks on the whole way of a certificate: asked for, signed, shown, handed on, revoked."""

import base64
import ssl
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from app.domain.ground.vocabulary import SYSTEM
from app.domain.trust import certificates
from app.models import AuthorityCertificate, Station, StationCertificate, StationReport
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
from tests.support.processes import Process, free_port, wait_for_port
from tests.support.raw_station import RawStation
from tests.support.wait import eventually

__all__ = ["pair_of_stations", "server", "site"]

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def aloof(site):
    """The port of a worker that does not trust this address."""
    port = free_port()
    first = site.processes["worker"]
    more = {
        "AMPDESK_OCPP_PORT": str(port),
        "AMPDESK_OCPP_TLS_PORT": str(free_port()),
        "AMPDESK_TRUSTED_PROXIES": "203.0.113.9",
    }
    other = Process("aloof", first.command, site.environment | more, site.data_dir / "aloof.log")
    site.processes["aloof"] = other
    other.start()
    wait_for_port(port, other)
    return port


def asking(names, key, also=()):
    """A signing request with any common names, and names of hosts beside them."""
    subject = library.Name([library.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    made = library.CertificateSigningRequestBuilder().subject_name(subject)
    if also:
        hosts = [library.DNSName(name) for name in also]
        made = made.add_extension(library.SubjectAlternativeName(hosts), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def words(site, identity):
    with site.read() as db:
        query = select(StationReport.word).join(Station, Station.id == StationReport.station_id)
        return list(db.scalars(query.where(Station.identity == identity)))


def plain_status(port, identity, headers):
    """The status of a handshake over plain HTTP; `headers` may name one twice."""
    try:
        with connect(
            f"ws://127.0.0.1:{port}/ocpp/{identity}",
            subprotocols=["ocpp2.0.1"],
            additional_headers=headers,
            proxy=None,
            open_timeout=60,
        ):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


@pytest.mark.parametrize(
    "names",
    [
        lambda eve, bob: (),
        lambda eve, bob: (" ",),
        lambda eve, bob: (eve, bob),
        lambda eve, bob: (bob, eve),
        lambda eve, bob: (f"{eve}\0{bob}",),
        lambda eve, bob: (bob.lower(),),
        lambda eve, bob: (f" {bob} ",),
        lambda eve, bob: (bob.replace("B", "\u0412"),),
    ],
    ids=["none", "blank", "two", "two the other way", "a zero", "case", "spaces", "look-alike"],
)
def test_a_request_in_any_name_but_its_own_is_refused_and_alarms(site, pair_of_stations, names):
    (eve, word), (bob, _) = pair_of_stations
    station = RawStation(site, eve, word, "ocpp2.0.1")
    station.boot()
    csr = asking(names(eve, bob), new_key())
    for _ in range(3):
        assert station.call("SignCertificate", {"csr": csr})["status"] == "Rejected"
    station.close()
    assert [row.state for row in rows(site, eve, StationCertificate)] == ["rejected"]
    assert "ForeignNameRequested" in words(site, eve)


@pytest.mark.parametrize("form", [" {} ", "{}\0", "{}\t", "{}", "{}\u200b", "\uff33{}"])
def test_a_serial_number_written_otherwise_is_still_anothers(site, pair_of_stations, form):
    (eve, word), bob = pair_of_stations
    about = {"vendorName": "Acme", "model": "One", "serialNumber": f"SN-{bob[0]}".lower()[:24]}
    known = RawStation(site, *bob, "ocpp2.0.1")
    known.call("BootNotification", {"reason": "PowerUp", "chargingStation": about})
    known.close()
    station = RawStation(site, eve, word, "ocpp2.0.1")
    again = about["serialNumber"].upper()
    about["serialNumber"] = form.format(again[1:] if form[0] == "\uff33" else again)
    told = station.call("BootNotification", {"reason": "PowerUp", "chargingStation": about})
    assert told["status"] == "Accepted"
    station.close()
    with site.read() as db:
        assert db.scalar(select(Station.serial).where(Station.identity == eve)) is None
    assert "ForeignSerialNumber" in words(site, eve)


def test_a_certificate_lives_and_dies_with_the_door_that_it_opened(
    site, authority, pair_of_stations, tmp_path
):
    (eve, word), (bob, bobs_word) = pair_of_stations
    station = RawStation(site, eve, word, "ocpp2.0.1")
    station.boot()
    key = new_key()
    csr = asking((eve,), key, also=(bob,))
    for _ in range(3):  # it asks again and is signed once
        assert station.call("SignCertificate", {"csr": csr}) == {"status": "Accepted"}
    with site.work() as db:
        (waiting,) = db.scalars(
            select(StationCertificate).where(StationCertificate.station.has(identity=eve))
        )
        certificates.approve(db, SYSTEM, waiting, now=datetime.now(UTC))
    number, payload = station.hear("CertificateSigned")
    station.answer(number, {"status": "Accepted"})
    eventually(lambda: rows(site, eve, StationCertificate)[0].state == "accepted", what="in use")
    station.close()
    leaf = library.load_pem_x509_certificates(payload["certificateChain"].encode())[0]
    assert bob not in leaf.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(library.ExtensionNotFound):
        leaf.extensions.get_extension_for_class(library.SubjectAlternativeName)
    pair = SimpleNamespace(cert_file=tmp_path / "c.pem", key_file=tmp_path / "k.pem")
    pair.cert_file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    pair.key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    # The worker takes up a new root within a minute; through a trusted proxy it does at once.
    handed = {HEADER: quote(pair.cert_file.read_text()), "X-Forwarded-Proto": "https"}
    port = site.settings.ocpp_port
    for identity in (eve, bob):
        profile(site, identity, 3)
    assert plain_status(port, bob, handed) == 403
    with connect(
        f"ws://127.0.0.1:{port}/ocpp/{eve}",
        subprotocols=["ocpp2.0.1"],
        additional_headers=handed,
        open_timeout=60,
        proxy=None,
    ) as socket:
        with site.work() as db:
            row = db.scalar(
                select(StationCertificate).where(StationCertificate.station.has(identity=eve))
            )
            certificates.revoke(db, SYSTEM, row, reason="Stolen.", now=datetime.now(UTC))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=60)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            1008,
            "its certificate was revoked",
        )
    assert plain_status(port, eve, handed) == 403
    profile(site, eve, 1)
    assert plain_status(port, eve, handed | basic((eve, word))) == 403, "revoked at any profile"
    assert plain_status(port, bob, handed | basic((bob, bobs_word))) == 403, "and at any door"
    station = RawStation(site, eve, word, "ocpp2.0.1")
    station.boot()
    assert station.call("SignCertificate", {"csr": asking((eve,), key)}) == {"status": "Accepted"}
    newest = rows(site, eve, StationCertificate)[-1]
    assert (newest.state, newest.approved_at) == ("requested", None), "a person is asked again"
    station.close()


def test_who_is_no_trusted_proxy_hands_on_nothing(site, aloof, authority, pair_of_stations):
    (eve, word), (bob, _) = pair_of_stations
    profile(site, bob, 3)
    good = quote(authority.station(bob).pem)
    forged = {HEADER: good, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    assert plain_status(site.settings.ocpp_port, bob, forged) == 101, "from the trusted one it does"
    assert plain_status(aloof, bob, forged) == 403
    profile(site, eve, 2)
    assert plain_status(aloof, eve, forged | basic((eve, word))) == 403, "nor that TLS was used"


@pytest.mark.parametrize(
    "made_up",
    [
        lambda good: [(HEADER, good), (HEADER, good)],
        lambda good: [(HEADER, good), (HEADER.lower(), "")],
        lambda good: [(HEADER.upper(), ""), (HEADER, good)],
        lambda good: [("X_SSL_Client_Cert", good)],
        lambda good: [(f"{HEADER}-", good)],
        lambda good: [(HEADER, f"{good},{good}"[:-9])],
        lambda good: [(HEADER, "")],
        lambda good: [(HEADER, "%00" * 3000)],
        lambda good: [("X-Forwarded-Proto", "http"), (HEADER, good)],
    ],
    ids=[
        "twice",
        "other-case",
        "empty-first",
        "underscores",
        "longer",
        "list",
        "empty",
        "zeros",
        "plain",
    ],
)
def test_a_header_that_is_odd_in_any_way_proves_nothing(site, authority, pair_of_stations, made_up):
    _, (bob, _) = pair_of_stations
    profile(site, bob, 3)
    headers = [("X-Forwarded-Proto", "https"), *made_up(quote(authority.station(bob).pem))]
    assert plain_status(site.settings.ocpp_port, bob, headers) == 403


def test_nginx_overwrites_the_header_however_it_is_written(
    site, authority, server, pair_of_stations, tmp_path
):
    _, (bob, _) = pair_of_stations
    profile(site, bob, 3)
    good = quote(authority.station(bob).pem)
    roots = authority.root.cert_file
    with nginx(tmp_path / "nginx", site.settings.ocpp_port, server, roots) as port:
        for name in (HEADER, HEADER.lower(), HEADER.upper(), "X_SSL_Client_Cert"):
            assert status(authority, port, bob, **{name: good}) == 403


def test_nothing_but_a_living_certificate_of_a_trusted_root_is_one(
    site, authority, pair_of_stations, tmp_path
):
    _, (bob, _) = pair_of_stations
    profile(site, bob, 3)
    folders = [tmp_path / name for name in ("strange", "ended")]
    for folder in folders:
        folder.mkdir()
    strange = Authority(folders[0], "Test Root").station(bob)
    ended = authority.station(bob, days=-1)
    own = Authority(folders[1], bob).root  # signed by itself, in the right name
    port = site.settings.ocpp_port
    for pair in (strange, ended, own):
        handed = {HEADER: quote(pair.pem), "X-Forwarded-Proto": "https"}
        assert plain_status(port, bob, handed) == 403
        with pytest.raises(
            (ssl.SSLError, ConnectionError, EOFError, InvalidMessage, ConnectionClosed)
        ):
            status(authority, site.settings.ocpp_tls_port, bob, pair)
    both = strange.pem + authority.station("X").pem
    handed = {HEADER: quote(both), "X-Forwarded-Proto": "https"}
    assert plain_status(port, bob, handed) == 403, "a good one behind a bad one changes nothing"


def test_a_root_of_our_own_does_not_open_a_door_as_a_station(site, pair_of_stations):
    """The authority's root is public: whoever hands it on as a station's is refused."""
    _, (bob, _) = pair_of_stations
    profile(site, bob, 3)
    with site.read() as db:
        pems = list(db.scalars(select(AuthorityCertificate.pem)))
    for pem in pems:
        der = base64.b64encode(ssl.PEM_cert_to_DER_cert(pem)).decode()
        handed = {HEADER: der, "X-Forwarded-Proto": "https"}
        assert plain_status(site.settings.ocpp_port, bob, handed) == 403
