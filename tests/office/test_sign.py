"""Getting in and out of the desk."""

import re

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM
from app.domain.office import sign_ins
from app.domain.office.staff import create
from app.models import AuditEntry, OneTimeLink, OutgoingMail, SignIn, User
from tests.support import seed
from tests.support.desk import PASSWORD, page


@pytest.fixture
def client(app):
    return app.test_client()


def sign_in_as(client, email="grace@example.org", password=PASSWORD, address="/sign-in", **more):
    return client.post(address, data={"email": email, "password": password, **more})


def mailed_link(db):
    body = db.scalar(select(OutgoingMail).order_by(OutgoingMail.id.desc())).body
    return re.search(r"(/reset/\S+)", body).group(1)


def test_a_page_sends_strangers_to_the_sign_in_and_back_again(client, grace):
    answer = client.get("/audit?noun=user")
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert address == "/sign-in?next=/audit?noun%3Duser"
    assert sign_in_as(client, address=address).headers["Location"] == "/audit?noun=user"
    assert client.get("/audit").status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(client, grace, elsewhere):
    answer = client.post(
        "/sign-in", query_string={"next": elsewhere},
        data={"email": "grace@example.org", "password": PASSWORD},
    )  # fmt: skip
    assert answer.headers["Location"] == "/"


def test_fragments_and_streams_are_told_401(client, grace):
    assert client.get("/", headers={"HX-Request": "true"}).status_code == 401
    assert client.get("/live", headers={"Accept": "text/event-stream"}).status_code == 401


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client, grace):
    wrong = sign_in_as(client, password="wrong")
    unknown = sign_in_as(client, email="nobody@example.org")
    assert wrong.status_code == unknown.status_code == 422
    assert sign_ins.REFUSED in wrong.text
    assert sign_ins.REFUSED in unknown.text
    assert client.get("/").status_code == 303


def test_a_missing_field_is_said_beside_it(client, grace):
    answer = sign_in_as(client, password="")
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text


