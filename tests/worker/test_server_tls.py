"""The worker's own TLS: certificates of both kinds, stations' certificates, and who is cut off."""

import contextlib
import json
import socket
import ssl

import pytest
from websockets.exceptions import WebSocketException

from app.config import Settings
from tests.support import apps
from tests.support.gated import gated, last_knock, login, station
from tests.support.pki import Authority, client_context
from tests.support.wait import eventually
from worker.tls import WrongTls, server_context


@pytest.fixture(scope="module")
def server_pairs(authority):
    """The server's certificates: ECDSA and RSA."""
    return authority.server(), authority.server(with_rsa=True)


def settings(pairs, **more):
    """The settings of a TLS port with one or two certificates."""
    named = {}
    for number, pair in zip(("", "2"), pairs, strict=False):
        named[f"ocpp_tls_cert{number}"] = str(pair.cert_file)
        named[f"ocpp_tls_key{number}"] = str(pair.key_file)
    return Settings(ocpp_tls_port=9443, **named, **more)


@pytest.fixture
def app(migrated, tmp_path):
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    with apps.running(tmp_path, ocpp_cpo_name="Volt") as made:
        yield made


@pytest.fixture
def port(app, authority, server_pairs):
    """A plain and a TLS listener; stations' certificates come from `authority`."""
    ca = str(authority.root.cert_file)
    with gated(app, tls=server_context(settings(server_pairs, ocpp_tls_client_ca=ca))) as running:
        yield running


def client(authority, pair=None, ciphers="", newest=ssl.TLSVersion.TLSv1_3):
    """A charger's side of TLS."""
    context = client_context(authority, pair)
    context.maximum_version = newest
    if ciphers:
        context.set_ciphers(ciphers)
    return context


def speak(port, identity, context, **headers):
    """Connect by TLS, have a call answered both ways around, and return the link."""
    with port.connect(identity, ssl=context, additional_headers=headers) as charger:
        charger.send('[2,"1","Heartbeat",{}]')
        assert json.loads(charger.recv(timeout=20))[:2] == [3, "1"]
        charger.send(json.dumps([2, "2", "DataTransfer", {"vendorId": "x" * 200_000}]))
        assert json.loads(charger.recv(timeout=20))[:2] in ([3, "2"], [4, "2"])
    return port.desk.links[-1]


def test_profile_2_over_our_own_tls(app, db, port, authority):
    station(db, "TWO", security_profile=2)
    link = speak(port, "TWO", client(authority), **login("TWO"))
    assert (link.profile, link.certificate) == (2, None)


def test_profile_3_over_our_own_tls(app, db, port, authority):
    station(db, "THREE", security_profile=3)
    link = speak(port, "THREE", client(authority, authority.station("THREE")))
    assert (link.profile, link.certificate.common_name) == (3, "THREE")


def test_a_proxys_header_counts_for_nothing_on_our_own_tls(app, db, port, authority):
    station(db, "THREE", security_profile=3)
    pem = authority.station("THREE").pem.replace("\n", "%0A")
    with pytest.raises(Exception, match="403"):
        speak(port, "THREE", client(authority), **{"X-SSL-Client-Cert": pem})


def test_a_certificate_of_a_stranger_ends_the_handshake_and_is_written_down(
    app, db, port, authority, tmp_path
):
    station(db, "THREE", security_profile=3)
    stranger = Authority(tmp_path, "Strange Root").station("THREE")
    with pytest.raises((OSError, EOFError, WebSocketException)):
        speak(port, "THREE", client(authority, stranger))
    knock = eventually(lambda: last_knock(app, "", "tls_failed"), what="the knock")
    assert knock.address == "127.0.0.1"
    assert "certificate" in knock.sentence


@pytest.mark.parametrize(
    "suite",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    ],
)
def test_the_suites_of_the_specification_are_served_by_two_certificates(port, authority, suite):
    context = client(authority, ciphers=suite, newest=ssl.TLSVersion.TLSv1_2)
    address = ("localhost", port.server.tls_port)
    with socket.create_connection(address, timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.cipher()[:2] == (suite, "TLSv1.2")
            assert secured.compression() is None


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES128-SHA", "AES128-SHA256", "DHE-RSA-AES128-SHA"])
def test_other_suites_are_not(port, authority, suite):
    context = client(authority, ciphers=suite, newest=ssl.TLSVersion.TLSv1_2)
    with socket.create_connection(("localhost", port.server.tls_port), timeout=20) as plain:
        with pytest.raises(OSError):
            context.wrap_socket(plain, server_hostname="localhost")


def test_tls_min_version(port, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("localhost", port.server.tls_port), timeout=20) as plain:
        with pytest.raises(OSError):
            context.wrap_socket(plain, server_hostname="localhost")


def test_plain_text_on_the_tls_port_and_tls_on_the_plain_one_break_nothing(
    app, db, port, authority
):
    station(db, "TWO", security_profile=2)
    with socket.create_connection(("localhost", port.server.tls_port), timeout=20) as plain:
        plain.sendall(b"GET /ocpp/TWO HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP" not in plain.recv(1000)
    with socket.create_connection(("localhost", port.port), timeout=20) as plain:
        with pytest.raises(OSError):
            client(authority).wrap_socket(plain, server_hostname="localhost")
    assert speak(port, "TWO", client(authority), **login("TWO")).profile == 2


def test_who_dawdles_over_the_tls_handshake_is_cut_off(app, server_pairs):
    with gated(app, tls=server_context(settings(server_pairs)), handshake_s=0.2) as port:
        with socket.create_connection(("localhost", port.server.tls_port), timeout=20) as plain:
            assert plain.recv(100) == b""


def test_without_a_port_there_is_no_tls():
    assert server_context(Settings()) is None


def test_wrong_files_are_named_in_a_sentence(authority, server_pairs, tmp_path):
    one, other = server_pairs
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    cases = [
        ({"ocpp_tls_port": 9443}, "AMPDESK_OCPP_TLS_CERT"),
        ({"ocpp_tls_cert": "/nowhere.pem"}, "AMPDESK_OCPP_TLS_CERT"),
        ({"ocpp_tls_cert": str(rubbish)}, "AMPDESK_OCPP_TLS_CERT"),
        ({"ocpp_tls_key": "/nowhere.key"}, "AMPDESK_OCPP_TLS_KEY"),
        ({"ocpp_tls_key": str(other.key_file)}, "AMPDESK_OCPP_TLS_KEY"),
        ({"ocpp_tls_client_ca": str(rubbish)}, "AMPDESK_OCPP_TLS_CLIENT_CA"),
    ]
    right = {"ocpp_tls_cert": str(one.cert_file), "ocpp_tls_key": str(one.key_file)}
    for given, name in cases:
        known = {} if given == {"ocpp_tls_port": 9443} else right
        with pytest.raises(WrongTls) as wrong:
            server_context(Settings(**{"ocpp_tls_port": 9443, **known, **given}))
        assert name in str(wrong.value)
        assert str(wrong.value).endswith(".")
