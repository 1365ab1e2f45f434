"""What people choose for themselves, and where it shows."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.models import ApiToken, AuditEntry, User
from app.text import numbers
from tests.support import seed

CHOSEN = {
    "name": "Ada Byron", "language": "en", "timezone": "Asia/Tokyo", "formats": "iso",
    "theme": "dark",
}  # fmt: skip


@pytest.fixture
def made(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    return made


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_everybody_edits_their_own_profile(desk, made, db, role):
    assert desk[role].post("/account/profile", data=CHOSEN).status_code == 303
    db.rollback()
    user = db.get(User, made.people[role].id)
    assert {name: getattr(user, name) for name in CHOSEN} == CHOSEN
    assert user.role == role
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "user.edit"))
    assert (entry.user_id, entry.after["timezone"]) == (user.id, "Asia/Tokyo")


def test_nobody_gives_themselves_another_role(desk, made, db):
    desk["viewer"].post(
        "/account/profile", data={**CHOSEN, "role": "admin", "email": "x@y.example"}
    )
    db.rollback()
    user = db.get(User, made.people["viewer"].id)
    assert user.role == "viewer"
    assert user.email != "x@y.example"


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("timezone", "Moon"), ("language", "tlh"), ("formats", "x"), ("theme", "x")],
)
def test_what_cannot_be_is_said_beside_the_field(desk, field, value):
    answer = desk["viewer"].post("/account/profile", data={**CHOSEN, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text


def test_pages_are_as_their_reader_wants_them(desk):
    desk["viewer"].post("/account/profile", data=CHOSEN)
    page = desk["viewer"].get("/account").text
    assert 'data-theme="dark" data-bs-theme="dark"' in page
    assert 'data-zone="Asia/Tokyo"' in page
    other = desk["operator"].get("/account").text
    assert "data-bs-theme=" not in other
    desk["viewer"].post("/account/profile", data={**CHOSEN, "language": "de"})
    assert '<html lang="de"' in desk["viewer"].get("/account").text


def test_the_menu_is_that_of_whoever_reads_it(desk, made, db):
    def menu(role):
        return desk[role].get("/account").text.split("<nav")[1].split("</nav>")[0]

    assert ["Staff" in menu(role) for role in ("admin", "viewer")] == [True, False]
    assert "Drivers" in menu("viewer")
    db.get(User, made.people["viewer"].id).language = "de"
    db.get(User, made.people["admin"].id).sites = [made.sites["Depot Nord"]]
    db.commit()
    assert "Fahrer" in menu("viewer")
    # What concerns all sites is not for whoever has some.
    assert "Staff" not in menu("admin")


def test_the_switch_of_every_page_is_kept(desk, made, db):
    assert desk["viewer"].post("/account/theme", data={"theme": "light"}).status_code == 204
    db.rollback()
    assert db.get(User, made.people["viewer"].id).theme == "light"
    assert desk["viewer"].post("/account/theme", data={"theme": "mauve"}).status_code != 204
    db.rollback()
    assert db.get(User, made.people["viewer"].id).theme == "light"


def test_iso_goes_before_the_language(app):
    moment = datetime(2026, 3, 2, 21, 5, tzinfo=UTC)
    kept = numbers.iso_formats.set(True)
    try:
        with app.test_request_context(headers={"Accept-Language": "de"}):
            assert numbers.local(moment, "minute", "Europe/Berlin") == "2026-03-02 22:05"
            assert numbers.local(moment, "short", "Europe/Berlin") == "03-02 22:05"
            assert numbers.number(Decimal("1234.5"), 1) == "1\u00a0234.5"
    finally:
        numbers.iso_formats.reset(kept)


def test_people_see_and_revoke_their_own_tokens_and_no_others(desk, made, db, now):
    mine, _ = api_tokens.issue(db, SYSTEM, made.people["viewer"], name="Mine", now=now)
    other, _ = api_tokens.issue(db, SYSTEM, made.people["admin"], name="Others", now=now)
    db.commit()
    page = desk["viewer"].get("/account").text
    assert "Mine" in page
    assert "Others" not in page
    assert desk["viewer"].post(f"/account/tokens/{other.id}/revoke").status_code == 404
    assert desk["viewer"].post(f"/account/tokens/{mine.id}/revoke").status_code == 303
    db.rollback()
    assert db.get(ApiToken, mine.id).revoked_at is not None
    assert db.get(ApiToken, other.id).revoked_at is None
