"""Security profiles at the gate: what each connection proves, and that none is talked down."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from app.domain.ground.vocabulary import SYSTEM
from app.domain.network import credentials
from app.domain.trust import certificates, signing
from app.domain.trust import signing as builtin
from app.models import Station, StationCertificate
from tests.support import apps, sockets
from tests.support.gated import PASSWORD, gated, last_knock, login, station
from tests.support.ocpp_port import handshake_text
from tests.support.pki import Authority
from tests.support.wait import eventually
from tests.trust.test_certificates import request as signing_request
from worker.server import networks

LOCAL = ["127.0.0.0/8"]
BY_TLS = {"X-Forwarded-Proto": "https"}
HEADER = "X-SSL-Client-Cert"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def app(migrated, tmp_path, authority):
    """An application that names its operator and an outside authority."""
    (tmp_path / "ampdesk.sqlite3").write_bytes(migrated.read_bytes())
    ca = str(authority.root.cert_file)
    with apps.running(tmp_path, ocpp_cpo_name="Volt", ocpp_tls_client_ca=ca) as made:
        yield made


@pytest.fixture
def proxied(app):
    """A port behind a proxy that is trusted, the tests' own address, and hands certificates on."""
    given = {"trusted_proxies": networks(LOCAL), "client_cert_header": HEADER}
    with gated(app, **given) as running:
        yield running


def shown(pair, **more):
    """What a proxy hands on of a station that showed its certificate."""
    return {**BY_TLS, HEADER: quote(pair.pem), **more}


def profile_of(port, identity, **headers):
    """The security profile that a connection is counted as."""
    known = len(port.desk.links)
    with port.connect(identity, additional_headers=headers):
        eventually(lambda: len(port.desk.links) > known)
    return port.desk.links[-1].profile


def refused(app, port, identity, **headers):
    """The reason why a connection is turned away."""
    with pytest.raises(InvalidStatus) as caught:
        port.connect(identity, additional_headers=headers)
    code = caught.value.response.body.decode().strip()
    found = eventually(lambda: last_knock(app, identity, code), what="the knock")
    assert found.sentence.endswith(".")
    return caught.value.response.status_code, code, found.sentence


def test_without_a_password_only_from_known_networks(app, db, proxied):
    station(db, "ZERO", security_profile=0, quirks={"allowed_networks": ["192.0.2.0/24"]})
    assert profile_of(proxied, "ZERO", **{"X-Forwarded-For": "192.0.2.7"}) == 0
    assert refused(app, proxied, "ZERO", **{"X-Forwarded-For": "198.51.100.7"})[1] == "not_allowed"
    assert refused(app, proxied, "ZERO")[1] == "not_allowed"


def test_ws_no_auth_401(app, db, proxied):
    for profile in (1, 2):
        station(db, f"P{profile}", security_profile=profile)
    for profile in (1, 2):
        assert refused(app, proxied, f"P{profile}")[:2] == (401, "no_credentials")
        assert refused(app, proxied, f"P{profile}", **BY_TLS)[:2] == (401, "no_credentials")


def test_a_password_will_do_for_profile_1_on_any_transport(app, db, proxied):
    station(db, "ONE", security_profile=1)
    assert profile_of(proxied, "ONE", **login("ONE")) == 1
    assert profile_of(proxied, "ONE", **login("ONE"), **BY_TLS) == 2


def test_wrong_username_reject_and_alias(app, db, proxied):
    station(db, "BOX")
    station(db, "ALIASED", username_alias="installer")
    wrong = login("OTHER")
    assert refused(app, proxied, "BOX", **wrong)[:2] == (401, "wrong_username")
    assert profile_of(proxied, "BOX", **login("box")) == 1
    assert profile_of(proxied, "ALIASED", **login("installer")) == 1
    assert refused(app, proxied, "BOX", **login("installer"))[1] == "wrong_username"


def test_another_stations_name_and_password_open_no_door(app, db, proxied):
    station(db, "MINE")
    theirs = station(db, "THEIRS")
    theirs.password_hash = credentials.hash_chosen("their own password")
    db.commit()
    for name in ("MINE", "THEIRS"):
        found = refused(app, proxied, "MINE", **login(name, "their own password"))
        assert found[1] == ("wrong_password" if name == "MINE" else "wrong_username")


