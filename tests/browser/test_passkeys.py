"""Passkeys in a real browser, whose authenticator is a virtual one."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from app.models import Passkey, SignIn

pytestmark = [pytest.mark.browser, pytest.mark.landing]

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def page(desk, new_page, sign_in):
    """An admin's page at a name, because no passkey belongs to a number."""
    desk.url = desk.url.replace("127.0.0.1", "localhost")
    page = new_page(base_url=desk.url)
    sign_in(page, "admin")
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    page.authenticator = session.send(
        "WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR}
    )["authenticatorId"]
    page.cdp = session
    return page


def make(desk, page):
    with desk.work() as db:
        db.execute(update(SignIn).values(made_at=datetime.now(UTC)))
    page.goto("/account")
    page.get_by_label("Name of the passkey").fill("Virtual phone")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("The passkey “Virtual phone” is kept.").wait_for()


def sign_out(page):
    """Forget who it is, once no page is open that would notice and go somewhere itself."""
    page.goto("about:blank")
    page.context.clear_cookies()


def test_a_passkey_is_made_and_lets_its_person_in_without_a_password(desk, page):
    make(desk, page)
    with desk.work() as db:
        assert db.scalar(select(Passkey.name)) == "Virtual phone"
    sign_out(page)
    answers = []
    page.on("response", lambda got: answers.append(got) if "/sign-in/passkey" in got.url else None)
    page.goto("/sign-in?next=/stations")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{desk.url}/stations")
    with desk.work() as db:
        assert db.scalars(select(SignIn.way).order_by(SignIn.id.desc())).first() == "passkey"
        assert db.scalar(select(Passkey.last_used_at)) is not None
    # What was sent once, with the cookie of that moment, opens nothing a second time.
    asked = next(got.request for got in answers if got.url.endswith("next=/stations"))
    again = page.request.post(
        asked.url, data=asked.post_data, headers={**asked.all_headers(), "content-length": ""}
    )
    assert again.status == 422
    assert "too long" in again.json()["sentence"]


@pytest.mark.nightly
def test_a_user_who_is_not_verified_is_refused(desk, page):
    make(desk, page)
    sign_out(page)
    page.cdp.send(
        "WebAuthn.setUserVerified",
        {"authenticatorId": page.authenticator, "isUserVerified": False},
    )
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("No passkey was given.").wait_for()
    expect(page).to_have_url(f"{desk.url}/sign-in")


@pytest.mark.nightly
def test_a_copy_of_a_passkey_is_refused(desk, page):
    make(desk, page)
    with desk.work() as db:
        db.scalar(select(Passkey)).sign_count = 1_000
    sign_out(page)
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("seems to be a copy").wait_for()
