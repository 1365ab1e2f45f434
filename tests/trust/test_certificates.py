"""Certificates: read, named as OCPP names them, asked for, signed, revoked, running out."""

from datetime import timedelta
from functools import partial

import pytest
from cryptography import x509 as library
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select

from app.domain.device import boots
from app.domain.ground.errors import Conflict, Invalid, Taken
from app.domain.ground.vocabulary import SYSTEM, BootReport
from app.domain.network import stations
from app.domain.trust import certificates, signing, x509
from app.models import Deviation, StationReport, StationVariable
from tests.support.stations import register

KEY = ec.generate_private_key(ec.SECP256R1())


def make_station(db, now, identity):
    return register(db, identity, now=now)


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
    return signing.make_root("Volt stations", "Volt AG", now=now)


def signed(root, now, csr, **more):
    given = {"common_name": "CP-1", "organisation": "Volt AG", "now": now, **more}
    return signing.sign(csr, root.certificate, root.key, **given)


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


def test_a_serial_number_is_a_name_only_when_staff_gave_it(db, now):
    station = make_station(db, now, "CP-1")
    station.serial = "SN-77"
    asked = partial(certificates.request_signature, db, station, request("sn-77"), "station", 3)
    refused = asked(now=now)
    assert refused.state == "rejected"
    assert "give it as Name in its certificate under Quirks" in refused.sentence
    stations.edit(db, SYSTEM, station, now=now, quirks={"certificate_name": "SN-77"})
    row = asked(now=now)
    assert (row.state, row.request_id) == ("requested", 3)
    assert certificates.common_name(db, row) == "SN-77"


def named(*names, key=KEY):
    """A request with any number of common names."""
    subject = library.Name([library.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    made = library.CertificateSigningRequestBuilder().subject_name(subject)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def alarms(db, station):
    return [
        (row.word, row.payload["techInfo"])
        for row in db.scalars(select(StationReport).where(StationReport.kind == "security"))
        if row.station_id == station.id
    ]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("CP-2",), "in the name of CP-2"),
        (("SN-2",), "in the name of SN-2"),
        (("CP-1", "CP-2"), "more than one name"),
        (("CP-1", "CP-1"), "more than one name"),
        ((), "no name"),
        ((" ",), "no name"),
        (("CP-1 ",), "in the name of CP-1"),
    ],
    ids=["another's", "another's serial number", "two", "twice", "none", "blank", "nearly its own"],
)
def test_a_request_in_any_other_name_is_refused_and_alarms_once(db, now, names, why):
    station, other = make_station(db, now, "CP-1"), make_station(db, now, "CP-2")
    other.serial = "SN-2"
    for _ in range(2):
        row = certificates.request_signature(db, station, named(*names), "station", 1, now=now)
    assert row.state == "rejected" and why in row.sentence
    assert [word for word, _ in alarms(db, station)] == ["ForeignNameRequested"]
    assert why in alarms(db, station)[0][1]
    later = now + timedelta(hours=2)
    certificates.request_signature(db, station, named(*names), "station", 1, now=later)
    assert len(alarms(db, station)) == 2


def test_for_cars_the_name_may_be_the_secc_id(db, now):
    station = make_station(db, now, "CP-1")
    ask = partial(certificates.request_signature, db, station, named("DE-VLT-1"), "v2g", None)
    assert ask(now=now).state == "rejected"
    variable = StationVariable(
        station_id=station.id, key="x", component="ISO15118Ctrlr", variable="SeccId"
    )
    variable.value = "DE-VLT-1"
    db.add(variable)
    assert ask(now=now).state == "requested"
    own = certificates.request_signature(db, station, named("DE-VLT-1"), "station", None, now=now)
    assert own.state == "rejected"


def test_a_certificate_for_cars_is_no_clients(root, now):
    chain = signed(root, now, request(), for_cars=True)
    leaf = library.load_pem_x509_certificates(chain.encode())[0]
    found = leaf.extensions.get_extension_for_class(library.ExtendedKeyUsage).value
    assert list(found) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_the_name_that_staff_give_is_nobody_elses(db, now):
    one, other = make_station(db, now, "CP-1"), make_station(db, now, "CP-2")
    other.serial = "SN-2"
    db.flush()
    for taken in ("cp-2", "sn-2"):
        with pytest.raises(Taken, match="name of CP-2"):
            stations.edit(db, SYSTEM, one, now=now, quirks={"certificate_name": taken})
    stations.edit(db, SYSTEM, one, now=now, quirks={"certificate_name": "SN-1"})
    with pytest.raises(Taken, match="name of CP-1"):
        stations.edit(db, SYSTEM, other, now=now, quirks={"certificate_name": "sn-1"})
    with pytest.raises(Taken, match="name in the certificate"):
        make_station(db, now, "SN-1")


def boot(db, station, serial, now):
    report = BootReport(vendor="Acme", model="One", serial=serial, raw={"serial": serial})
    assert boots.boot(db, station, report, now=now).value == "accepted"


def test_a_boot_never_takes_the_serial_number_of_another(db, now):
    one, other = make_station(db, now, "CP-1"), make_station(db, now, "CP-2")
    boot(db, other, "SN-2", now)
    for _ in range(2):
        for claimed in ("sn-2", "CP-2"):
            boot(db, one, claimed, now)
    assert (one.serial, other.serial) == (None, "SN-2")
    words = [word for word, _ in alarms(db, one)]
    assert words and set(words) == {"ForeignSerialNumber"}
    doubt = db.scalar(select(Deviation).where(Deviation.station_id == one.id))
    assert (doubt.code, doubt.count) == ("serial_taken", 4)
    boot(db, one, "SN-1", now)
    assert one.serial == "SN-1"