def test_guessing_is_throttled_per_name_without_locking_out_the_neighbours(client, grace):
    for _ in range(8):
        assert sign_in_as(client, password="wrong").status_code == 422
    assert sign_in_as(client).status_code == 429
    assert sign_in_as(client, email="otto@example.org").status_code == 422
    elsewhere = client.post(
        "/sign-in", data={"email": "grace@example.org", "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "10.1.2.3"},
    )  # fmt: skip
    assert elsewhere.status_code == 303


def test_signing_out_ends_it(client, grace):
    sign_in_as(client)
    assert client.get("/").status_code == 200
    assert client.post("/sign-out").status_code == 303
    assert client.get("/").status_code == 303


def test_a_sign_in_is_written_down(client, grace, db):
    sign_in_as(client)
    db.expire_all()
    entry = db.scalar(select(AuditEntry).where(AuditEntry.action == "user.sign_in"))
    assert entry.actor == "Grace Hopper"
    assert entry.address == "127.0.0.1"
    assert db.get(User, grace.id).last_sign_in_at is not None


def test_the_first_admin_comes_by_a_link_that_works_once(client, db, now):
    secret = sign_ins.issue_setup(db, now=now)
    link = db.scalar(select(OneTimeLink))
    link.expires_at = now.replace(year=now.year + 10)
    db.commit()
    assert secret not in (link.token_hash, "")
    address = f"/setup/{secret}"
    assert client.get(address).status_code == 200
    facts = {"name": "Grace Hopper", "email": "grace@example.org", "password": "short"}
    assert client.post(address, data=facts).status_code == 422
    german = {"Accept-Language": "de-DE,de;q=0.9"}
    done = client.post(address, data={**facts, "password": PASSWORD}, headers=german)
    assert done.headers["Location"] == "/"
    # The desk goes on in the language in which the first admin was made.
    assert '<html lang="de"' in page(client, "/")
    again = client.post(address, data={**facts, "email": "x@example.org", "password": PASSWORD})
    assert again.status_code == 410
    assert db.scalars(select(User.email)).all() == ["grace@example.org"]


def test_there_is_no_second_first_admin(db, grace, now):
    with pytest.raises(sign_ins.Conflict):
        sign_ins.issue_setup(db, now=now)


def test_an_old_link_is_useless(client, db, now):
    secret = sign_ins.issue_setup(db, now=now.replace(year=now.year - 1))
    db.commit()
    assert client.get(f"/setup/{secret}").status_code == 410
    assert client.get("/setup/invented").status_code == 410


def test_a_forgotten_password_is_chosen_anew_by_a_mail_that_works_once(client, grace, db):
    asked = client.post("/forgotten", data={"email": "GRACE@example.org"})
    assert asked.status_code == 200
    link = mailed_link(db)
    assert client.get(link).status_code == 200
    assert client.post(link, data={"password": "short"}).status_code == 422
    assert client.post(link, data={"password": "another good password"}).status_code == 303
    assert client.post(link, data={"password": "a third good password"}).status_code == 410
    assert sign_in_as(client, password=PASSWORD).status_code == 422
    assert sign_in_as(client, password="another good password").status_code == 303


def test_asking_for_an_unknown_address_tells_nothing_and_mails_nobody(client, grace, db):
    known = client.post("/forgotten", data={"email": "grace@example.org"}).text
    unknown = client.post("/forgotten", data={"email": "grbce@example.org"}).text
    assert re.sub(r"gr.ce|nonce.{0,40}", "", known) == re.sub(r"gr.ce|nonce.{0,40}", "", unknown)
    assert len(db.scalars(select(OutgoingMail)).all()) == 1


def test_a_newer_reset_link_replaces_the_older(client, grace, db):
    client.post("/forgotten", data={"email": "grace@example.org"})
    first = mailed_link(db)
    client.post("/forgotten", data={"email": "grace@example.org"})
    assert client.get(first).status_code == 410
    assert client.get(mailed_link(db)).status_code == 200


def test_a_new_password_signs_other_devices_out_and_keeps_this_one(app, client, grace):
    other = app.test_client()
    sign_in_as(client)
    sign_in_as(other)
    wrong = client.post("/account", data={"current": "no", "password": "another good password"})
    assert wrong.status_code == 422
    changed = client.post("/account", data={"current": PASSWORD, "password": "another good one"})
    assert changed.status_code == 303
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 303


def test_every_page_forbids_foreign_scripts_and_frames(client, grace):
    answer = client.get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy).group(1)
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    scripts = re.findall(r"<script([^>]*)>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce}"' in script for script in scripts)


def test_a_post_without_the_csrf_token_is_refused(app, grace):
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    answer = client.post("/sign-in", data={"email": "grace@example.org", "password": PASSWORD})
    assert answer.status_code == 400
    assert client.post("/sign-out").status_code == 400


def test_seeded_people_can_sign_in(app, db, now):
    made = seed.fill(db, now, history=0)
    db.commit()
    client = app.test_client()
    answer = sign_in_as(client, made.people["viewer"].email, seed.PASSWORD)
    assert answer.status_code == 303


def copied(app, client):
    """Another browser with a copy of this one's cookies."""
    other = app.test_client()
    for name in ("ampdesk", "ampdesk_remember"):
        if (cookie := client.get_cookie(name)) is not None:
            other.set_cookie(name, cookie.value)
    return other


@pytest.mark.parametrize("remember", [{}, {"remember": "y"}])
def test_signing_out_ends_the_copies_of_the_cookie_too(app, client, grace, remember):
    sign_in_as(client, **remember)
    copy = copied(app, client)
    assert copy.get("/").status_code == 200
    client.post("/sign-out")
    assert copy.get("/").status_code == 303


def test_a_remembered_sign_in_ends_on_the_server(app, client, grace, db):
    sign_in_as(client, remember="y")
    copy = app.test_client()
    copy.set_cookie("ampdesk_remember", client.get_cookie("ampdesk_remember").value)
    assert copy.get("/").status_code == 200
    row = db.scalar(select(SignIn))
    assert row.remembered and row.expires_at == row.made_at + sign_ins.LONGEST
    row.expires_at = row.made_at
    db.commit()
    assert copy.get("/").status_code == client.get("/").status_code == 303


def test_ones_sign_ins_are_listed_and_ended_one_by_one(app, client, grace, db):
    sign_in_as(client)
    other = app.test_client()
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0"}
    password = {"email": "grace@example.org", "password": PASSWORD}
    other.post("/sign-in", data=password, headers=agent)
    page = client.get("/account").text
    assert "Firefox on Linux" in page and "this one" in page
    lost = db.scalar(select(SignIn.id).where(SignIn.agent.contains("Firefox")))
    assert client.post(f"/account/sign-ins/{lost}/end").status_code == 303
    assert other.get("/").status_code == 303
    assert client.get("/").status_code == 200


def test_nobody_ends_anothers_sign_in_but_an_admin(app, client, grace, db, now):
    otto = create(
        db, SYSTEM, tenant_id=grace.tenant_id, email="otto@example.org", name="Otto",
        role="viewer", password=PASSWORD, now=now,
    )  # fmt: skip
    db.commit()
    theirs = app.test_client()
    sign_in_as(client)
    sign_in_as(theirs, email="otto@example.org")
    of = {row.user_id: row.id for row in db.scalars(select(SignIn))}
    grace_id, otto_id = grace.id, otto.id
    theirs.post(f"/account/sign-ins/{of[grace_id]}/end")
    assert client.get("/").status_code == 200
    client.post(f"/staff/{grace_id}/sign-ins/{of[otto_id]}/end")
    assert theirs.get("/").status_code == 200
    client.post(f"/staff/{otto_id}/sign-ins/{of[otto_id]}/end")
    assert theirs.get("/").status_code == 303


def test_a_look_at_a_page_is_written_down_once_a_minute_at_most(client, grace, db):
    sign_in_as(client)
    row = db.scalar(select(SignIn))
    first = row.seen_at
    client.get("/account")
    db.expire_all()
    assert row.seen_at == first
    row.seen_at = first - sign_ins.TOUCH_EVERY
    db.commit()
    client.get("/account")
    db.expire_all()
    assert row.seen_at > first - sign_ins.TOUCH_EVERY


def from_address(client, address, email="grace@example.org", password=PASSWORD):
    return client.post(
        "/sign-in", data={"email": email, "password": password},
        environ_overrides={"REMOTE_ADDR": address},
    )  # fmt: skip


@pytest.mark.landing
def test_guessing_from_many_addresses_is_throttled_and_leaves_the_owner_a_way_in(
    app, client, grace
):
    at_home, device = app.test_client(), client
    assert from_address(device, "10.0.0.1").status_code == 303
    device.post("/sign-out")
    for number in range(100):
        answer = from_address(app.test_client(), f"192.0.2.{number}", password="wrong")
        assert answer.status_code == 422
    assert from_address(app.test_client(), "198.51.100.1", password="wrong").status_code == 429
    assert from_address(at_home, "10.0.0.1").status_code == 303
    assert from_address(device, "198.51.100.2").status_code == 303


def test_a_known_browser_comes_in_though_a_neighbour_guesses_from_the_same_address(
    app, client, grace
):
    assert sign_in_as(client).status_code == 303
    client.post("/sign-out")
    neighbour = app.test_client()
    for _ in range(8):
        assert sign_in_as(neighbour, password="wrong").status_code == 422
    assert sign_in_as(neighbour).status_code == 429
    assert sign_in_as(client).status_code == 303


def test_a_known_browser_may_not_guess_for_ever(app, client, grace):
    sign_in_as(client)
    client.post("/sign-out")
    answers = [sign_in_as(client, password="wrong").status_code for _ in range(9)]
    assert answers == [422] * 8 + [429]


def test_a_browser_known_for_one_person_is_a_stranger_to_another(app, client, grace, db, now):
    create(
        db, SYSTEM, tenant_id=grace.tenant_id, email="otto@example.org", name="Otto",
        role="viewer", password=PASSWORD, now=now,
    )  # fmt: skip
    db.commit()
    sign_in_as(client)
    client.post("/sign-out")
    for _ in range(8):
        sign_in_as(app.test_client(), email="otto@example.org", password="wrong")
    assert sign_in_as(client, email="otto@example.org").status_code == 429
