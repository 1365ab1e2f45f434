"""Codes of an app beside the password, recovery codes, and the rule who needs them."""

import base64
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from app.domain.ground.errors import Conflict, Invalid
from app.domain.ground.safe import Safe
from app.domain.ground.vocabulary import SYSTEM, Actor, SecondFactorRule
from app.domain.network import tenants
from app.domain.office import second_factor, sign_ins, staff
from app.models import AuditEntry, RecoveryCode, SignIn, User
from tests.support.desk import PASSWORD

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

SAFE = Safe("a key", second_factor.PURPOSE)


@pytest.fixture
def client(app):
    return app.test_client()


def code_now(secret, ahead=0):
    step = int(datetime.now(UTC).timestamp()) // second_factor.STEP_S + ahead
    return second_factor.code_of(base64.b32decode(secret), step)


def sign_in(client, **more):
    return client.post(
        "/sign-in", data={"email": "grace@example.org", "password": PASSWORD, **more}
    )


def enrol(client):
    """Set up an app as a person does; returns its secret and the recovery codes."""
    assert client.post("/account/second-factor/begin").status_code == 303
    page = client.get("/account/second-factor").text
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', page).group(1)
    done = client.post("/account/second-factor/confirm", data={"code": code_now(secret, -1)})
    assert done.status_code == 303
    shown = client.get(done.headers["Location"]).text
    return secret, re.findall(r"\b(?:\w{4}-){3}\w{4}\b", shown.split("data-copy")[0])


