"""Staff: who may sign in; adding, changing, deactivating; links and tokens; the search."""

import csv
import io
import re

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import Role
from app.domain.office import api_tokens
from app.models import ApiToken, AuditEntry, OutgoingMail, Tenant, User
from tests.support import seed


@pytest.fixture
def made(db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


FACTS = {"name": "Ada Byron", "email": "ada.byron@example.org", "role": "operator",
         "timezone": "", "language": "en"}  # fmt: skip


def person(db, email="ada.byron@example.org"):
    db.expire_all()
    return db.scalar(select(User).where(User.email_key == email))


def test_only_admins_come_here(app, made):
    for role in ("operator", "viewer"):
        client = seed.signed_in(app, made.people[role])
        for address in ("/staff", "/staff/new", "/staff/1", "/audit"):
            assert client.get(address).status_code == 403, (role, address)


def test_an_admin_of_some_sites_cannot_widen_their_reach(app, db, made):
    admin = made.people["admin"]
    admin.sites = [made.sites["Depot Nord"]]
    db.commit()
    assert seed.signed_in(app, admin).get("/staff").status_code == 403


def test_somebody_is_added_and_invited_by_mail(admin, db, made):
    depot = made.sites["Depot Nord"]
    answer = admin.post("/staff/new", data={**FACTS, "sites": [depot.id]})
    assert answer.status_code == 303
    shown = admin.get(answer.location).text
    assert "Added Ada Byron." in shown
    link = re.search(r"/reset/[\w-]+", shown).group(0)
    assert link in db.scalar(select(OutgoingMail)).body
    added = person(db)
    assert added.role is Role.OPERATOR
    assert [site.name for site in added.sites] == ["Depot Nord"]
    assert added.password_hash is None


@pytest.mark.parametrize("kind", ["staff", "staff/machines"])
def test_whoever_is_limited_to_an_archived_site_stays_so(admin, db, made, now, kind):
    depot, vera = made.sites["Depot Nord"], made.people["viewer"]
    vera.sites, depot.archived_at = [depot], now
    if kind == "staff/machines":
        vera.owner_id = made.people["admin"].id
    db.commit()
    shown = admin.get(f"/{kind}/{vera.id}/edit").text
    assert re.search(
        rf'name="sites"[^>]*value="{depot.id}"[^>]*checked|checked[^>]*value="{depot.id}"', shown
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", " ", "name-error"),
        ("email", "nobody", "email-error"),
        ("email", "VERA@example.org", "in use already"),
        ("role", "king", "role-error"),
        ("timezone", "Berlin", "timezone-error"),
        ("sites", "999", "sites-error"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(admin, db, field, value, said):
    answer = admin.post("/staff/new", data={**FACTS, field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert person(db) is None


def test_an_address_of_another_tenant_is_taken_too(admin, db, now):
    theirs = Tenant(name="Theirs", created_at=now)
    db.add(theirs)
    db.flush()
    db.add(User(tenant_id=theirs.id, email=FACTS["email"], email_key=FACTS["email"], name="T",
                role=Role.ADMIN, created_at=now))  # fmt: skip
    db.commit()
    answer = admin.post("/staff/new", data=FACTS)
    assert answer.status_code == 422
    assert "in use already" in answer.text


def test_another_role_signs_the_person_out_and_is_written_down(app, admin, db, made):
    vera = made.people["viewer"]
    theirs = seed.signed_in(app, vera)
    assert theirs.get("/").status_code == 200
    facts = {**FACTS, "name": vera.name, "email": vera.email}
    assert admin.post(f"/staff/{vera.id}/edit", data=facts).status_code == 303
    assert theirs.get("/").status_code == 303
    db.expire_all()
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "user.edit"))
    assert entry.before["role"] == "viewer"
    assert entry.after["role"] == "operator"
    assert "password_hash" not in entry.after


def test_the_last_admin_stays_one(admin, made):
    grace = made.people["admin"]
    facts = {**FACTS, "name": grace.name, "email": grace.email, "role": "viewer"}
    answer = admin.post(f"/staff/{grace.id}/edit", data=facts)
    assert answer.status_code == 422
    assert "last admin" in answer.text
    admin.post(f"/staff/{grace.id}/archive")
    assert admin.get("/staff").status_code == 200


def test_a_deactivated_person_is_out_at_once_and_leaves_the_list(app, admin, db, made):
    vera = made.people["viewer"]
    theirs = seed.signed_in(app, vera)
    assert admin.post(f"/staff/{vera.id}/archive").status_code == 303
    assert theirs.get("/").status_code == 303
    admin.get("/staff")  # shows the message that names her
    assert "Vera Voss" not in admin.get("/staff").text
    assert "Vera Voss" in admin.get("/staff?state=archived").text
    assert admin.post(f"/staff/{vera.id}/restore").status_code == 303
    assert "Vera Voss" in admin.get("/staff").text


def test_a_token_is_shown_for_a_while_and_revoked(admin, db, made, now):
    vera = made.people["viewer"]
    answer = admin.post(f"/staff/{vera.id}/tokens", data={"name": "Export", "days": "30"})
    assert answer.status_code == 303
    shown = admin.get(answer.location).text
    secret = re.search(r"ampd_[\w-]+", shown).group(0)
    assert secret in admin.get(answer.location).text
    assert api_tokens.find(db, secret, now=now).user_id == vera.id
    page = admin.get(f"/staff/{vera.id}").text
    assert "Export" in page
    assert secret not in page
    everybodys = admin.get("/staff/tokens").text
    assert "Export" in everybodys
    assert "Vera Voss" in everybodys
    db.rollback()
    token = db.scalar(select(ApiToken))
    admin.post(f"/staff/tokens/{token.id}/revoke")
    assert admin.get(answer.location).status_code == 303
    db.expire_all()
    assert api_tokens.find(db, secret, now=now) is None


def test_the_list_filters_sorts_and_exports(admin, db, made, now):
    db.add(User(tenant_id=made.people["admin"].tenant_id, email="=x@example.org",
                email_key="=x@example.org", name="=HYPERLINK(1)", role=Role.VIEWER,
                created_at=now))  # fmt: skip
    db.commit()
    assert "Otto" not in admin.get("/staff?role=viewer").text
    assert "Otto" in admin.get("/staff?q=OTTO").text
    page = admin.get("/staff?sort=-name").text
    assert page.index("Vera Voss") < page.index("Otto Olsen")
    rows = list(csv.DictReader(io.StringIO(admin.get("/staff?format=csv").text.lstrip("\ufeff"))))
    assert len(rows) == 4
    assert {row["name"] for row in rows} >= {"'=HYPERLINK(1)", "Vera Voss"}


def test_people_of_another_tenant_do_not_exist(admin, db, now):
    theirs = Tenant(name="Theirs", created_at=now)
    db.add(theirs)
    db.flush()
    other = User(tenant_id=theirs.id, email="t@example.org", email_key="t@example.org",
                 name="Their Admin", role=Role.ADMIN, created_at=now)  # fmt: skip
    db.add(other)
    db.commit()
    number = other.id
    db.expunge_all()
    for address in (f"/staff/{number}", f"/staff/{number}/edit"):
        assert admin.get(address).status_code == 404
    for what in ("archive", "reset-link", "tokens"):
        answer = admin.post(f"/staff/{number}/{what}", data={"name": "x"})
        assert answer.status_code == 404
    assert "Their Admin" not in admin.get("/staff?state=all").text


def test_the_search_finds_and_opens_what_was_named(admin, made):
    assert "CP-01" in admin.get("/search?q=cp-0").text
    assert "Ada Lovelace" in admin.get("/search?q=lovelace").text
    assert "Nothing found" in admin.get("/search?q=%25%25").text
    assert "What are you looking for?" in admin.get("/search").text
    answer = admin.get("/search", query_string={"q": made.tags["Ada"].value.lower()})
    assert answer.status_code in (200, 303)


def test_the_search_stays_within_the_tenant(admin, db, now, made):
    theirs = Tenant(name="Theirs", created_at=now)
    db.add(theirs)
    db.flush()
    made.people["admin"].tenant_id = theirs.id
    db.commit()
    for word in ("cp-0", "ada", "depot"):
        assert "Nothing found" in admin.get("/search", query_string={"q": word}).text


def test_an_invitation_says_how_long_it_works_and_is_withdrawn(admin, app, db):
    shown = admin.get(admin.post("/staff/new", data=FACTS).location).text
    link = re.search(r"/reset/[\w-]+", shown).group(0)
    number = person(db).id
    page = admin.get(f"/staff/{number}").text
    assert "is invited; the link works until" in page
    assert "Invite again" in page
    assert app.test_client().get(link).status_code == 200
    assert admin.post(f"/staff/{number}/withdraw").status_code == 303
    assert app.test_client().get(link).status_code == 410
    assert person(db).archived_at is not None
    assert "user.withdraw" in set(db.scalars(select(AuditEntry.action)))


def test_whoever_came_in_is_not_only_invited_any_more(admin, app, db):
    shown = admin.get(admin.post("/staff/new", data=FACTS).location).text
    link = re.search(r"/reset/[\w-]+", shown).group(0)
    app.test_client().post(link, data={"password": "correct horse battery"})
    number = person(db).id
    admin.post(f"/staff/{number}/withdraw")
    assert person(db).archived_at is None
    done = app.test_cli_runner().invoke(args=["user", "withdraw", FACTS["email"]])
    assert done.exit_code == 1