def test_hex_password_both_forms(app, db, proxied):
    made = station(db, "HEX")
    digits = credentials.generate()
    made.password_hash = credentials.hash_generated(digits)
    db.commit()
    octets = base64.b64encode(b"HEX:" + bytes.fromhex(digits)).decode()
    assert profile_of(proxied, "HEX", **login("HEX", digits)) == 1
    assert profile_of(proxied, "HEX", Authorization=f"Basic {octets}") == 1


def test_profile_downgrade_refused(app, db, proxied, authority):
    station(db, "TWO", security_profile=2)
    station(db, "THREE", security_profile=3)
    status, code, sentence = refused(app, proxied, "TWO", **login("TWO"))
    assert (status, code) == (403, "no_tls")
    assert "over TLS" in sentence
    assert refused(app, proxied, "THREE", **login("THREE"))[:2] == (403, "no_certificate")
    assert refused(app, proxied, "THREE", **login("THREE"), **BY_TLS)[1] == "no_certificate"
    db.expire_all()
    assert [made.security_profile for made in db.query(Station).order_by("identity")] == [3, 2]


def test_profile_2_is_a_password_over_tls(app, db, proxied):
    station(db, "TWO", security_profile=2)
    assert profile_of(proxied, "TWO", **login("TWO"), **BY_TLS) == 2
    wrong = login("TWO", "x" * 20)
    assert refused(app, proxied, "TWO", **wrong, **BY_TLS)[1] == "wrong_password"


@pytest.mark.parametrize("proto", ["http", "https, http", "ftp", ""])
def test_a_proxy_that_saw_no_tls_is_no_tls(app, db, proxied, proto):
    station(db, "TWO", security_profile=2)
    headers = {**login("TWO"), "X-Forwarded-Proto": proto}
    assert refused(app, proxied, "TWO", **headers)[1] == "no_tls"


def test_who_is_not_a_trusted_proxy_can_claim_neither_tls_nor_a_certificate(app, db, authority):
    station(db, "TWO", security_profile=2)
    station(db, "THREE", security_profile=3)
    with gated(app, client_cert_header=HEADER) as port:
        assert refused(app, port, "TWO", **login("TWO"), **BY_TLS)[1] == "no_tls"
        pair = authority.station("THREE")
        assert refused(app, port, "THREE", **shown(pair))[1] == "no_certificate"


def test_profile_3_needs_no_password(app, db, proxied, authority):
    station(db, "THREE", security_profile=3)
    assert profile_of(proxied, "THREE", **shown(authority.station("THREE"))) == 3
    link = proxied.desk.links[-1]
    assert (link.certificate.common_name, link.certificate.organisations) == ("THREE", ("Volt",))


def test_without_its_setting_the_header_counts_for_nothing(app, db, authority):
    station(db, "THREE", security_profile=3)
    with gated(app, trusted_proxies=networks(LOCAL)) as port:
        pair = authority.station("THREE")
        assert refused(app, port, "THREE", **shown(pair))[1] == "no_certificate"


def test_the_certificate_may_be_made_out_to_a_name_that_staff_gave(app, db, proxied, authority):
    station(db, "NAMED", security_profile=3, quirks={"certificate_name": "box 9"})
    assert profile_of(proxied, "NAMED", **shown(authority.station("box 9"))) == 3


def test_a_serial_number_that_the_charger_told_is_no_name(app, db, proxied, authority):
    station(db, "SERIAL", security_profile=3, serial="SN-77")
    found = refused(app, proxied, "SERIAL", **shown(authority.station("SN-77")))
    assert "made out to SN-77" in found[2]
    assert found[2].endswith("give it as Name in its certificate under Quirks.")


def test_a_name_that_two_stations_have_proves_neither(app, db, proxied, authority):
    for identity in ("ONE", "OTHER"):
        station(db, identity, security_profile=3, quirks={"certificate_name": "box 9"})
    found = refused(app, proxied, "ONE", **shown(authority.station("box 9")))
    assert "also the name of OTHER" in found[2]


