"""The organisation's own sign-in, with a real provider of OpenID Connect."""

import http.client
import shutil
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from app.domain.ground.vocabulary import SYSTEM, Role
from app.domain.network import tenants
from app.domain.office import staff
from app.extensions import db as flask_db
from app.models import AuditEntry, SignIn, User
from app.uow import unit_of_work
from tests.support import apps
from tests.support.oidc_provider import ID, SECRET, Provider, new_key

GRACE = {
    "sub": "grace-7", "email": "Grace@Example.org", "email_verified": True, "name": "Grace Hopper",
}  # fmt: skip


@pytest.fixture
def provider():
    with Provider(dict(GRACE)) as running:
        yield running


@pytest.fixture
def lend(migrated, tmp_path, provider):
    """Lend an application that knows the provider."""
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    return lambda **more: apps.running(
        tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=ID,
        oidc_client_secret=SECRET,
        oidc_name="Hafen",
        **more,
    )


@pytest.fixture
def app(lend):
    with lend() as app:
        yield app


def hire(email="grace@example.org", role="operator", **more):
    now = datetime.now(UTC)
    with unit_of_work() as db:
        tenant = tenants.first(db, now=now).id
        made = dict(tenant_id=tenant, email=email, name="Grace", role=role, now=now, **more)
        return staff.create(db, SYSTEM, **made).id


def fetch(url):
    """Go where the provider sends the browser."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port)
    connection.request("GET", f"{where.path}?{where.query}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("Location")


def come(client, begin="/sign-in/provider"):
    """Take the whole way: to the provider and back."""
    return client.get(back_from(client, begin))


def back_from(client, begin="/sign-in/provider"):
    home = urlsplit(fetch(client.get(begin).headers["Location"]))
    return f"{home.path}?{home.query}"


def said(client):
    return client.get("/sign-in").text


def rows(query):
    flask_db.session.rollback()
    return list(flask_db.session.scalars(query))


def test_a_person_comes_in_and_is_known_from_then_on(app, provider):
    number, client = hire(), app.test_client()
    assert "Sign in with Hafen" in said(client)
    done = come(client, "/sign-in/provider?next=/stations")
    assert done.headers["Location"] == "/stations"
    assert client.get("/stations").status_code == 200
    assert rows(select(SignIn.way)) == ["provider"]
    user = flask_db.session.get(User, number)
    assert (user.oidc_issuer, user.oidc_subject) == (provider.issuer, "grace-7")
    assert "user.link_provider" in rows(select(AuditEntry.action))
    provider.person |= {"email": "renamed@example.org", "email_verified": False}
    assert come(app.test_client()).headers["Location"] == "/"


def test_what_the_provider_is_is_asked_for_once(app, provider):
    hire()
    come(app.test_client())
    come(app.test_client())
    assert provider.asked.count("/realm/.well-known/openid-configuration") == 1
    assert provider.asked.count("/realm/keys") == 1


def test_new_keys_of_the_provider_are_fetched(app, provider):
    hire()
    come(app.test_client())
    provider.key = new_key()
    assert come(app.test_client()).headers["Location"] == "/"


def test_an_address_that_only_the_userinfo_tells_counts(app, provider):
    hire()
    provider.in_token = False
    assert come(app.test_client()).headers["Location"] == "/"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": [ID, "another"], "azp": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
    ],
    ids=["nonce", "audience", "authorised party", "issuer", "expired", "subject"],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(app, provider, claims):
    hire()
    provider.claims = claims
    client = app.test_client()
    assert come(client).headers["Location"] == "/sign-in"
    assert "could not be verified" in said(client)
    assert rows(select(SignIn)) == []


def test_a_signature_by_another_key_is_refused(app, provider):
    hire()
    provider.signs_with = new_key()
    client = app.test_client()
    come(client)
    assert "could not be verified" in said(client)


def test_an_address_that_is_not_verified_finds_nobody(app, provider):
    hire()
    provider.person["email_verified"] = False
    client = app.test_client()
    come(client)
    assert "is verified" in said(client)


def test_a_stranger_is_refused(app, provider):
    hire("ada@example.org")
    client = app.test_client()
    come(client)
    assert "Nobody on the staff" in said(client)
    assert rows(select(User.email)) == ["ada@example.org"]


def test_a_stranger_is_added_where_the_setting_says_so(lend, provider):
    with lend(oidc_create="viewer") as app:
        hire("ada@example.org", role="admin")
        client = app.test_client()
        assert come(client).headers["Location"] == "/"
        made = flask_db.session.scalar(select(User).where(User.email_key == "grace@example.org"))
        assert (made.role, made.name, made.password_hash) == (Role.VIEWER, "Grace Hopper", None)


def test_nobody_comes_in_who_was_deactivated(app, provider):
    number = hire()
    come(app.test_client())
    with unit_of_work() as db:
        staff.archive(db, SYSTEM, staff.get(db, number), now=datetime.now(UTC))
    client = app.test_client()
    come(client)
    assert "deactivated" in said(client)
    assert client.get("/stations").status_code == 303


def test_another_account_of_the_provider_with_the_same_address_is_refused(app, provider):
    hire()
    come(app.test_client())
    provider.person["sub"] = "somebody-else"
    client = app.test_client()
    come(client)
    assert "another account" in said(client)


def test_the_way_back_counts_once_and_only_where_it_began(app, provider):
    hire()
    client, other = app.test_client(), app.test_client()
    back = back_from(client)
    assert other.get(back).headers["Location"] == "/sign-in"
    assert client.get(back).headers["Location"] == "/"
    assert app.test_client().get(back).headers["Location"] == "/sign-in"
    assert len(rows(select(SignIn))) == 1


def test_a_provider_that_is_away_is_said(app, provider):
    provider.__exit__()
    client = app.test_client()
    assert client.get("/sign-in/provider").headers["Location"] == "/sign-in"
    assert "is not answering" in said(client)


def test_without_the_setting_there_is_no_such_way(migrated, tmp_path):
    shutil.copy(migrated, tmp_path / "ampdesk.sqlite3")
    with apps.running(tmp_path) as app:
        client = app.test_client()
        assert client.get("/sign-in/provider").status_code == 404
        assert "Sign in with" not in said(client).replace("Sign in with a passkey", "")
