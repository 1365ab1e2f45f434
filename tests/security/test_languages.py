"""Who reads German finds no English on any page, and nothing that fails."""

from html.parser import HTMLParser

import pytest

from app.models import User
from app.uow import unit_of_work
from docs import texts
from tests.security.walk import body, pages

#: Attributes that people read or hear.
SPOKEN = {"title", "placeholder", "aria-label", "data-confirm", "alt"}
#: What is not for people, or not ours: code, drawings, keys.
MUTE = {"script", "style", "code", "pre", "svg", "kbd"}
#: Pages in a driver's language, which is not that of the desk.
LETTERS = {"bills.letter", "mail.letter"}
#: Pages that tell names of fields and values as they are kept, or what files look like.
AS_KEPT = {"imports.drivers", "imports.tags", "station_import.index"}
#: What the town's people and chargers wrote themselves, the names of languages and of programs.
GIVEN = {"Gone", "Why?", "Month", "Power", "English", "limits", "default"}


class Reader(HTMLParser):
    """Notes every text of a page that people see or hear."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.language = ""
        self._mute = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        if tag == "html":
            self.language = dict(attrs).get("lang") or ""
        self._mute += tag in MUTE
        self.read |= {value for name, value in attrs if name in SPOKEN and value}

    def handle_endtag(self, tag: str) -> None:
        """Leave one tag."""
        self._mute -= tag in MUTE

    def handle_data(self, data: str) -> None:
        """Look at one text."""
        if not self._mute:
            self.read.add(" ".join(data.split()))


@pytest.fixture(scope="module")
def german(town):
    """Every page as an admin who reads German sees it: (endpoint, address, answer)."""
    client = town.client("admin")
    with town.app.app_context(), unit_of_work() as work:
        before = {user.id: user.language for user in work.query(User)}
        for user in work.query(User):
            user.language = "de"
    found = pages(town.app, town.ours)
    yield [(door.endpoint, url, client.get(url, buffered=True)) for door, url in found]
    with town.app.app_context(), unit_of_work() as work:
        for user in work.query(User):
            user.language = before[user.id]


@pytest.fixture(scope="module")
def read(german):
    """What is read on each page of the desk: (endpoint, address, reader)."""
    return [
        (endpoint, url, Reader(body(answer)))
        for endpoint, url, answer in german
        if answer.mimetype == "text/html" and answer.status_code < 300 and endpoint not in LETTERS
    ]


@pytest.mark.landing
def test_no_page_fails_in_german(german):
    assert [url for _, url, answer in german if answer.status_code >= 500] == []


@pytest.mark.landing
def test_pages_say_that_they_are_german(read):
    whole = [(url, page.language) for _, url, page in read if page.language]
    assert len(whole) > 80
    assert [url for url, language in whole if language != "de"] == []


@pytest.mark.landing
def test_no_page_shows_an_english_text_that_has_a_german_one(read):
    said = {
        " ".join(text.replace("%%", "%").split()): told
        for catalogue in ("desk", "sentences")
        for text, told in texts.texts_of(texts.held("de", catalogue)).items()
        if isinstance(text, str) and told and text != told
    }
    english = said.keys() - set(said.values()) - GIVEN
    left = {
        text: url
        for endpoint, url, page in read
        if endpoint not in AS_KEPT
        for text in page.read & english
    }
    assert left == {}


@pytest.mark.landing
def test_the_home_page_greets_in_german(read):
    home = next(page for endpoint, _, page in read if endpoint == "home.index")
    assert {"Start", "Ladestationen", "Ladevorgänge", "Braucht Aufmerksamkeit"} <= home.read


def test_the_browser_says_the_language_of_the_sign_in_page(town):
    for wanted, word in (("de-AT,de;q=0.9", "Anmelden"), ("fr", "Sign in")):
        answer = town.app.test_client().get("/sign-in", headers={"Accept-Language": wanted})
        assert f"<h1>{word}" in body(answer) or f">{word}<" in body(answer)
        assert f'<html lang="{wanted[:2] if wanted != "fr" else "en"}">' in body(answer)


def test_the_api_speaks_english_whatever_the_browser_asks_for(town):
    client = town.client("admin")
    answer = client.get("/api/v1/nothing", headers={"Accept-Language": "de"})
    assert answer.get_json()["detail"] == "There is nothing at this address."