def test_a_certificate_of_another_station_is_refused(app, db, proxied, authority):
    station(db, "THREE", security_profile=3)
    theirs = authority.station("SN-4")
    status, code, sentence = refused(app, proxied, "THREE", **shown(theirs))
    assert (status, code) == (403, "wrong_certificate")
    assert sentence.endswith("It is made out to SN-4.")


def test_a_certificate_of_another_owner_is_refused(app, db, proxied, authority):
    station(db, "THREE", security_profile=3)
    foreign = authority.station("THREE", "Other Co")
    found = refused(app, proxied, "THREE", **shown(foreign))
    assert found[2].endswith("It names Other Co and not Volt.")


def test_a_certificate_that_has_expired_is_refused(app, db, proxied, authority):
    station(db, "THREE", security_profile=3)
    old = authority.station("THREE", days=-1)
    assert refused(app, proxied, "THREE", **shown(old))[2].endswith("It has expired.")


def issued(db, made, pair, state="accepted", use="station"):
    """Note that a certificate was issued to a station through us."""
    moment = datetime.now(UTC)
    row = StationCertificate(station_id=made.id, use=use, state=state, fingerprint=pair.fingerprint)
    row.created_at = row.changed_at = moment
    db.add(row)
    db.commit()


def test_a_certificate_that_was_revoked_is_refused_and_a_new_one_is_not(
    app, db, proxied, authority
):
    made = station(db, "THREE", security_profile=3)
    pair = authority.station("THREE")
    issued(db, made, pair, "revoked")
    assert refused(app, proxied, "THREE", **shown(pair))[2].endswith("It was revoked.")
    assert profile_of(proxied, "THREE", **shown(authority.station("THREE"))) == 3


def test_what_was_revoked_for_one_station_lets_no_other_in(app, db, proxied, authority):
    made = station(db, "THREE", security_profile=3)
    station(db, "FOUR", security_profile=3)
    pair = authority.station("FOUR")
    issued(db, made, pair, "revoked")
    assert refused(app, proxied, "FOUR", **shown(pair))[2].endswith("It was revoked.")


def test_an_issued_certificate_is_good_for_its_station_only_whatever_its_name(
    app, db, proxied, authority
):
    made = station(db, "THREE", security_profile=3)
    station(db, "FOUR", security_profile=3)
    pair = authority.station("FOUR")
    issued(db, made, pair)
    found = refused(app, proxied, "FOUR", **shown(pair))
    assert found[2].endswith("It was issued to another station.")
    assert profile_of(proxied, "THREE", **shown(pair)) == 3


@pytest.mark.parametrize(
    ("state", "use", "why"),
    [("replaced", "station", "newest one"), ("accepted", "v2g", "for ISO 15118")],
)
def test_other_certificates_of_the_station_open_no_door(
    app, db, proxied, authority, state, use, why
):
    made = station(db, "THREE", security_profile=3)
    pair = authority.station("THREE")
    issued(db, made, pair, state, use)
    assert why in refused(app, proxied, "THREE", **shown(pair))[2]


def test_our_own_authority_lets_in_only_what_it_has_a_record_of(app, db, proxied):
    made = station(db, "THREE", security_profile=3)
    now = datetime.now(UTC)
    root = builtin.make_root("Ours", "Volt", now=now)
    signing.keep(
        db, SYSTEM, made.tenant_id, name="", use="station_root", pem=root.certificate,
        key_file="a.key", now=now,
    )  # fmt: skip
    db.commit()
    chain = builtin.sign(
        signing_request("THREE"), root.certificate, root.key,
        common_name="THREE", organisation="Volt", now=now,
    )  # fmt: skip
    headers = {**BY_TLS, HEADER: quote(chain)}
    assert refused(app, proxied, "THREE", **headers)[2].endswith("has no record of it.")
    row = certificates.request_signature(
        db, made, signing_request("THREE"), "station", None, now=now
    )
    certificates.issue(db, row, chain, now=now)
    db.commit()
    assert profile_of(proxied, "THREE", **headers) == 3