def entries(db):
    db.rollback()
    return set(db.scalars(select(AuditEntry.action)))


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_standard(at, code):
    secret = b"12345678901234567890"
    assert second_factor.code_of(secret, at // second_factor.STEP_S, digits=8) == code


def test_the_first_code_turns_it_on_and_recovery_codes_are_told_once(client, grace, db):
    sign_in(client)
    _, codes = enrol(client)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert client.get("/account/second-factor/recovery-codes").status_code == 200
    kept = db.scalars(select(RecoveryCode.code_hash)).all()
    assert not set(kept) & {code.replace("-", "") for code in codes}
    stored = db.scalar(select(User.totp_secret))
    assert re.fullmatch(r"gAAAA[\w=-]+", stored)
    assert "user.second_factor_on" in entries(db)


def test_a_wrong_first_code_turns_nothing_on(client, grace, db):
    sign_in(client)
    client.post("/account/second-factor/begin")
    assert client.post("/account/second-factor/confirm", data={"code": "000000"}).status_code == 422
    assert db.scalar(select(User.totp_since)) is None


def test_the_password_alone_lets_nobody_in_any_more(app, client, grace):
    sign_in(client)
    secret, _ = enrol(client)
    other = app.test_client()
    step = sign_in(other)
    assert step.headers["Location"] == "/sign-in/code"
    assert other.get("/").status_code == 303
    assert other.get("/sign-in/code").status_code == 200
    assert other.post("/sign-in/code", data={"code": "000000"}).status_code == 422
    assert other.post("/sign-in/code", data={"code": code_now(secret)}).status_code == 303
    assert other.get("/").status_code == 200


def test_a_code_counts_once_in_whatever_browser(app, client, grace):
    sign_in(client)
    secret, _ = enrol(client)
    code, first, second = code_now(secret), app.test_client(), app.test_client()
    sign_in(first)
    sign_in(second)
    assert first.post("/sign-in/code", data={"code": code}).status_code == 303
    assert second.post("/sign-in/code", data={"code": code}).status_code == 422


def test_a_recovery_code_counts_once_and_is_written_down(app, client, grace, db):
    sign_in(client)
    _, codes = enrol(client)
    for answer in (303, 422):
        other = app.test_client()
        sign_in(other)
        typed = codes[0].upper().replace("-", " ")
        assert other.post("/sign-in/code", data={"code": typed}).status_code == answer
    assert "user.recovery_code_used" in entries(db)


@pytest.mark.landing
def test_guessing_codes_is_throttled_for_everybody_who_knows_the_password(app, client, grace):
    sign_in(client)
    secret, _ = enrol(client)
    far = {"REMOTE_ADDR": "198.51.100.7"}
    other = app.test_client()
    other.post("/sign-in", data={"email": grace.email, "password": PASSWORD}, environ_overrides=far)
    for _ in range(8):
        answer = other.post("/sign-in/code", data={"code": "000000"}, environ_overrides=far)
        assert answer.status_code == 422
    third = app.test_client()
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    third.post(
        "/sign-in", data={"email": grace.email, "password": PASSWORD}, environ_overrides=elsewhere
    )
    right = {"code": code_now(secret)}
    refused = third.post("/sign-in/code", data=right, environ_overrides=elsewhere)
    assert refused.status_code == 429
    at_home = app.test_client()
    sign_in(at_home)
    assert at_home.post("/sign-in/code", data=right).status_code == 303


def test_half_way_in_ends_with_another_password(app, client, grace, db, now):
    sign_in(client)
    secret, _ = enrol(client)
    other = app.test_client()
    sign_in(other)
    staff.set_password(db, SYSTEM, db.get(User, grace.id), "another good password", now=now)
    db.commit()
    back = other.post("/sign-in/code", data={"code": code_now(secret)})
    assert back.headers["Location"] == "/sign-in"


def test_turning_it_off_takes_a_code(client, grace, db):
    sign_in(client)
    secret, _ = enrol(client)
    change = "/account/second-factor/change"
    assert client.post(change, data={"code": "000000", "what": "off"}).status_code == 422
    assert client.post(change, data={"code": code_now(secret), "what": "off"}).status_code == 303
    assert db.scalar(select(User.totp_since)) is None
    assert db.scalars(select(RecoveryCode)).all() == []


def test_new_recovery_codes_end_the_old_ones(client, grace, db):
    sign_in(client)
    _, codes = enrol(client)
    data = {"code": codes[0], "what": "codes"}
    assert client.post("/account/second-factor/change", data=data).status_code == 303
    again = client.post("/account/second-factor/change", data={**data, "code": codes[1]})
    assert again.status_code == 422


def test_whoever_needs_one_is_led_to_it_before_anything_else(app, client, grace, db, now):
    sign_in(client)
    tenant = tenants.first(db, now=now)
    tenants.edit(db, SYSTEM, tenant, second_factor=SecondFactorRule.ADMINS, now=now)
    db.commit()
    for page in ("/", "/stations", "/account", "/staff"):
        assert client.get(page).headers["Location"] == "/account/second-factor", page
    fragment = client.get("/", headers={"HX-Request": "true"})
    assert fragment.headers["HX-Redirect"] == "/account/second-factor"
    assert client.post("/organisation", data={"second_factor": "nobody"}).status_code == 303
    db.rollback()
    assert tenants.first(db, now=now).second_factor is SecondFactorRule.ADMINS
    enrol(client)
    assert client.get("/").status_code == 200


def test_the_rule_for_admins_leaves_others_alone(app, db, grace, now):
    tenant = tenants.first(db, now=now)
    staff.create(
        db, SYSTEM, tenant_id=tenant.id, email="vera@example.org", name="Vera", role="viewer",
        password=PASSWORD, now=now,
    )  # fmt: skip
    tenants.edit(db, SYSTEM, tenant, second_factor="admins", now=now)
    db.commit()
    client = app.test_client()
    client.post("/sign-in", data={"email": "vera@example.org", "password": PASSWORD})
    assert client.get("/").status_code == 200


def test_an_unknown_rule_is_refused(db, grace, now):
    with pytest.raises(Invalid):
        tenants.edit(db, SYSTEM, tenants.first(db, now=now), second_factor="some", now=now)


def test_an_admin_resets_it_and_every_sign_in_ends(app, client, grace, db, now):
    sign_in(client)
    enrol(client)
    admin = Actor("Ada", None, None)
    second_factor.reset(db, admin, db.get(User, grace.id), now=datetime.now(UTC))
    db.commit()
    assert client.get("/").status_code == 303
    assert sign_in(app.test_client()).headers["Location"] == "/"
    assert "user.second_factor_reset" in entries(db)
    with pytest.raises(Conflict):
        second_factor.reset(db, admin, db.get(User, grace.id), now=now)


def test_the_command_resets_it(app, client, grace, db):
    sign_in(client)
    enrol(client)
    done = app.test_cli_runner().invoke(args=["user", "reset-second-factor", "grace@example.org"])
    assert done.exit_code == 0, done.output
    db.rollback()
    assert db.scalar(select(User.totp_since)) is None


def test_signing_out_everywhere_else_leaves_this_browser(app, client, grace, db):
    sign_in(client)
    other = app.test_client()
    sign_in(other)
    assert client.post("/account/sign-ins/end-others").status_code == 303
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert "user.sign_out_everywhere" in entries(db)


def test_a_person_is_signed_out_everywhere_by_an_admin_and_by_command(app, client, grace, db):
    sign_in(client)
    assert client.post(f"/staff/{grace.id}/sign-ins/end").status_code == 303
    assert client.get("/account").status_code == 303
    sign_in(client)
    done = app.test_cli_runner().invoke(args=["user", "sign-out", "grace@example.org"])
    assert "1 sign-ins ended" in done.output
    assert client.get("/account").status_code == 303
    assert sign_ins.of_user(db, grace.id, now=datetime.now(UTC)) == []
    assert len(db.scalars(select(SignIn)).all()) == 2
