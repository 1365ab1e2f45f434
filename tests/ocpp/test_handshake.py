"""Handshakes: which charger, which version, which password, who is calling."""

import base64
import ipaddress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chance import texts
from worker.ocpp.handshake import (
    check_upgrade,
    choose_subprotocol,
    client_address,
    identity_from_path,
    loggable_path,
    read_basic,
)
from worker.ocpp.refusals import Reason, Refused, http_answer
from worker.ocpp.versions import Version

UPGRADE = {
    "connection": "keep-alive, Upgrade",
    "upgrade": "WebSocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    "path",
    [
        "/ocpp/CP1",
        "/ocpp//CP1",
        "/ocpp/CP1/",
        "/ocpp/CP1/CP1",
        "//ocpp/CP1//",
        "/CP1",
        "/ocpp/1.6/CP1",
        "/ocpp/CP1?cid=CP2&token=x",
        "/ocpp/CP1/?x",
        "/ocpp/CP1&token=x?y/z",
        "/ocpp/CP1&token=x/",
        "/ocpp/key&sig=abc/CP1",
        "/ocpp&token=abc/CP1",
        "/ocpp&token=abc/CP1&x=1#y",
        "/ocpp/%43P1",
        "/ocpp/CP1%20",
    ],
)
def test_url_forms(path):
    assert identity_from_path(path) == "CP1"


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("/ocpp/GaroCS-4133%3A7", "GaroCS-4133:7"),
        ("/ocpp/My%20Box", "My Box"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/ocpp/%2531", "%31"),
        ("/ocpp/S%C3%A4ule", "Säule"),
        ("/ocpp/Sa%CC%88ule", "Säule"),
        ("/ocpp/S\u00c3\u00a4ule", "Säule"),
        ("/ocpp/.-_*@", ".-_*@"),
        ("/ocpp/A&B", "A&B"),
        ("/ocpp/A%26b=c", "A&b=c"),
        ("/ocpp/" + "x" * 64, "x" * 64),
    ],
)
def test_id_percent_encoding(path, identity):
    assert identity_from_path(path) == identity


@pytest.mark.parametrize(
    "path", ["/ocpp/CP%", "/ocpp/CP%2", "/ocpp/CP%zz", "/ocpp/%FF", "/ocpp/CP%00", "/ocpp/a%0Ab"]
)
def test_bad_percent_encoding_400(path):
    refused = identity_from_path(path)
    assert isinstance(refused, Refused)
    assert refused.status == 400


@pytest.mark.parametrize("path", ["", "/", "/ocpp", "/ocpp/", "//OCPP//?CP1", "/ocpp/%20"])
def test_empty_id_is_refused_as_such(path):
    assert identity_from_path(path) == Refused(Reason.NO_IDENTITY)


def test_an_endless_identity_is_refused():
    assert identity_from_path("/ocpp/" + "x" * 65) == Refused(Reason.IDENTITY_TOO_LONG)


@given(texts(max_size=80))
def test_no_path_breaks_the_handshake(path):
    identity_from_path(path)
    assert len(loggable_path(path)) <= 200


@given(st.text(st.characters(blacklist_categories=["C", "Z", "M"]), min_size=1, max_size=30))
def test_what_is_quoted_is_understood(identity):
    found = identity_from_path("/ocpp/" + quote(identity, safe=""))
    assert isinstance(found, str)
    assert identity_from_path("/ocpp/" + quote(found, safe="")) == found


@pytest.mark.parametrize("mark", ["?", "&"])
def test_query_ignored_token_redacted(mark):
    path = f"/OCPP16/depot/9f8e7d6c5b4a39281706/CP1{mark}password=secret"
    assert identity_from_path(path) == "CP1"
    assert loggable_path(path) == "/OCPP16/depot/***/CP1"


def test_parameters_on_the_way_to_the_identity_are_not_logged():
    assert loggable_path("/ocpp&token=abc/key&sig=x/CP1") == "/ocpp/key/CP1"


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6j"], "ocpp1.6j"),
        (["OCPP1.6"], "OCPP1.6"),
        ([" ocpp1.5 ,  ocpp1.6 "], "ocpp1.6"),
        (["ocpp2.0", "ocpp1.6,ocpp1.5"], "ocpp1.6"),
        (["ocpp2.0.1, OCPP1.6J"], "OCPP1.6J"),
    ],
)
def test_subprotocol_echo_exact(headers, token):
    offer = choose_subprotocol(headers, [Version.V16])
    assert (offer.token, offer.version) == (token, Version.V16)


def test_the_chargers_preference_counts():
    spoken = [Version.V16, Version.V201, Version.V21]
    assert choose_subprotocol(["ocpp2.0.1, ocpp1.6"], spoken).version is Version.V201