@pytest.mark.parametrize("profile", [1, 2, 3])
def test_a_certificate_of_an_authority_that_nobody_trusts_proves_nothing(
    app, db, proxied, tmp_path, profile
):
    station(db, "BOX", security_profile=profile)
    folder = tmp_path / "strange"
    folder.mkdir()
    pair = Authority(folder).station("BOX")
    found = refused(app, proxied, "BOX", **shown(pair, **login("BOX")))
    assert found[2].endswith("It leads to no root that is trusted here.")


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----", "%00%ff", "A" * 9000])
def test_a_header_that_is_no_certificate_is_none(app, db, proxied, text):
    station(db, "THREE", security_profile=3)
    headers = {**BY_TLS, HEADER: text}
    assert refused(app, proxied, "THREE", **headers)[1] == "no_certificate"


def test_a_second_certificate_header_spoils_the_first(app, db, proxied, authority):
    station(db, "THREE", security_profile=3)
    raw = proxied.raw(upgrade=False)
    pem = quote(authority.station("THREE").pem)
    text = handshake_text("/ocpp/THREE", X_Forwarded_Proto="https", X_SSL_Client_Cert=pem)
    raw.socket.sendall(text[:-2] + b"X-SSL-Client-Cert: " + pem.encode() + b"\r\n\r\n")
    assert raw.read_head().startswith("HTTP/1.1 403 ")
    knock = eventually(lambda: last_knock(app, "THREE"), what="the knock")
    assert knock.sentence.endswith("came 2 times; the proxy must overwrite it.")


@pytest.mark.parametrize("profile", [1, 2])
def test_a_certificate_takes_the_place_of_no_password(app, db, proxied, authority, profile):
    station(db, "BOX", security_profile=profile)
    pair = authority.station("BOX")
    assert profile_of(proxied, "BOX", **shown(pair, **login("BOX"))) == 2
    status, code, sentence = refused(app, proxied, "BOX", **shown(pair))
    assert (status, code) == (401, "no_credentials")
    assert "raise its security profile to 3" in sentence


@pytest.mark.parametrize("profile", [1, 2])
def test_a_password_takes_the_place_of_no_certificate(app, db, proxied, authority, profile):
    station(db, "BOX", security_profile=profile)
    other = shown(authority.station("SOMEBODY"), **login("BOX"))
    assert refused(app, proxied, "BOX", **other)[1] == "wrong_certificate"
    wrong = shown(authority.station("BOX"), **login("BOX", "x" * 20))
    assert refused(app, proxied, "BOX", **wrong)[1] == "wrong_password"


def test_a_blocked_station_may_not_connect_though_its_password_is_right(app, db, proxied):
    station(db, "OUT", registration="blocked")
    assert refused(app, proxied, "OUT", **login("OUT"))[:2] == (403, "blocked")


def test_password_rotation_old_valid_until_reconnect(app, db, proxied):
    made = station(db, "TURN")
    made.next_password_hash = credentials.hash_chosen("a whole new password")
    made.next_password_at = datetime.now(UTC)
    db.commit()
    assert profile_of(proxied, "TURN", **login("TURN")) == 1
    assert profile_of(proxied, "TURN", **login("TURN")) == 1
    assert profile_of(proxied, "TURN", **login("TURN", "a whole new password")) == 1

    def promoted():
        db.expire_all()
        return made.next_password_hash is None

    eventually(promoted, what="the new password is the only one")
    assert refused(app, proxied, "TURN", **login("TURN"))[1] == "wrong_password"
    assert profile_of(proxied, "TURN", **login("TURN", "a whole new password")) == 1


def test_a_guess_is_neither_the_old_nor_the_new_password(app, db, proxied):
    made = station(db, "TURN")
    made.next_password_hash = credentials.hash_chosen("a whole new password")
    db.commit()
    guess = login("TURN", PASSWORD + "x")
    assert refused(app, proxied, "TURN", **guess)[1] == "wrong_password"


def test_the_profile_that_was_used_is_kept_with_the_connection(db):
    made = station(db, "KEPT", security_profile=1)
    opened = sockets.open_connection(
        *(db, made),
        node="n",
        address="192.0.2.1",
        protocol="ocpp1.6",
        orders=[],
        now=datetime.now(UTC) - timedelta(seconds=1),
        profile=3,
    )
    assert opened.security_profile == 3
    assert made.security_profile == 1