def test_a_serial_number_of_a_station_in_the_archive_is_free(db, now):
    one, other = make_station(db, now, "CP-1"), make_station(db, now, "CP-2")
    boot(db, other, "SN-2", now)
    stations.archive(db, SYSTEM, other, now=now)
    boot(db, one, "SN-2", now)
    assert one.serial == "SN-2" and not alarms(db, one)


def test_a_person_is_asked_before_the_first_and_after_a_revoked_certificate(db, now, root):
    row = issued(db, now, root)
    assert row.approved_at is None
    row.state = "accepted"

    def renewed(key):
        csr = request(key=key)
        return certificates.request_signature(db, row.station, csr, "station", None, now=now)

    assert renewed(ec.generate_private_key(ec.SECP256R1())).approved_at == now
    certificates.revoke(db, SYSTEM, row, reason="Lost.", now=now)
    assert renewed(ec.generate_private_key(ec.SECP256R1())).approved_at is None


def test_a_renewal_that_is_not_signed_yet_waits_for_a_person_once_its_certificate_is_revoked(
    db, now, root
):
    row = issued(db, now, root)
    row.state = "accepted"
    csr = request(key=ec.generate_private_key(ec.SECP256R1()))
    waiting = certificates.request_signature(db, row.station, csr, "station", None, now=now)
    assert waiting.approved_at == now
    certificates.revoke(db, SYSTEM, row, reason="Stolen.", now=now)
    assert (waiting.state, waiting.approved_at) == ("requested", None)


def tell_secc(db, station, name):
    about = {"component": "ISO15118Ctrlr", "variable": "SeccId", "value": name}
    row = db.scalar(select(StationVariable).where(StationVariable.station_id == station.id))
    if row is None:
        row = StationVariable(station_id=station.id, key="x", **about)
        db.add(row)
    row.value = name
    db.flush()


def test_a_renewal_is_in_the_same_name_whatever_the_station_calls_itself_to_cars(db, now, root):
    station = make_station(db, now, "CP-1")
    tell_secc(db, station, "DE-VLT-1")
    row = certificates.request_signature(db, station, named("DE-VLT-1"), "v2g", None, now=now)
    chain = signed(root, now, named("DE-VLT-1"), common_name="DE-VLT-1", for_cars=True)
    certificates.issue(db, row, chain, now=now)
    row.state = "accepted"

    def asked(name):
        csr = named(name, key=ec.generate_private_key(ec.SECP256R1()))
        return certificates.request_signature(db, station, csr, "v2g", None, now=now).approved_at

    assert asked("DE-VLT-1") == now
    tell_secc(db, station, "DE-VLT-2")
    assert asked("DE-VLT-2") is None


def test_the_secc_id_of_another_station_is_no_name(db, now):
    one, other = make_station(db, now, "CP-1"), make_station(db, now, "CP-2")
    for station, told in ((other, "DE-VLT-2"), (one, "de-vlt-2")):
        tell_secc(db, station, told)
    row = certificates.request_signature(db, one, named("DE-VLT-2"), "v2g", None, now=now)
    assert row.state == "rejected" and "also the name of CP-2" in row.sentence
    assert [word for word, _ in alarms(db, one)] == ["ForeignNameRequested"]


def test_the_sweep_leaves_what_nobody_agreed_to(db, now):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    later = now + timedelta(hours=1)
    assert certificates.unfinished(db, now=later) == []
    assert certificates.unfinished(db, now=later, unasked=True) == [row.id]
    certificates.approve(db, SYSTEM, row, now=now)
    assert certificates.unfinished(db, now=later) == [row.id]


def test_a_request_that_is_repeated_goes_on_waiting_and_stays_refused(db, now):
    station = make_station(db, now, "CP-1")
    ask = partial(certificates.request_signature, db, station, request(), "station")
    first = ask(1, now=now)
    assert ask(2, now=now) is first and first.request_id == 2
    certificates.refuse(db, SYSTEM, first, now=now)
    assert ask(3, now=now) is first and first.state == "rejected"


@pytest.mark.parametrize(
    ("name", "why"), [("CP-2", "in the name of CP-2"), ("SN-1", "in the name of SN-1")]
)
def test_a_signed_certificate_in_another_name_is_not_taken(db, now, root, name, why):
    station = make_station(db, now, "CP-1")
    row = certificates.request_signature(db, station, request(), "station", None, now=now)
    with pytest.raises(Invalid, match=why):
        certificates.issue(db, row, signed(root, now, request(), common_name=name), now=now)
    old = signed(root, now - timedelta(days=900), request())
    with pytest.raises(Invalid, match="ended"):
        certificates.issue(db, row, old, now=now)
    assert row.state == "requested"


def test_a_second_request_replaces_the_one_that_waits(db, now):
    station = make_station(db, now, "CP-1")
    first = certificates.request_signature(db, station, request(), "station", None, now=now)
    other = request(key=ec.generate_private_key(ec.SECP256R1()))
    second = certificates.request_signature(db, station, other, "station", None, now=now)
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
    kept = signing.keep(
        db, SYSTEM, row.station.tenant_id, name="", use="station_root", pem=root.certificate,
        key_file="a.key", now=now,
    )  # fmt: skip
    assert certificates.running_out(db, now=now) == []
    assert signing.newest_root(db, row.station.tenant_id, now=now) is kept
    later = row.expires_at - timedelta(days=59)
    assert certificates.running_out(db, now=later) == [row]
    assert certificates.running_out(db, now=kept.expires_at) == [row, kept]
    assert signing.newest_root(db, row.station.tenant_id, now=kept.expires_at) is None
