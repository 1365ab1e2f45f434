"""flask user and flask token: the same operations as the desk's staff pages."""

import json

import pytest
from sqlalchemy import select

from app.domain.office import api_tokens, sign_ins, staff
from app.models import AuditEntry, User


@pytest.fixture
def grace(flask):
    made = flask("user", "create-admin", "grace@example.org", "--password", "correct horse battery")
    assert made.exit_code == 0, made.output
    return "grace@example.org"


def test_a_first_admin_can_sign_in(flask, grace, db):
    assert (
        sign_ins.person_with_password(db, "Grace@Example.org ", "correct horse battery").role
        == "admin"
    )


def test_a_made_password_is_printed_once_and_works(flask, db):
    made = flask("user", "create-admin", "ops@example.org", "--name", "Ops")
    password = made.stdout.split("Password")[1].strip()
    assert sign_ins.person_with_password(db, "ops@example.org", password).name == "Ops"
    assert password not in str([entry.after for entry in db.scalars(select(AuditEntry))])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create-admin", "x@example.org", "--password", "short"), "at least 12 characters"),
        (("create-admin", "x@example.org", "--password", "aaaaaaaaaaaaaa"), "easy to guess"),
        (("create-admin", "nobody", "--password", "correct horse battery"), "not an e-mail"),
        (("add", "GRACE@example.org", "--name", "Twin"), "in use already"),
        (("add", "x@example.org", "--name", "X", "--timezone", "Berlin"), "no time zone"),
        (("add", "x@example.org", "--name", "X", "--site", "Nowhere"), "Nowhere"),
        (("show", "x@example.org"), "Nobody on the staff"),
        (("archive", "grace@example.org"), "last admin"),
        (("edit", "grace@example.org", "--role", "viewer"), "last admin"),
    ],
)
def test_what_is_refused_is_said_in_one_sentence(flask, grace, arguments, said):
    refused = flask("user", *arguments)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_somebody_is_added_limited_to_a_site_edited_and_listed(flask, grace):
    flask("site", "add", "Depot", "--timezone", "Europe/Berlin", "--currency", "EUR")
    added = flask("user", "add", "otto@example.org", "--name", "Otto", "--role", "operator",
                  "--site", "Depot")  # fmt: skip
    assert added.exit_code == 0, added.output
    assert "/reset/" in added.stdout
    assert flask("user", "edit", "otto@example.org", "--name", "Otto Olsen").exit_code == 0
    rows = {row["email"]: row for row in json.loads(flask("user", "list", "--json").stdout)}
    assert rows["otto@example.org"]["name"] == "Otto Olsen"
    assert rows["otto@example.org"]["role"] == "operator"
    assert rows["otto@example.org"]["sites"] == ["Depot"]
    assert rows["otto@example.org"]["has_password"] is False
    flask("user", "edit", "otto@example.org", "--all-sites")
    assert json.loads(flask("user", "show", "otto@example.org", "--json").stdout)["sites"] == []


def test_a_deactivated_person_cannot_sign_in_until_let_back_in(flask, grace, db):
    flask("user", "create-admin", "ada@example.org", "--password", "nine blue kilowatts")
    assert flask("user", "archive", "ada@example.org").exit_code == 0
    with pytest.raises(sign_ins.Invalid):
        sign_ins.person_with_password(db, "ada@example.org", "nine blue kilowatts")
    assert flask("user", "archive", "ada@example.org", "--undo").exit_code == 0
    db.expire_all()
    assert sign_ins.person_with_password(db, "ada@example.org", "nine blue kilowatts")


def test_a_password_is_reset_and_signs_out_everywhere(flask, grace, db, now):
    _, secret = sign_ins.begin(db, staff.by_email(db, grace), now=now)
    db.commit()
    done = flask("user", "reset-password", grace, "--password", "another good password")
    assert done.exit_code == 0, done.output
    db.expire_all()
    assert sign_ins.person_with_password(db, grace, "another good password")
    assert sign_ins.find(db, secret, now=now) is None


def test_a_token_is_shown_once_works_and_is_revoked(flask, grace, db, now):
    made = flask("token", "add", grace, "--name", "Accounting")
    secret = made.stdout.strip()
    found = api_tokens.find(db, secret, now=now)
    assert found is not None
    assert db.get(User, found.user_id).email == grace
    listed = flask("token", "list").stdout
    assert "Accounting" in listed
    assert secret not in listed
    number = found.token_id
    db.rollback()
    assert flask("token", "revoke", number).exit_code == 0
    db.expire_all()
    assert api_tokens.find(db, secret, now=now) is None


def test_a_token_ends_with_its_days_and_with_its_person(flask, grace, db, now):
    flask("user", "create-admin", "ada@example.org", "--password", "nine blue kilowatts")
    secret = json.loads(
        flask("token", "add", "ada@example.org", "--name", "T", "--days", "1", "--json").stdout
    )["token"]
    token = db.scalar(select(api_tokens.ApiToken))
    assert api_tokens.find(db, secret, now=token.expires_at) is None
    db.rollback()
    assert flask("token", "add", "ada@example.org", "--name", "T", "--days", "0").exit_code == 1
    flask("user", "archive", "ada@example.org")
    db.expire_all()
    assert api_tokens.find(db, secret, now=now) is None
    assert db.scalar(select(User).where(User.email_key == "ada@example.org")).archived_at
