"""Roles, machines and tokens on the desk and by the command line."""

import json
import re

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Area, Right
from app.domain.office import rights, sign_ins
from app.models import ApiToken, OwnRole, SignIn, User
from tests.support import seed

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


def the(db, model):
    db.expire_all()
    return db.scalars(select(model)).one()


def test_a_role_is_made_changed_and_deleted(admin, db, made):
    data = {"name": "Accounting", "may_money": "write", "may_tariffs": "read"}
    assert admin.post("/staff/roles/new", data=data).status_code == 303
    role = the(db, OwnRole)
    assert role.rights == {"money": "write", "tariffs": "read"}
    page = admin.get("/staff/roles").text
    assert f'href="/staff/roles/{role.id}/edit"' in page
    form = admin.get(f"/staff/roles/{role.id}/edit").text
    assert re.search(r'checked[^>]*name="may_money"[^>]*value="write"', form)
    changed = {"name": "Accounts", "may_money": "read"}
    assert admin.post(f"/staff/roles/{role.id}/edit", data=changed).status_code == 303
    assert the(db, OwnRole).rights == {"money": "read"}
    assert admin.post(f"/staff/roles/{role.id}/remove").status_code == 303
    assert db.scalars(select(OwnRole)).all() == []


def test_a_role_without_a_right_is_refused(admin, db, made):
    answer = admin.post("/staff/roles/new", data={"name": "Nobody"})
    assert answer.status_code == 422
    assert "at least one right" in answer.text


def test_somebody_gets_a_role_of_ones_own(admin, app, db, made):
    held = {Area.MONEY: Right.READ}
    tenant_id = made.people["admin"].tenant_id
    rights.add_role(db, SYSTEM, tenant_id, name="Accounting", rights=held, now=seed.lately())
    db.commit()
    vera = made.people["viewer"]
    facts = {"name": vera.name, "email": vera.email, "role": "Accounting", "language": "en"}
    assert admin.post(f"/staff/{vera.id}/edit", data=facts).status_code == 303
    assert "Accounting" in admin.get("/staff?role=accounting").text
    vera = db.get(User, vera.id)
    for sign_in in db.scalars(select(SignIn).where(SignIn.user_id == vera.id)):
        sign_in.ended_at = None  # another role signs out; here they have signed in again
    db.commit()
    hers = seed.signed_in(app, vera)
    assert hers.get("/").location == "/bills"
    assert hers.get("/bills").status_code == 200
    assert hers.get("/sessions").status_code == 403
    assert hers.get("/bills?format=csv").status_code == 200
    assert hers.get("/sessions?format=csv").status_code == 403


def test_a_viewer_of_staff_is_offered_nothing_to_change(app, db, made):
    tenant_id, now = made.people["admin"].tenant_id, seed.lately()
    rights.add_role(db, SYSTEM, tenant_id, name="Auditor", rights={Area.STAFF: Right.READ}, now=now)
    vera = made.people["viewer"]
    vera.role, vera.own_role = rights.named(db, tenant_id, "Auditor")
    db.commit()
    hers = seed.signed_in(app, vera)
    page = hers.get(f"/staff/{made.people['admin'].id}").text
    assert "/edit" not in page
    assert "Create a token" not in page
    assert "/staff/new" not in hers.get("/staff").text
    assert hers.get("/staff/new").status_code == 403


def test_a_machine_is_added_and_given_a_narrow_token(admin, db, made):
    data = {"name": "Ledger", "owner": made.people["operator"].id, "role": "viewer"}
    answer = admin.post("/staff/machines/new", data=data)
    assert answer.status_code == 303
    page = admin.get(answer.location).text
    assert "is responsible for it" in page
    assert "New password link" not in page
    machine = db.scalar(select(User).where(User.name == "Ledger"))
    token = {"name": "nightly", "days": "30", "may_money": "read"}
    assert admin.post(f"/staff/{machine.id}/tokens", data=token).status_code == 303
    kept = db.scalar(select(ApiToken).where(ApiToken.user_id == machine.id))
    assert kept.rights == {"money": "read"}
    assert "Bills: see" in admin.get(f"/staff/{machine.id}").text
    edit = f"/staff/machines/{machine.id}/edit"
    assert admin.get(f"/staff/{machine.id}/edit").location == edit
    assert sign_ins.someone_to_reset(db, machine.email_key) is None


def test_roles_machines_and_tokens_by_command(flask, db, made):
    made_role = flask("role", "add", "Accounting", "--right", "money:read")
    assert made_role.exit_code == 0, made_role.output
    assert flask("role", "edit", "accounting", "--right", "money:write").exit_code == 0
    listed = json.loads(flask("role", "list", "--json").stdout)
    assert listed[-1] == {"name": "Accounting", "built_in": False, "rights": ["money:write"]}
    owner = made.people["admin"].email
    added = flask("user", "add-machine", "Ledger", "--owner", owner, "--role", "Accounting")
    assert added.exit_code == 0, added.output
    token = flask("token", "add", "ledger", "--name", "nightly", "--right", "money:read")
    assert token.stdout.startswith("ampd_")
    assert json.loads(flask("token", "list", "--json").stdout)[0]["rights"] == ["money:read"]
    assert "has this role" in flask("role", "remove", "Accounting").stderr
    assert "AREA:read" in flask("role", "add", "X", "--right", "money").stderr
