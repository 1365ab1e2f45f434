"""What all endpoints share: tokens, refusals, parameters, cursors, rates, keys."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.config import Settings
from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import api_tokens
from app.models import ApiToken, IdempotencyKey, Tag
from app.tasks.tidying import forget_rows
from tests.api.client import PROBLEM, Api
from tests.conftest import make_app

PACKED = {"Content-Encoding": "gzip"}
KEY = {"headers": {"Idempotency-Key": "one"}}


# ---- tokens ----


def test_a_token_says_whom_it_acts_as(api, made):
    told = api.get("/token")
    assert told["role"] == "operator"
    assert told["user_name"] == made.people["operator"].name
    assert told["site_ids"] == []
    assert "token_hash" not in told


def test_a_revoked_token_is_refused_at_once(api, db, now):
    api.get("/token")
    token = db.scalar(select(ApiToken))
    api_tokens.revoke(db, SYSTEM, token, now=now)
    db.commit()
    api.get("/token", 401)
    assert api.answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_token_is_named_in_the_audit(api, db):
    api.post("/tags", {"value": "0A0B"})
    from app.models import AuditEntry

    entry = db.scalar(select(AuditEntry).order_by(AuditEntry.id.desc()))
    assert (entry.action, entry.actor) == ("tag.add", "Otto Olsen (test)")


# ---- refusals ----


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"),
    [
        ("GET", "/nothing", {}, 404, "not_found"),
        ("GET", "/tags/", {}, 404, "not_found"),
        ("GET", "//tags", {}, 404, "not_found"),
        ("GET", "/tags/999999", {}, 404, "not_found"),
        ("GET", f"/tags/{10**30}", {}, 404, "not_found"),
        ("GET", "/tags/abc", {}, 404, "not_found"),
        ("PUT", "/tags", {}, 405, "method_not_allowed"),
        ("OPTIONS", "/tags", {}, 405, "method_not_allowed"),
        ("POST", "/tags", {"data": "value=1"}, 415, "unsupported_media_type"),
        ("POST", "/tags", {"data": "{", "content_type": "application/json"}, 400, "bad_request"),
        ("POST", "/tags", {"json": {}, "headers": PACKED}, 415, "unsupported_media_type"),
        (
            "POST",
            "/tags",
            {"data": b"\xff", "content_type": "application/json"},
            400,
            "bad_request",
        ),
        ("POST", "/tags", {"json": []}, 422, "invalid"),
        ("POST", "/tags", {"json": {}}, 422, "invalid"),
        ("POST", "/tags", {"json": {"value": 5}}, 422, "invalid"),
        ("POST", "/tags", {"json": {"value": "a\x00b"}}, 422, "invalid"),
        ("POST", "/tags", {"json": {"value": "AB", "no": 1}}, 422, "invalid"),
        ("GET", "/tags?q=1&zz=2", {}, 422, "invalid"),
        ("GET", "/tags?limit=0", {}, 422, "invalid"),
        ("GET", "/tags?limit=x", {}, 422, "invalid"),
        ("GET", "/tags?limit=1&limit=2", {}, 422, "invalid"),
        ("GET", "/tags?status=odd", {}, 422, "invalid"),
        ("GET", "/tags?value=%00", {}, 422, "invalid"),
        ("GET", "/tags?cursor=nonsense", {}, 422, "invalid"),
        ("GET", "/authorisations?since=yesterday", {}, 422, "invalid"),
        ("GET", "/authorisations?since=0001-01-01T00:00:00%2B14:00", {}, 422, "invalid"),
    ],
)
def test_a_refusal_is_a_problem(api, method, path, given, status, code):
    headers = {"Authorization": f"Bearer {api.secret}", **given.get("headers", {})}
    given = {**given, "headers": headers}
    answer = api.app.test_client().open(f"/api/v1{path}", method=method, **given)
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM), answer.text
    told = answer.json
    assert (told["status"], told["code"]) == (status, code)
    assert told["detail"].endswith(".") and told["title"]
    assert "Location" not in answer.headers and "Set-Cookie" not in answer.headers


def test_a_refusal_names_the_member_and_not_what_was_sent(api):
    told = api.post("/stations", {"identity": "X", "site_id": "secret"}, 422)
    assert told["field"] == "site_id" and "secret" not in told["detail"]
    assert api.get("/tags?colour=red", 422)["field"] == "colour"
    assert api.post("/tags", {"values": "AB"}, 422)["field"] in {"value", "values"}


def test_a_body_that_is_too_long_is_refused(api):
    headers = {"Authorization": f"Bearer {api.secret}", "Content-Type": "application/json"}
    data = b'{"value": "' + b"x" * (9 * 1024 * 1024) + b'"}'
    answer = api.app.test_client().post("/api/v1/tags", data=data, headers=headers)
    assert (answer.status_code, answer.mimetype) == (413, PROBLEM)


def test_a_failure_of_ours_tells_nothing(migrated, tmp_path):
    app = make_app(tmp_path)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/api/v1/fails", "fails", lambda: 1 / 0)
    answer = app.test_client().get("/api/v1/fails")
    assert (answer.status_code, answer.mimetype) == (500, PROBLEM)
    assert "division" not in answer.text


# ---- pages ----


def test_pages_follow_each_other_without_gap_or_repeat(api, db):
    for number in range(7):
        api.post("/tags", {"value": f"PAGE{number}"})
    every = db.scalars(select(Tag.id).where(Tag.archived_at.is_(None)).order_by(Tag.id)).all()
    assert [row["id"] for row in api.every("/tags?limit=3")] == every
    first = api.get("/tags?limit=3")
    assert api.answer.headers["Link"] == f'<{first["next"]}>; rel="next"'


@pytest.mark.parametrize("path", ["/tags", "/sessions"])
def test_what_is_added_meanwhile_is_told_at_most_once(api, db, made, path):
    before = {row["id"] for row in api.every(f"{path}?limit=2")}
    page, seen, turn = api.get(f"{path}?limit=2"), [], 0
    while True:
        seen += [row["id"] for row in page["items"]]
        turn += 1
        if path == "/tags":
            api.post("/tags", {"value": f"NEW{turn}"}) if turn < 4 else None
        else:
            copy_session(db, made.sessions["finished"], turn)
        if page["next"] is None:
            break
        page = api.get(page["next"])
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def copy_session(db, session, turn):
    from app.models import ChargingSession

    kept = {
        column.name: getattr(session, column.name)
        for column in ChargingSession.__table__.columns
        if column.name not in {"id", "start_key", "transaction_ref"}
    }
    db.add(ChargingSession(**kept, start_key=f"copy {turn}", transaction_ref=f"copy {turn}"))
    db.commit()


def test_a_cursor_of_another_order_is_refused(api):
    mark = api.get("/tags?limit=1")["next"].partition("cursor=")[2]
    assert api.get(f"/sessions?cursor={mark}", 422)["field"] == "cursor"


# ---- rates ----


def limited(app, rate):
    settings = app.config["SETTINGS"]
    object.__setattr__(settings, "api_rate", rate)


def test_a_token_may_ask_so_often_and_no_more(app, secret_of):
    limited(app, "3/minute")
    first, other = Api(app, secret_of("viewer")), Api(app, secret_of("viewer"))
    left = []
    for _ in range(3):
        first.get("/token")
        left.append(first.answer.headers["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    told = first.get("/tags", 429)
    assert told["code"] == "too_many_requests"
    assert 1 <= int(first.answer.headers["Retry-After"]) <= 60
    assert first.answer.headers["RateLimit-Limit"] == "3"
    other.get("/token")


def test_guessing_tokens_is_throttled_and_holds_up_no_token_that_works(app, secret_of):
    known, stranger = Api(app, secret_of("viewer")), Api(app, "ampd_guess")
    known.get("/token")
    for _ in range(60):
        stranger.get("/token", 401)
    stranger.get("/token", 429)
    known.get("/token")


def test_without_a_rate_there_is_no_limit(app, secret_of):
    limited(app, "")
    api = Api(app, secret_of("viewer"))
    for _ in range(5):
        api.get("/token")
    assert "RateLimit-Limit" not in api.answer.headers


# ---- idempotency keys ----


def test_the_same_request_under_the_same_key_is_done_once(api, db):
    first = api.post("/tags", {"value": "ONCE"}, **KEY)
    location = api.answer.headers["Location"]
    again = api.post("/tags", {"value": "ONCE"}, **KEY)
    assert again == first
    assert api.answer.headers["Location"] == location
    assert api.answer.headers["Idempotency-Replayed"] == "true"


def test_another_request_under_the_same_key_is_refused(api):
    api.post("/tags", {"value": "ONCE"}, **KEY)
    assert api.post("/tags", {"value": "TWICE"}, 422, **KEY)["field"] == "Idempotency-Key"
    api.post("/drivers", {"name": "Ada"}, 422, **KEY)


def test_a_key_whose_answer_is_open_is_refused(api, db, now):
    api.post("/tags", {"value": "ONCE"}, **KEY)
    row = db.scalar(select(IdempotencyKey))
    row.status = None
    db.commit()
    api.post("/tags", {"value": "ONCE"}, 409, **KEY)


def test_a_refused_request_gives_its_key_back(api):
    assert api.post("/stations", {"identity": "K-1", "site_id": 999}, 422, **KEY)
    api.post("/tags", {"value": "ONCE"}, **KEY)


def test_a_key_belongs_to_its_token(api, admin_api):
    api.post("/tags", {"value": "ONCE"}, **KEY)
    assert admin_api.post("/tags", {"value": "ONCE"}, 409, **KEY)["code"] == "taken"


def test_a_password_that_was_told_is_kept_locked(api, made, db):
    given = {"identity": "KEY-1", "site_id": made.stations["CP-01"].site_id}
    first = api.post("/stations", given, **KEY)
    assert first["password"]
    again = api.post("/stations", given, **KEY)
    assert again == first
    assert first["password"] not in db.scalar(select(IdempotencyKey.body))


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_a_key_that_cannot_be_kept_is_refused(api, key):
    headers = {"Idempotency-Key": key}
    assert api.post("/tags", {"value": "ONCE"}, 422, headers=headers)["field"] == "Idempotency-Key"


def test_keys_are_forgotten_after_a_day(api, db, now):
    api.post("/tags", {"value": "ONCE"}, **KEY)
    row = db.scalar(select(IdempotencyKey))
    row.created_at = now - api_tokens.KEPT - timedelta(minutes=1)
    db.commit()
    forget_rows(Settings(), now=now)
    assert db.scalar(select(IdempotencyKey)) is None


def test_an_edit_of_what_has_changed_meanwhile_is_refused(api):
    number = api.post("/drivers", {"name": "Ada"})["id"]
    one = f"/drivers/{number}"
    api.get(one)
    read = api.answer.headers["ETag"]
    assert api.ask("GET", one, 304, headers={"If-None-Match": read}) is None
    api.ask("PATCH", one, 200, json={"name": "Ada L."}, headers={"If-Match": read})
    written = api.answer.headers["ETag"]
    assert written != read
    told = api.ask("PATCH", one, 412, json={"name": "Eve"}, headers={"If-Match": read})
    assert told["code"] == "changed"
    assert api.get(one)["name"] == "Ada L." and api.answer.headers["ETag"] == written
    api.ask("PATCH", one, 200, json={"name": "Ada"}, headers={"If-Match": f"{read}, {written}"})


def test_a_mark_that_a_proxy_made_weak_is_the_same_mark(api):
    one = f"/drivers/{api.post('/drivers', {'name': 'Ada'})['id']}"
    api.get(one)
    weak = {"If-Match": f"W/{api.answer.headers['ETag']}"}
    api.ask("PATCH", one, 200, json={"name": "Ada L."}, headers=weak)
    api.ask("PATCH", one, 412, json={"name": "Eve"}, headers=weak)


def test_what_has_changed_meanwhile_is_neither_put_away_nor_deleted(api):
    for noun, way in (("drivers", "POST"), ("tag-groups", "DELETE")):
        one = f"/{noun}/{api.post(f'/{noun}', {'name': 'Ada'})['id']}"
        api.get(one)
        read = {"If-Match": api.answer.headers["ETag"]}
        api.patch(one, {"name": "Ada L."})
        now = {"If-Match": api.answer.headers["ETag"]}
        put_away = f"{one}/archive" if way == "POST" else one
        assert api.ask(way, put_away, 412, headers=read)["code"] == "changed"
        api.ask(way, put_away, (200, 204), headers=now)
    told = api.post("/drivers", {"name": "Eve"}, 422, headers=now)
    assert told["field"] == "If-Match"
