"""Taps over 2.x, and the contracts that cars show by certificate (C07)."""

import pytest
from sqlalchemy import select

from app.domain.access import tags
from app.domain.ground.vocabulary import SYSTEM, StationMode, TagStatus
from app.domain.network import stations
from app.domain.office.messages import text_of
from app.models import Tag, TagGroup
from tests.support.charging import network
from worker.dialects.context import Context
from worker.dialects.v201.access import authorize
from worker.ocpp.fields import Fields

EMAID = {"idToken": "DE-8AA-CA2B3C4-D", "type": "eMAID"}
HASHES = [
    {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "aa",
        "issuerKeyHash": "bb",
        "serialNumber": str(number),
        "responderURL": "http://ocsp.example",
    }
    for number in (1, 2)
]


class Responder:
    """Says of each certificate in turn what it was told to say."""

    def __init__(self, *words):
        self.words = list(words)

    def certificate_status(self, named):
        assert named["algorithm"] == "SHA256"
        word = self.words.pop(0)
        return type("Status", (), {"word": word})


@pytest.fixture
def ask(db, now):
    net = network(db)
    net.station.mode = StationMode.LISTED
    group = TagGroup(tenant_id=net.site.tenant_id, name="F", parent="FLEET", created_at=now)
    db.add(group)
    db.flush()
    given = {"tenant_id": net.site.tenant_id, "now": now}
    tags.add(
        db, SYSTEM, value=EMAID["idToken"], driver_id=net.driver.id, group_id=group.id, **given
    )
    tags.add(db, SYSTEM, value="BLOCKED", **given).status = TagStatus.BLOCKED
    other = stations.register(db, SYSTEM, net.site.tenant_id, net.site, "CP-2", now=now)[0]
    tags.add(db, SYSTEM, value="ELSEWHERE", **given).stations = [other]
    db.flush()

    def ask(payload, *words):
        ctx = Context(db, net.station, net.station.id, "Europe/Berlin", {}, now)
        ctx.found = authorize.ask(Fields(payload), ctx, Responder(*words))
        return authorize.then(Fields(payload), ctx)

    return ask


def test_a_tag_of_a_group_is_answered_with_it_and_the_drivers_language(ask):
    assert ask({"idToken": EMAID}) == {
        "idTokenInfo": {
            "status": "Accepted",
            "groupIdToken": {"idToken": "FLEET", "type": "Central"},
            "language1": "en",
        }
    }


@pytest.mark.parametrize(
    ("token", "status"),
    [("NOBODY", "Unknown"), ("BLOCKED", "Blocked"), ("ELSEWHERE", "NotAtThisLocation")],
)
def test_a_refusal_says_why_in_the_words_of_2x(ask, token, status):
    answer = ask({"idToken": {"idToken": token, "type": "ISO14443"}})
    assert answer["idTokenInfo"]["status"] == status


@pytest.mark.parametrize(
    ("words", "status", "certificate"),
    [
        (("good", "good"), "Accepted", "Accepted"),
        (("good", "revoked"), "Invalid", "CertificateRevoked"),
        (("good", "unknown"), "Invalid", "CertChainError"),
        (("failed", "good"), "Invalid", "CertChainError"),
    ],
)
def test_a_contract_is_worth_what_its_certificates_are(ask, words, status, certificate):
    answer = ask({"idToken": EMAID, "iso15118CertificateHashData": HASHES}, *words)
    assert answer["certificateStatus"] == certificate
    assert answer["idTokenInfo"]["status"] == status


def test_a_valid_certificate_of_no_contract_is_cancelled(ask):
    token = {"idToken": "DE-NOBODY", "type": "eMAID"}
    answer = ask({"idToken": token, "iso15118CertificateHashData": HASHES}, "good", "good")
    assert answer["certificateStatus"] == "ContractCancelled"
    assert answer["idTokenInfo"]["status"] == "Unknown"


def test_a_chain_that_only_we_could_check_is_not_believed(ask):
    answer = ask({"idToken": EMAID, "certificate": "-----BEGIN CERTIFICATE-----"})
    assert answer["certificateStatus"] == "CertChainError"
    assert answer["idTokenInfo"]["status"] == "Invalid"


def test_a_key_code_does_not_reach_the_log():
    token = {
        "idToken": "471147",
        "type": "KeyCode",
        "additionalInfo": [{"additionalIdToken": "998877", "type": "PIN"}],
    }
    text = text_of({"idToken": token})
    assert "471147" not in text and "998877" not in text
    card = {"idToken": "471147", "type": "ISO14443"}
    assert "471147" in text_of({"idToken": card})


def test_the_kind_of_a_tag_counts_where_it_is_known(db, ask):
    answer = ask({"idToken": {**EMAID, "type": "MacAddress"}})
    assert answer["idTokenInfo"]["status"] == "Accepted"
    tag = db.scalar(select(Tag).where(Tag.value == EMAID["idToken"]))
    tag.kind = "emaid"
    db.flush()
    assert ask({"idToken": EMAID})["idTokenInfo"]["status"] == "Accepted"
    answer = ask({"idToken": {**EMAID, "type": "MacAddress"}})
    assert answer["idTokenInfo"]["status"] == "Unknown"


def test_what_says_nothing_is_left_out(ask):
    answer = ask({"idToken": {"idToken": "NOBODY", "type": "Local"}})
    assert answer == {"idTokenInfo": {"status": "Unknown"}}
