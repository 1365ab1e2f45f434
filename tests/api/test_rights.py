"""Roles of one's own, machines and narrowed tokens by the API: nobody gives what they lack."""

from datetime import timedelta

import pytest

from app.domain.ground.vocabulary import SYSTEM, Area, Right
from app.domain.office import api_tokens, rights, staff
from app.models import AuditEntry, User
from tests.api.client import Api


@pytest.fixture
def clerk(db, made, now):
    """Somebody who may change staff, and see bills."""
    held = {Area.STAFF: Right.WRITE, Area.MONEY: Right.READ}
    tenant_id = made.people["admin"].tenant_id
    rights.add_role(db, SYSTEM, tenant_id, name="Clerk", rights=held, now=now)
    user = staff.create(
        *(db, SYSTEM),
        tenant_id=tenant_id,
        email="clerk@example.org",
        name="Clerk",
        role="Clerk",
        now=now,
    )
    db.commit()
    return user


def api_of(app, db, user, now, **given):
    _, secret = api_tokens.issue(db, SYSTEM, user, name="test", now=now, **given)
    db.commit()
    return Api(app, secret)


@pytest.fixture
def clerk_api(app, db, clerk, now):
    return api_of(app, db, clerk, now)


def test_a_role_is_made_given_changed_and_deleted(admin_api, db):
    made = admin_api.post("/roles", {"name": "Accounting", "rights": {"money": "read"}})
    one = f"/roles/{made['id']}"
    assert admin_api.get(one) == made
    names = [role["name"] for role in admin_api.get("/roles")["items"]]
    assert names == ["admin", "operator", "viewer", "Accounting"]
    person = {"email": "ann@example.org", "name": "Ann", "role": "accounting"}
    ann = admin_api.post("/staff", person)
    assert ann["role"] == "Accounting"
    assert "Ann has this role" in admin_api.delete(one, status=409)["detail"]
    told = admin_api.patch(one, {"rights": {"money": "write", "tariffs": "read"}})
    assert told["rights"] == {"money": "write", "tariffs": "read"}
    db.expire_all()
    entry = db.query(AuditEntry).filter_by(action="role.edit").one()
    assert entry.before == {"rights": {"money": "read"}}
    assert entry.after == {"rights": {"money": "write", "tariffs": "read"}}
    admin_api.patch(f"/staff/{ann['id']}", {"role": "viewer"})
    assert admin_api.delete(one, status=204) is None


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"name": "Admin", "rights": {"money": "read"}}, 409),
        ({"name": "X", "rights": {}}, 422),
        ({"name": "X", "rights": {"money": "none"}}, 422),
        ({"name": "X", "rights": {"everything": "read"}}, 422),
        ({"name": " ", "rights": {"money": "read"}}, 422),
    ],
)
def test_a_role_that_cannot_be_is_refused(admin_api, given, status):
    admin_api.post("/roles", given, status=status)


def test_nobody_gives_a_right_that_they_lack(clerk_api, made):
    """Neither by a role, nor to a person, nor to a token, nor by the password of somebody else."""
    admin_id, viewer_id = made.people["admin"].id, made.people["viewer"].id
    person = {"email": "eve@example.org", "name": "Eve"}
    refused = [
        ("/roles", {"name": "More", "rights": {"money": "write"}}),
        ("/staff", {**person, "role": "admin"}),
        ("/staff", {**person, "role": "viewer"}),
        ("/machines", {"name": "Eve", "role": "operator"}),
        ("/tokens", {"name": "Eve", "user_id": admin_id}),
        ("/tokens", {"name": "Eve", "user_id": admin_id, "rights": {"tariffs": "write"}}),
        (f"/staff/{admin_id}/invite", None),
        (f"/staff/{viewer_id}/archive", None),
    ]
    for path, body in refused:
        assert clerk_api.post(path, body, status=403)["code"] == "forbidden", path
    clerk_api.patch(f"/staff/{viewer_id}", {"name": "Mine"}, status=403)
    assert clerk_api.post("/staff", {**person, "role": "Clerk"})["role"] == "Clerk"