def test_no_subprotocol_is_taken_for_1_6_only_when_that_is_spoken():
    assert choose_subprotocol([], [Version.V16]).version is Version.V16
    assert choose_subprotocol([" , "], [Version.V16]).token is None
    assert choose_subprotocol([], [Version.V201]).version is None


def test_no_common_subprotocol_is_no_version():
    offer = choose_subprotocol(["ocpp2.0", "mqtt"], [Version.V16])
    assert (offer.token, offer.version, offer.offered) == (None, None, ("ocpp2.0", "mqtt"))


def basic(raw):
    return "Basic " + base64.b64encode(raw).decode()


def test_credentials_are_split_after_the_identity():
    found = read_basic(basic(b"CP:1:pass:word"), "CP:1")
    assert found is not None
    assert found.matches_identity
    assert found.candidates == (b"pass:word",)


def test_basic_auth_binary_password():
    found = read_basic(basic(b"CP1:\xff\x00:\x80"), "CP1")
    assert found is not None
    assert found.candidates[0] == b"\xff\x00:\x80"


def test_hex_password_both_forms():
    octets = bytes(range(0xF0, 0x100)) + b"\x01\x02\x03\x04"
    as_text = read_basic(basic(b"CP1:" + octets.hex().encode()), "CP1")
    as_bytes = read_basic(basic(b"CP1:" + octets), "CP1")
    assert as_text is not None
    assert as_bytes is not None
    assert octets in as_text.candidates
    assert octets.hex().encode() in as_bytes.candidates


@pytest.mark.parametrize(
    ("raw", "username", "matches"),
    [
        (b"cp1:x", "CP1", True),
        (b"CP2:x", "CP2", False),
        (b":x", "", False),
        (b"CP1extra:x", "CP1extra", False),
        (b"\xff:x", None, False),
    ],
)
def test_wrong_username_is_told_apart(raw, username, matches):
    found = read_basic(basic(raw), "CP1")
    assert found is not None
    assert (found.username, found.matches_identity) == (username, matches)


@pytest.mark.parametrize("header", ["", "Bearer abc", "Basic", "Basic !!!", "Basic Q1Ax", "basic"])
def test_what_is_not_basic_is_no_credentials(header):
    assert read_basic(header, "CP1") is None


def test_missing_padding_is_forgiven():
    assert read_basic("basic Q1AxOng", "CP1") is not None


def test_passwords_are_not_shown_by_repr():
    assert "hunter2" not in repr(read_basic(basic(b"CP1:hunter2"), "CP1"))


@given(texts(max_size=40), st.binary(max_size=60))
def test_no_authorization_header_breaks_the_handshake(header, raw):
    read_basic(header, "CP1")
    read_basic("Basic " + header, "CP1")
    read_basic(basic(raw), "CP1")


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=20), st.binary())
def test_the_password_comes_out_as_it_went_in(identity, password):
    path = identity_from_path("/ocpp/" + quote(identity, safe=""))
    if isinstance(path, str):
        found = read_basic(basic(path.encode() + b":" + password), path)
        assert found is not None
        assert found.matches_identity
        assert found.candidates[0] == password


def test_a_websocket_handshake_is_recognised():
    assert check_upgrade("GET", "HTTP/1.1", UPGRADE) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("sec-websocket-version", "8"),
        ("sec-websocket-key", "short"),
        ("sec-websocket-key", ""),
    ],
)
def test_missing_connection_header_400_and_its_like(name, value):
    refused = check_upgrade("GET", "HTTP/1.1", {**UPGRADE, name: value})
    assert isinstance(refused, Refused)
    assert refused.status == 400
    assert refused.detail


def test_a_post_or_http_1_0_is_no_handshake():
    assert check_upgrade("POST", "HTTP/1.1", UPGRADE) is not None
    assert check_upgrade("GET", "HTTP/1.0", UPGRADE) is not None


def test_xff_untrusted_ignored():
    proxies = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]
    assert client_address("203.0.113.9", "198.51.100.7", proxies) == "203.0.113.9"
    assert client_address("10.1.1.1", "198.51.100.7", proxies) == "198.51.100.7"
    assert client_address("10.1.1.1", "6.6.6.6, 198.51.100.7, 10.2.2.2", proxies) == "198.51.100.7"
    assert client_address("10.1.1.1", "rubbish", proxies) == "10.1.1.1"
    assert client_address("10.1.1.1", "", proxies) == "10.1.1.1"
    assert client_address("::1", "2001:db8::5", proxies) == "2001:db8::5"
    assert client_address("::ffff:10.1.1.1", "198.51.100.7", proxies) == "198.51.100.7"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason.status != 101])
def test_refusals_name_their_reason_and_nothing_else(reason):
    status, headers, body = http_answer(Refused(reason, "secret detail", retry_after_s=7))
    assert status.startswith(str(reason.status))
    assert body == reason.code.encode() + b"\n"
    assert ("Retry-After", "7") in headers
    assert ("WWW-Authenticate" in dict(headers)) is (reason.status == 401)
