"""Passkeys: what is kept of them, and what does not let anybody in."""

import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select
from webauthn.helpers import bytes_to_base64url, encode_cbor

from app.domain.ground.errors import Conflict, Invalid, NotFound, Taken
from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import staff, ways_in
from app.models import AuditEntry, Passkey, SignIn, User
from tests.support.desk import PASSWORD


@pytest.fixture
def client(app, grace):
    client = app.test_client()
    client.post("/sign-in", data={"email": grace.email, "password": PASSWORD})
    return client


def keep(db, user, now, credential="abc", count=3):
    key = ways_in.add_passkey(
        db, SYSTEM, user, name="Phone", credential_id=credential, public_key="key",
        sign_count=count, now=now,
    )  # fmt: skip
    db.commit()
    return key


def test_a_passkey_is_kept_once_and_written_down_without_its_key(db, grace, now):
    keep(db, grace, now)
    with pytest.raises(Taken):
        keep(db, grace, now)
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "passkey.add"))
    assert entry.after["name"] == "Phone"
    assert not {"public_key", "credential_id"} & entry.after.keys()


def test_a_person_has_so_many_at_most(db, grace, now):
    for number in range(ways_in.MOST_PASSKEYS):
        keep(db, grace, now, str(number))
    with pytest.raises(Conflict):
        keep(db, grace, now, "one more")


@pytest.mark.parametrize(("kept", "told", "good"), [(3, 4, True), (3, 3, False), (3, 0, False)])
def test_a_counter_that_does_not_go_on_speaks_of_a_copy(db, grace, now, kept, told, good):
    key = keep(db, grace, now, count=kept)
    if good:
        ways_in.use_passkey(db, key, told, now=now)
        db.commit()
        assert (key.sign_count, key.last_used_at) == (told, now)
    else:
        with pytest.raises(Invalid):
            ways_in.use_passkey(db, key, told, now=now)


def test_a_device_that_does_not_count_is_taken(db, grace, now):
    key = keep(db, grace, now, count=0)
    ways_in.use_passkey(db, key, 0, now=now)
    ways_in.use_passkey(db, key, 0, now=now)


def test_nobody_comes_in_by_the_passkey_of_who_left(db, grace, now):
    keep(db, grace, now)
    db.get(User, grace.id).archived_at = now
    db.flush()
    with pytest.raises(Invalid):
        ways_in.by_credential(db, "abc")


def test_only_its_person_removes_a_passkey(db, grace, now):
    key = keep(db, grace, now)
    other = staff.create(
        db,
        SYSTEM,
        tenant_id=grace.tenant_id,
        email="x@example.org",
        name="X",
        role="admin",
        now=now,
    )
    with pytest.raises(NotFound):
        ways_in.remove_passkey(db, SYSTEM, other, key.id, now=now)


def test_the_account_lists_and_removes_them(client, db, grace, now):
    key = keep(db, grace, now)
    assert "Phone" in client.get("/account").text
    assert client.post(f"/account/passkeys/{key.id}/remove").status_code == 303
    db.rollback()
    assert db.scalars(select(Passkey)).all() == []


def test_a_passkey_is_asked_for_as_a_second_factor(app, db, grace, now):
    keep(db, grace, now)
    client = app.test_client()
    step = client.post("/sign-in", data={"email": grace.email, "password": PASSWORD})
    assert step.headers["Location"] == "/sign-in/code"
    page = client.get("/sign-in/code").text
    assert 'data-passkey="use"' in page
    assert 'name="code"' not in page


def test_options_are_for_whoever_came_in_just_now_or_knows_the_password(client, db, grace):
    asked = client.post("/account/passkeys/options")
    assert asked.json["authenticatorSelection"]["userVerification"] == "required"
    assert asked.json["rp"]["id"] == "localhost"
    row = db.scalar(select(SignIn))
    row.made_at = datetime.now(UTC).replace(year=2025)
    db.commit()
    assert client.post("/account/passkeys/options").status_code == 422
    assert client.post("/account/passkeys/options", data={"current": "x"}).status_code == 422
    assert client.post("/account/passkeys/options", data={"current": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], "text", {}, {"credential": None}, {"credential": {"id": 7}}),
        *({"credential": {"id": "abc"}}, {"credential": {"id": "unknown"}}),
        {"credential": {"id": "abc", "rawId": "abc", "type": "public-key", "response": {}}},
    ],
)
def test_nonsense_lets_nobody_in(app, db, grace, now, body):
    keep(db, grace, now)
    client = app.test_client()
    client.post("/sign-in/passkey/options")
    assert client.post("/sign-in/passkey", json=body).status_code in {400, 415, 422}
    assert client.get("/account").status_code == 303


class Device:
    """What makes and uses passkeys, by the words of WebAuthn (levels 6.1 and 7.2)."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        self.public_key = bytes_to_base64url(encode_cbor(cose))

    def answer(self, asked, *, flags, count, place="localhost"):
        """What a browser sends for what it is asked; `flags` say who was there."""
        told = {"type": "webauthn.get", "challenge": asked["challenge"]}
        client = json.dumps({**told, "origin": f"http://{place}"}).encode()
        seen = sha256(place.encode()).digest() + bytes([flags]) + count.to_bytes(4)
        signed = self.key.sign(seen + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": seen, "clientDataJSON": client, "signature": signed}
        response = {name: bytes_to_base64url(part) for name, part in parts.items()}
        number = bytes_to_base64url(b"a passkey")
        return {"id": number, "rawId": number, "type": "public-key", "response": response}


PRESENT, KNOWN = 1, 4


@pytest.mark.parametrize(
    ("given", "let_in"),
    [
        ({"flags": PRESENT | KNOWN, "count": 4}, True),
        ({"flags": PRESENT, "count": 4}, False),
        ({"flags": PRESENT | KNOWN, "count": 3}, False),
        ({"flags": PRESENT | KNOWN, "count": 4, "place": "localhost.example"}, False),
    ],
    ids=["known", "not known", "a copy", "elsewhere"],
)
def test_whom_a_passkey_knows_at_this_place_is_let_in(app, db, grace, now, given, let_in):
    device = Device()
    row = keep(db, grace, now, bytes_to_base64url(b"a passkey"))
    row.public_key = device.public_key
    db.commit()
    client = app.test_client()
    asked = client.post("/sign-in/passkey/options").json
    sent = client.post("/sign-in/passkey", json={"credential": device.answer(asked, **given)})
    assert (sent.status_code < 400) is let_in, sent.text
    assert client.get("/account").status_code == (200 if let_in else 303)


def test_making_one_takes_a_challenge_that_was_given(client):
    body = {"name": "Phone", "credential": {"id": "abc"}}
    refused = client.post("/account/passkeys", json=body)
    assert refused.status_code == 422
    assert "too long" in refused.json["sentence"]
