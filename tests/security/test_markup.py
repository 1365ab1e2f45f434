"""What chargers and people write stays text, on every page; pages carry no inline code."""

from html.parser import HTMLParser

import pytest

from tests.security.town import MARKUP, THEIRS
from tests.security.walk import ANY, body, noting, pages

#: All pages are asked for, and looked at six times.
pytestmark = pytest.mark.landing
#: Addresses that run code or lead away.
RUNS = ("javascript:", "data:", "vbscript:", "//")
#: Letters in a frame: mail programs know inline styles only, so these pages have their own policy.
LETTERS = {"bills.letter", "mail.letter"}
#: Fields that nobody sees, or that bear their name as their value.
UNSEEN = {"hidden", "submit", "button", "reset"}
#: What lists are narrowed and sorted by.
LISTED = (("q",), ("sort", "page", "station"))


class Looker(HTMLParser):
    """Notes everything in a page that could run."""

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce
        self.found: list[str] = []
        self.planted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given = dict(attrs)
        self.planted += sum(THEIRS in (value or "") for value in given.values())
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.found.append(f"<{tag} {name}={value!r}>")
            target = (value or "").strip().lower()
            if name in {"href", "src", "action", "formaction"} and target.startswith(RUNS):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name.startswith("hx-") and target.startswith(("js:", "javascript:")):
                self.found.append(f"<{tag} {name}={value!r}>")
        if tag in {"script", "style"} and given.get("nonce") != self.nonce:
            self.found.append(f"<{tag}> without the nonce")
        if tag in {"base", "object", "embed", "applet"}:
            self.found.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        """Look at one text."""
        self.planted += THEIRS in data


class Namer(HTMLParser):
    """Notes what a page holds that a screen reader has no name for (WCAG 1.1.1, 4.1.2)."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.said: list[str] = []
        #: The names of labels' fields; fields that no label is around, by their ids.
        self.labelled: set[str | None] = set()
        self.fields: list[tuple[str | None, str]] = []
        self.nameless: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given, text = dict(attrs), self.get_starttag_text() or tag
        named = any(given.get(name) for name in ("aria-label", "aria-labelledby", "title"))
        if tag == "label":
            self.labelled.add(given.get("for"))
        named |= given.get("aria-hidden") == "true"
        if tag in {"select", "textarea"} or (tag == "input" and given.get("type") not in UNSEEN):
            if not named and all(tag != "label" for tag, _ in self.open):
                self.fields.append((given.get("id"), text))
        elif tag in {"a", "button", "label", "summary"}:
            self.open.append((tag, text))
            self.said.append("named" if named else "")
        elif tag == "html" and not given.get("lang"):
            self.nameless.append(text)
        elif tag == "img":
            self.nameless += [text] if given.get("alt") is None else []
            self.handle_data(given.get("alt") or "")
        elif tag == "iframe" and not named:
            self.nameless.append(text)
        elif named:
            self.handle_data("named")

    def handle_data(self, data: str) -> None:
        """Whatever is around this is called so."""
        self.said = [said + data for said in self.said]

    def handle_endtag(self, tag: str) -> None:
        """Look whether what ends was called anything."""
        if self.open and self.open[-1][0] == tag:
            (_, text), said = self.open.pop(), self.said.pop()
            if not said.strip():
                self.nameless.append(text)

    def found(self) -> list[str]:
        """All that has no name."""
        return self.nameless + [text for name, text in self.fields if name not in self.labelled]


@pytest.fixture(scope="module")
def poisoned(town):
    """Every page of the poisoned company, as its admin sees it."""
    client = town.client("admin", town.theirs)
    found = []
    for door, url in pages(town.app, town.theirs):
        with noting(town.app) as read:
            found.append((door, url, client.get(url)))
        # What a page never looks at stands nowhere on it.
        asked = [words for words in LISTED if {*words, ANY} & read and not door.ids]
        lists = ["&".join(f"{word}={MARKUP}" for word in words) for words in asked]
        found += [(door, f"{url}?{words}", client.get(f"{url}?{words}")) for words in lists]
    assert sum("?" in url for _, url, _ in found) > 30
    return found


def test_no_page_fails_on_what_was_planted(poisoned):
    failed = [(url, answer.status) for _, url, answer in poisoned if answer.status_code >= 500]
    assert not failed


def test_markup_is_never_unescaped(poisoned):
    wrong = [url for _, url, answer in poisoned if MARKUP in body(answer) and is_html(answer)]
    assert not wrong


def test_what_was_planted_is_really_shown(poisoned):
    """Else the test above would prove nothing."""
    shown = set()
    for door, _, answer in poisoned:
        looker = Looker("")
        looker.feed(body(answer))
        if looker.planted:
            shown.add(door.endpoint)
    assert shown >= {
        "stations.show",
        "stations.index",
        "sessions.show",
        "tags.show",
        "drivers.show",
        "messages.index",
        "commands.show",
        "tags.unknown",
        "sites.show",
        "tariffs.index",
        "staff.index",
    }


def test_pages_carry_no_inline_code(poisoned):
    wrong = []
    for door, url, answer in poisoned:
        if not is_html(answer) or door.endpoint in LETTERS:
            continue
        policy = answer.headers["Content-Security-Policy"]
        looker = Looker(policy.partition("'nonce-")[2].partition("'")[0])
        looker.feed(body(answer))
        wrong += [(url, found) for found in looker.found]
    assert not wrong


def test_all_that_is_used_on_a_page_has_a_name(poisoned):
    wrong = {}
    for door, _, answer in poisoned:
        if is_html(answer) and door.endpoint not in LETTERS:
            namer = Namer()
            namer.feed(body(answer))
            wrong |= dict.fromkeys(namer.found(), door.endpoint)
    assert wrong == {}


def test_every_answer_carries_the_headers_that_protect_it(poisoned):
    nonces = []
    for door, url, answer in poisoned:
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "default-src" in policy, url
        assert "unsafe-eval" not in policy, url
        if door.endpoint not in LETTERS:
            assert "unsafe-inline" not in policy and "frame-ancestors 'none'" in policy, url
            assert answer.headers["X-Frame-Options"] == "DENY", url
            if answer.mimetype == "text/html":
                nonces.append(policy.partition("'nonce-")[2].partition("'")[0])
        assert answer.headers["X-Content-Type-Options"] == "nosniff", url
        assert answer.headers["Cache-Control"] == "no-store", url
        assert answer.headers["Referrer-Policy"] == "same-origin", url
    assert len(set(nonces)) == len(nonces) and "" not in nonces


def test_line_breaks_make_no_header(poisoned):
    for _, url, answer in poisoned:
        assert "X-Forged" not in answer.headers, url


def is_html(answer):
    """Whether a browser would read this as a page."""
    return answer.mimetype == "text/html"
