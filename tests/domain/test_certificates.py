"""Certificates: read, named as OCPP names them, asked for, signed, revoked, running out."""

from datetime import timedelta

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

from app.domain import authority, certificates, sites, stations, tenants, x509
from app.domain.errors import Conflict, Invalid
from app.domain.vocabulary import SYSTEM

KEY = ec.generate_private_key(ec.SECP256R1())


def make_station(db, now, identity):
    tenant = tenants.first(db, now=now)
    place = sites.add(
        db, SYSTEM, tenant.id, now=now, name="Depot", timezone="Europe/Berlin", currency="EUR"
    )
    return stations.register(db, SYSTEM, tenant.id, place, identity, now=now)[0]


def request(common_name="CP-1", key=KEY, organisation="Volt AG"):
    name = library.Name(
        [
            library.NameAttribute(NameOID.COMMON_NAME, common_name),
            library.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
        ]
    )
    made = library.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def root(now):
    return authority.make_root("Volt stations", "Volt AG", now=now)


def signed(root, now, csr, **more):
    given = {"common_name": "CP-1", "organisation": "Volt AG", "now": now, **more}
    return authority.sign(csr, root.certificate, root.key, **given)


def test_a_root_says_that_it_may_sign_and_lasts_for_years(root, now):
    facts = x509.read(root.certificate)
    assert facts.is_authority
    assert (facts.common_name, facts.organisation) == ("Volt stations", "Volt AG")
    assert facts.expires_at > now + timedelta(days=365 * 15)


def test_a_signed_certificate_names_the_station_whatever_the_request_said(root, now):
    chain = signed(root, now, request("somebody"), common_name="SN-77")
    leaf, parent = x509.read_chain(chain)
    assert (leaf.common_name, leaf.organisation, leaf.is_authority) == ("SN-77", "Volt AG", False)
    assert parent.pem == root.certificate
    found = library.load_pem_x509_certificate(leaf.pem.encode())
    found.verify_directly_issued_by(library.load_pem_x509_certificate(parent.pem.encode()))


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_certificates_are_named_as_an_ocsp_request_names_them(root, now, algorithm):
    leaf = x509.read_chain(signed(root, now, request()))[0].pem
    kind = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}[algorithm]
    oracle = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(
            library.load_pem_x509_certificate(leaf.encode()),
            library.load_pem_x509_certificate(root.certificate.encode()),
            kind(),
        )
        .build()
    )
    named = x509.hash_data(leaf, root.certificate, algorithm)
    assert named.issuer_name_hash == oracle.issuer_name_hash.hex()
    assert named.issuer_key_hash == oracle.issuer_key_hash.hex()
    assert int(named.serial_number, 16) == oracle.serial_number


def test_rsa_issuers_are_named_the_same_way(now):
    key = rsa.generate_private_key(65537, 2048)
    name = library.Name([library.NameAttribute(NameOID.COMMON_NAME, "Old root")])
    made = (
        library.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    oracle = ocsp.OCSPRequestBuilder().add_certificate(made, made, hashes.SHA256()).build()
    assert x509.hash_data(pem, pem).issuer_key_hash == oracle.issuer_key_hash.hex()


@pytest.mark.parametrize(
    ("csr", "why"),
    [
        ("", "cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "read"),
        (request("CP-2"), "in the name of CP-2"),
        (request(key=rsa.generate_private_key(65537, 1024)), "too weak"),
    ],
    ids=["nothing", "rubbish", "another station's name", "weak key"],
)
def test_a_request_that_cannot_be_signed_is_kept_with_why(db, now, csr, why):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, csr, "station", None, now=now)
    assert row.state == "rejected"
    assert why in row.sentence


def test_the_serial_number_counts_as_the_stations_name(db, now):
    station = make_station(db, now, "CP-1")
    station.serial = "SN-77"
    row = certificates.request_signature(db, station, request("sn-77"), "station", 3, now=now)
    assert (row.state, row.request_id) == ("requested", 3)


def test_a_second_request_replaces_the_one_that_waits(db, now):
    station = make_station(db, now, "CP-1")
    first = certificates.request_signature(db, station, request(), "station", None, now=now)
    second = certificates.request_signature(db, station, request(), "station", None, now=now)
    assert (first.state, second.state) == ("replaced", "requested")


def test_a_certificate_for_another_key_is_not_taken_for_the_answer(db, now, root):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    foreign = signed(root, now, request(key=ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(Invalid, match="another key"):
        certificates.issue(db, row, foreign, now=now)
    assert row.state == "requested"


def issued(db, now, root):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    certificates.issue(db, row, signed(root, now, request()), now=now)
    return row


def test_an_issued_certificate_is_described_and_can_be_revoked_with_a_reason(db, now, root):
    row = issued(db, now, root)
    assert (row.state, row.subject) == ("issued", "O=Volt AG,CN=CP-1")
    assert row.issuer_key_hash
    with pytest.raises(Invalid):
        certificates.revoke(db, SYSTEM, row, reason=" ", now=now)
    assert not certificates.is_revoked(db, row.fingerprint)
    certificates.revoke(db, SYSTEM, row, reason="The station was stolen.", now=now)
    assert certificates.is_revoked(db, row.fingerprint)
    with pytest.raises(Conflict):
        certificates.issue(db, row, row.pem, now=now)


def test_what_runs_out_within_sixty_days_is_named_soonest_first(db, now, root):
    row = issued(db, now, root)
    row.state = "accepted"
    kept = certificates.keep_authority(
        db, SYSTEM, row.station.tenant_id, name="", use="station_root", pem=root.certificate,
        key_file="a.key", now=now,
    )  # fmt: skip
    assert certificates.running_out(db, now=now) == []
    assert certificates.own_root(db, row.station.tenant_id, now=now) is kept
    later = row.expires_at - timedelta(days=59)
    assert certificates.running_out(db, now=later) == [row]
    assert certificates.running_out(db, now=kept.expires_at) == [row, kept]
    assert certificates.own_root(db, row.station.tenant_id, now=kept.expires_at) is None
