"""Staff, tokens, audit, attention, search and health by the API, with the desk's guards."""

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Verdict
from app.models import AuditEntry, Authorisation, Message, OutgoingMail, SignIn
from tests.api.client import Api

#: What is asked here must stand in the audit.
pytestmark = pytest.mark.usefixtures("audited")

GRACE = {"email": "New.Grace@example.org", "name": "Grace Hopper", "role": "operator"}


@pytest.fixture
def site(api):
    """The id of a site."""
    return api.get("/sites")["items"][0]["id"]


def last_action(db):
    return db.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc())).first()


def test_somebody_is_invited_changed_and_deactivated(admin_api, db, site):
    made = admin_api.post("/staff", {**GRACE, "site_ids": [site]})
    assert (made["role"], made["site_ids"]) == ("operator", [site])
    mail = db.scalars(select(OutgoingMail).where(OutgoingMail.recipient == made["email"])).one()
    assert made["link"] in mail.body
    one = f"/staff/{made['id']}"
    told = admin_api.patch(one, {"role": "viewer"})
    assert (told["role"], told["site_ids"], told["name"]) == ("viewer", [site], "Grace Hopper")
    assert [row["id"] for row in admin_api.every("/staff?email=new.grace@example.org")] == [
        made["id"]
    ]
    admin_api.post("/staff", GRACE, status=409)
    assert admin_api.post(f"{one}/archive", status=200)["archived_at"]
    admin_api.post(f"{one}/invite", status=409)
    assert made["id"] in [row["id"] for row in admin_api.every("/staff?archived=true")]
    assert admin_api.post(f"{one}/restore", status=200)["archived_at"] is None
    assert last_action(db) == "user.restore"


def test_nobody_deactivates_themselves(admin_api, made):
    told = admin_api.post(f"/staff/{made.people['admin'].id}/archive", status=409)
    assert "yourself" in told["detail"]


def test_sign_ins_are_seen_and_ended(admin_api, db, made):
    number = made.people["operator"].id
    listed = admin_api.every(f"/staff/{number}/sign-ins")
    assert listed and "token_hash" not in listed[0]
    assert admin_api.post(f"/staff/{number}/sign-ins/end", status=200) == {"count": len(listed)}
    assert admin_api.every(f"/staff/{number}/sign-ins") == []
    db.expire_all()
    assert all(row.ended_at for row in db.scalars(select(SignIn).filter_by(user_id=number)))
    assert last_action(db) == "user.sign_out_everywhere"


def test_a_token_is_made_used_and_revoked(app, admin_api, db, made):
    given = {"name": "Portal", "user_id": made.people["viewer"].id, "days": 30}
    told = admin_api.post("/tokens", given)
    assert told["role"] == "viewer" and told["expires_at"]
    theirs = Api(app, told["token"])
    assert theirs.get("/token")["role"] == "viewer"
    theirs.post("/tokens", {"name": "Mine"}, status=403)
    (listed,) = admin_api.every(f"/tokens?user_id={given['user_id']}&revoked=false")
    assert "token" not in listed and listed["hint"] == told["token"][:12]
    assert admin_api.post(f"/tokens/{told['id']}/revoke", status=200)["revoked_at"]
    theirs.get("/token", 401)
    assert last_action(db) == "token.revoke"


def test_a_program_of_some_sites_manages_no_staff(app, admin_api, made, site):
    limited = admin_api.post("/staff", {**GRACE, "role": "admin", "site_ids": [site]})
    secret = admin_api.post("/tokens", {"name": "near", "user_id": limited["id"]})["token"]
    near = Api(app, secret)
    for path in ("/staff", "/tokens", "/audit"):
        near.get(path, 403)
    near.post("/tokens", {"name": "all", "user_id": made.people["admin"].id}, status=403)


def test_the_audit_is_narrowed(admin_api):
    admin_api.post("/drivers", {"name": "Ada"})
    (entry,) = admin_api.get("/audit?action=driver.add&limit=1")["items"]
    assert entry["after"]["name"] == "Ada"
    same = f"subject_kind={entry['subject_kind']}&subject_id={entry['subject_id']}"
    assert [row["id"] for row in admin_api.every(f"/audit?{same}")] == [entry["id"]]


def test_what_needs_attention_is_told_and_put_away(api, db):
    found = api.get("/attention")["items"]
    seeable = [row for row in found if row["kind"] == "knock"]
    wish = {name: seeable[0][name] for name in ("kind", "subject")}
    api.post("/attention/seen", {**wish, "up_to": "2100-01-01T00:00:00Z"}, status=204)
    left = [(row["kind"], row["subject"]) for row in api.get("/attention")["items"]]
    assert (wish["kind"], wish["subject"]) not in left
    wrong = {"kind": "held", "subject": "1", "up_to": "2100-01-01T00:00:00Z"}
    api.post("/attention/seen", wrong, status=404)


def test_unknown_tags_are_listed_until_they_are_added(api, db, made, now):
    tap = {"token": "04FEED", "occasion": "authorize", "verdict": Verdict.INVALID, "at": now}
    station_id = made.sessions["running"].station_id
    why = {"reason": "unknown_tag", "sentence": "No such tag."}
    row = Authorisation(
        station_id=station_id, tenant_id=made.people["admin"].tenant_id, **tap, **why
    )
    db.add(row)
    db.commit()
    (told,) = api.get("/unknown-tags")["items"]
    assert (told["id_tag"], told["taps"], told["station_id"]) == ("04FEED", 1, station_id)
    api.post("/tags", {"value": "04 feed"})
    assert api.get("/unknown-tags")["items"] == []


def test_the_search_names_kind_and_number(api):
    station = api.get("/stations")["items"][0]
    found = api.get(f"/search?q={station['identity']}")["items"]
    assert {"kind": "stations", "id": station["id"], "label": station["identity"]} in found
    assert api.get("/search")["items"] == []


def test_messages_are_found_without_their_station(api, db):
    one = db.scalars(select(Message).where(Message.session_id.is_not(None))).first()
    told = api.every(f"/messages?session_id={one.session_id}")
    assert one.id in [row["id"] for row in told]
    assert api.get(f"/messages/{one.id}")["message_id"] == one.message_id
    ids = [row["id"] for row in api.every(f"/messages?message_id={one.message_id}")]
    assert one.id in ids


def test_the_installation_says_how_it_fares(api):
    told = api.get("/system")
    assert {"Worker", "Database", "Disk"} <= {part["name"] for part in told["parts"]}
    assert told["status"] in ("ok", "warn", "bad") and told["version"]
