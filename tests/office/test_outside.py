"""What is sent to an address that somebody typed reaches that place and no other."""

import socket
import ssl
import threading
from ipaddress import ip_address

import pytest

from app.domain.ground.errors import Invalid
from app.domain.office.webhooks import Reach, parts
from app.mails import hooks
from tests.support.pki import Authority
from tests.support.webhook_receiver import Receiver

PUBLIC = Reach(plain_http=True)
HERE = Reach(("127.0.0.0/8",), plain_http=True)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "169.254.169.254",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fec0::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[ff02::1]",
        # The same in other spellings.
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        # Names that lead there.
        "localhost",
    ],
)
def test_no_address_of_our_own_is_reached(receiver, host):
    with pytest.raises((Invalid, hooks.Failed)) as refused:
        hooks.post(f"http://{host}:{receiver.port}/", b"{}", {}, PUBLIC)
    assert not receiver.taken
    if refused.type is Invalid:
        assert "not on the public internet" in str(refused.value)


def test_an_address_counts_by_what_it_is():
    for public in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"):
        assert Reach().allows(ip_address(public))
    assert Reach(("10.0.0.0/8",)).allows(ip_address("10.9.8.7"))
    assert not Reach(("10.0.0.0/8",)).allows(ip_address("192.168.0.1"))


def test_a_network_that_the_installation_allows_is_reached(receiver):
    answer = hooks.post(f"{receiver.url}?a=b", b'{"a": 1}', {"X-One": "1"}, HERE)
    (taken,) = receiver.taken
    assert (answer.status, taken.path, taken.body) == (204, "/hook?a=b", b'{"a": 1}')
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_plain_http_needs_a_setting(receiver):
    with pytest.raises(Invalid):
        hooks.post(receiver.url, b"{}", {}, Reach(("127.0.0.0/8",)))
    with pytest.raises(Invalid):
        parts("javascript:alert(1)", HERE)


def test_redirects_are_not_followed(receiver):
    receiver.status, receiver.headers = 302, {"Location": f"{receiver.url}/elsewhere"}
    assert hooks.post(receiver.url, b"{}", {}, HERE).status == 302
    assert len(receiver.taken) == 1


@pytest.fixture
def secured(tmp_path, monkeypatch):
    """A receiver with a certificate for localhost, of an authority that this process trusts."""
    authority = Authority(tmp_path)
    pair = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert_file, pair.key_file)
    with Receiver(tls=context) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.root.cert_file))
        yield running


def test_tls_is_checked_against_the_name_and_not_the_address(secured):
    answer = hooks.post(f"https://localhost:{secured.port}/", b"{}", {}, Reach(("127.0.0.0/8",)))
    assert answer.status == 204
    assert secured.taken[0].headers["host"] == f"localhost:{secured.port}"


def test_a_certificate_that_nobody_vouches_for_is_refused(secured, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(hooks.Failed, match="TLS failed"):
        hooks.post(f"https://localhost:{secured.port}/", b"{}", {}, Reach(("127.0.0.0/8",)))
    assert not secured.taken


def test_of_an_answer_only_its_first_bytes_are_read(receiver):
    receiver.status, receiver.text = 200, "x" * 5_000_000
    assert len(hooks.post(receiver.url, b"{}", {}, HERE).text) == hooks.READ


def test_a_name_that_nobody_knows_is_said():
    with pytest.raises(hooks.Failed, match="not known"):
        hooks.post("http://no-such-host.invalid/", b"{}", {}, PUBLIC)


def test_a_port_where_nobody_listens_is_said():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(hooks.Failed, match="failed"):
        hooks.post(f"http://127.0.0.1:{port}/", b"{}", {}, HERE)


def test_a_server_that_drips_is_cut_off_at_the_deadline():
    """Each byte comes in time, the answer never does."""
    over = threading.Event()

    def drip(server):
        with server.accept()[0] as connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while not over.wait(0.05):
                try:
                    connection.sendall(b"X-More: 1\r\n")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=[server])
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        try:
            with pytest.raises(hooks.Failed):
                hooks.post(url, b"{}", {}, HERE, deadline_s=0.4)
        finally:
            over.set()
            thread.join()