def test_a_narrow_token_makes_no_wide_one(app, db, made, now):
    narrow = {Area.STAFF: Right.WRITE, Area.MONEY: Right.READ}
    api = api_of(app, db, made.people["admin"], now, scope=narrow)
    api.post("/tokens", {"name": "wide"}, status=403)
    told = api.post("/tokens", {"name": "narrow", "rights": {"money": "write"}}, status=403)
    assert "rights that you have" in told["detail"]
    assert api.post("/tokens", {"name": "narrow", "rights": {"money": "read"}})["token"]


def test_a_token_does_what_it_is_for_and_nothing_else(app, db, made, now):
    narrow = {Area.MONEY: Right.READ, Area.TARIFFS: Right.WRITE}
    api = api_of(app, db, made.people["operator"], now, scope=narrow)
    assert api.get("/bills")["items"]
    told = api.get("/stations", status=403)
    assert told["detail"] == "This needs the right network: read, which the token does not have."
    assert told["right"] == "network:read"
    # An operator may not change tariffs, so neither may a token of theirs.
    assert "tariffs: write" in api.post("/tariffs", {}, status=403)["detail"]
    assert api.get("/tariffs")


def test_what_a_person_loses_their_token_loses_at_once(app, db, clerk, now):
    api = api_of(app, db, clerk, now, scope={Area.MONEY: Right.READ})
    api.get("/bills")
    rights.edit_role(db, SYSTEM, clerk.own_role, rights={Area.STAFF: Right.READ}, now=now)
    db.commit()
    api.get("/bills", status=403)


def test_a_token_of_some_sites_sees_only_them(app, db, made, now):
    depot = made.sites["Depot Nord"]
    api = api_of(app, db, made.people["admin"], now, site_ids=[depot.id])
    assert {row["site_id"] for row in api.every("/stations")} == {depot.id}
    api.get("/staff", status=403)


def test_a_token_of_a_site_that_its_person_lost_sees_nothing(app, db, made, now):
    depot, other = made.sites["Depot Nord"], made.sites["City Garage"]
    viewer = made.people["viewer"]
    api = api_of(app, db, viewer, now, site_ids=[depot.id])
    viewer.sites = [other]
    db.commit()
    assert api.every("/stations") == []
    assert api.every("/sites") == []


def test_a_machine_has_tokens_and_no_way_to_sign_in(admin_api, app, db, made, now):
    told = admin_api.post("/machines", {"name": "Ledger", "role": "viewer"})
    assert told["owner_id"] == made.people["admin"].id
    given = {"name": "nightly", "user_id": told["id"], "rights": {"money": "read"}}
    token = admin_api.post("/tokens", given)
    api = Api(app, token["token"])
    assert api.get("/token")["user_name"] == "Ledger"
    assert api.get("/bills")["items"]
    admin_api.post(f"/staff/{told['id']}/invite", status=409)
    admin_api.post("/machines", {"name": "LEDGER", "role": "viewer"}, status=409)
    operator = made.people["operator"].id
    assert (
        admin_api.patch(f"/machines/{told['id']}", {"owner_id": operator})["owner_id"] == operator
    )
    admin_api.patch(f"/machines/{operator}", {"name": "X"}, status=404)
    db.expire_all()
    machine = db.get(User, told["id"])
    assert (machine.password_hash, machine.email) == (None, "")


def test_a_machine_is_no_admin_that_is_left(admin_api, made):
    admin_api.post("/machines", {"name": "Robot", "role": "admin"})
    told = admin_api.patch(f"/staff/{made.people['admin'].id}", {"role": "viewer"}, status=409)
    assert "last admin" in told["detail"]


def test_a_token_ends_on_its_day(app, db, made, now):
    api = api_of(app, db, made.people["viewer"], now - timedelta(days=2), days=1)
    api.get("/bills", status=401)
