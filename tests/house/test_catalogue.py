"""Every text of the desk's pages goes through the catalogue, ready for a second language."""

import re

from tests.house.source import ROOT, report

#: What is no text: code, drawings, translated blocks, Jinja's own words.
NO_TEXT = re.compile(
    r"{#.*?#}|{%-?\s*trans\b.*?endtrans\s*-?%}|<(script|style|svg|code|pre|kbd)\b.*?</\1>", re.S
)
JINJA = re.compile(r"{%.*?%}|{{.*?}}", re.S)
ATTRIBUTE = re.compile(r'\b(?:placeholder|title|aria-label|alt)="([^"]*)"')
NAMES = {"Ampdesk", "OCPP", "kWh", "URL", "ISO", "UTC", "ETag"}


def left_in(page: str) -> list[str]:
    """The words of a template that are written there as they are."""
    plain = JINJA.sub(" ", NO_TEXT.sub(" ", page))
    pieces = [*re.split(r"<[^>]*>", plain), *ATTRIBUTE.findall(plain)]
    return [
        " ".join(piece.split())
        for piece in pieces
        if set(re.findall(r"[A-Za-z]{3,}", re.sub(r"&\w+;", " ", piece))) - NAMES
    ]


def test_pages_say_nothing_that_cannot_be_translated():
    found = [
        f"{path.relative_to(ROOT)}: {text[:80]}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if "email" not in path.parts
        for text in left_in(path.read_text())
    ]
    assert not found, report(found)
