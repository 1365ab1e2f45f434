"""Every change is written down with what it was before, whoever makes it and however."""

import pytest
from sqlalchemy import select

from app.domain.access import drivers, tags
from app.domain.ground.vocabulary import SYSTEM, Area, Right
from app.domain.network import sites, stations
from app.domain.office import api_tokens, rights, staff
from app.models import AuditEntry
from tests.support import seed


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


def last(db):
    db.flush()
    return db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()


def a_role(db, made, now):
    tenant_id = made.people["admin"].tenant_id
    held = {Area.MONEY: Right.READ}
    return rights.add_role(db, SYSTEM, tenant_id, name="Clerk", rights=held, now=now)


#: What is done, and what an entry says of it: column -> (before, after).
CHANGES = {
    "a site gets another name": (
        lambda db, made, now: sites.edit(
            db, SYSTEM, made.sites["Depot Nord"], name="Depot Süd", now=now
        ),
        {"name": ("Depot Nord", "Depot Süd"), "name_key": ("depot nord", "depot süd")},
    ),
    "a station is archived": (
        lambda db, made, now: stations.archive(db, SYSTEM, a_station(made), now=now),
        {"archived_at": (None, ...)},
    ),
    "a driver gets an address": (
        lambda db, made, now: drivers.edit(
            db, SYSTEM, made.drivers["Ada"], email="new@example.org", now=now
        ),
        {"email": (..., "new@example.org")},
    ),
    "a tag is blocked": (
        lambda db, made, now: tags.block(db, SYSTEM, made.tags["Ada"], now=now),
        {"status": ("active", "blocked")},
    ),
    "somebody gets a new password": (
        lambda db, made, now: staff.set_password(
            db, SYSTEM, made.people["viewer"], "correct horse battery", now=now
        ),
        {"password_hash": ("•••", "•••")},
    ),
    "somebody is limited to a site": (
        lambda db, made, now: staff.edit(
            *(db, SYSTEM, made.people["viewer"]),
            site_ids=[made.sites["Depot Nord"].id],
            now=now,
        ),
        {"sites": ([], ["Depot Nord"])},
    ),
    "somebody gets another role": (
        lambda db, made, now: staff.edit(
            db, SYSTEM, made.people["viewer"], role="operator", now=now
        ),
        {"role": ("viewer", "operator")},
    ),
    "a role allows more": (
        lambda db, made, now: rights.edit_role(
            db, SYSTEM, a_role(db, made, now), rights={Area.MONEY: Right.WRITE}, now=now
        ),
        {"rights": ({"money": "read"}, {"money": "write"})},
    ),
    "a role is deleted": (
        lambda db, made, now: rights.remove_role(db, SYSTEM, a_role(db, made, now), now=now),
        {"name": ("Clerk", None), "rights": ({"money": "read"}, None)},
    ),
}


def a_station(made):
    return next(iter(made.stations.values()))


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_told_with_what_it_was(db, made, now, what):
    do, told = CHANGES[what]
    do(db, made, now)
    entry = last(db)
    assert entry.before is not None
    assert entry.before.keys() == entry.after.keys()
    for column, (before, after) in told.items():
        assert before is ... or entry.before[column] == before, column
        assert after is ... or entry.after[column] == after, column


def test_of_a_new_password_is_told_that_there_is_one(db, made, now):
    stations.new_password(db, SYSTEM, a_station(made), now=now)
    entry = last(db)
    assert entry.action == "station.password"
    assert entry.after
    assert {*entry.after.values(), *entry.before.values()} <= {"•••", None}


def test_what_is_new_has_no_before(db, made, now):
    a_role(db, made, now)
    entry = last(db)
    assert entry.before is None
    assert entry.after["name"] == "Clerk"


def test_an_entry_says_through_which_token(app, db, made, now):
    token, secret = api_tokens.issue(db, SYSTEM, made.people["operator"], name="t", now=now)
    db.commit()
    tag = made.tags["Ada"]
    headers = {"Authorization": f"Bearer {secret}"}
    answer = app.test_client().patch(
        f"/api/v1/tags/{tag.id}", json={"label": "Another"}, headers=headers
    )
    assert answer.status_code == 200, answer.json
    db.expire_all()
    entry = last(db)
    assert (entry.token_id, entry.user_id) == (token.id, made.people["operator"].id)
    assert entry.after["label"] == "Another"


def test_no_secret_is_ever_told(db, made, now):
    staff.set_password(db, SYSTEM, made.people["viewer"], "correct horse battery", now=now)
    api_tokens.issue(db, SYSTEM, made.people["viewer"], name="t", now=now)
    db.flush()
    told = str([(entry.before, entry.after) for entry in db.scalars(select(AuditEntry))])
    assert "scrypt" not in told
    assert "token_hash" not in told
