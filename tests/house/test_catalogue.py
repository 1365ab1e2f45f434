"""Every text of the desk goes through a catalogue, and every catalogue is translated."""

import ast
import re
from collections import Counter

import pytest

from docs import texts
from tests.house.source import ROOT, report, under

#: What is no text: code, drawings, translated blocks, Jinja's own words.
NO_TEXT = re.compile(
    r"{#.*?#}|{%-?\s*trans\b.*?endtrans\s*-?%}|<(script|style|svg|code|pre|kbd)\b.*?</\1>", re.S
)
JINJA = re.compile(r"{%.*?%}|{{.*?}}", re.S)
ATTRIBUTE = re.compile(r'\b(?:placeholder|title|aria-label|alt)="([^"]*)"')
#: Functions that say or mark a text of a catalogue.
MARKS = {"_", "N_", "gettext", "lazy_gettext", "ngettext"}
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


def marked(source):
    """The texts that a file of code marks as ones to be translated."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            forms = node.args[: 2 if node.func.id == "ngettext" else 1]
            yield from (one.value for one in forms if isinstance(one, ast.Constant))


def test_every_text_that_code_marks_is_in_a_catalogue():
    collected = [message.id for name in texts.CATALOGUES for message in texts.collected(name)]
    known = {form for text in collected for form in texts.forms(text)}
    lost = [
        f"{source.path}: {text[:80]}"
        for source in under("app", "worker")
        for text in marked(source)
        if text not in known
    ]
    assert not lost, "templates/translations/*.cfg do not name these files:\n" + report(lost)


def test_no_text_for_people_holds_a_name_of_the_code():
    name = re.compile(r"(?<![\w%(){}])[a-z]+_[a-z_]+\b(?![)}])")
    forms = [
        form
        for catalogue in texts.CATALOGUES
        for message in texts.collected(catalogue)
        for form in texts.forms(message.id)
    ]
    pages = [node.value for source in under("app/views/") for node in source.nodes
             if isinstance(node, ast.Constant) and str(node.value).endswith(".")]  # fmt: skip
    assert [text for text in [*forms, *pages] if name.search(text)] == []


@pytest.fixture(scope="module", params=texts.CATALOGUES)
def catalogue(request):
    """The name of a catalogue, and its German translations as they stand in its file."""
    return request.param, texts.held("de", request.param)


def pairs(catalogue):
    """Each text with its translation, form by form; those of one and of many are a pair."""
    for message in catalogue:
        if message.id and isinstance(message.id, str) and message.string:
            yield message.id, message.string


def test_every_text_has_a_german_one(catalogue):
    name, german = catalogue
    known = texts.texts_of(german)
    wanted = [message.id for message in texts.collected(name) if message.id]
    missing = [str(text)[:90] for text in wanted if not all(texts.forms(known.get(text, "")))]
    assert not missing, "`make texts` collects them; translate:\n" + report(missing)
    assert texts.empty(german) == []


def test_translations_keep_places_tags_and_edges(catalogue):
    name, german = catalogue
    odd = []
    for text, translation in pairs(german):
        places, kept = (Counter(re.findall(r"%\(\w+\)s|%%", each)) for each in (text, translation))
        # A sentence may leave out an English “its”; everywhere else all values are told.
        if not kept <= places or (name != "sentences" and kept != places):
            odd.append(f"{text[:60]}: other places")
        if re.findall(r"</?\w+", text) != re.findall(r"</?\w+", translation):
            odd.append(f"{text[:60]}: other tags")
        if [text[:1] == " ", text[-1] == " "] != [translation[:1] == " ", translation[-1] == " "]:
            odd.append(f"{text[:60]}: other blanks at its ends")
    assert not odd, report(odd)


def test_what_is_compiled_is_what_stands_in_the_source(catalogue):
    name, german = catalogue
    compiled = texts.source("de", name).with_suffix(".mo").read_bytes()
    assert compiled == texts.compiled(german), "`make texts` compiles them"


def test_scripts_say_only_what_the_page_gives_them_words_for():
    layout = (ROOT / "templates/layouts/desk.html").read_text()
    said = {
        text
        for path in (ROOT / "static/js").glob("*.js")
        for text in re.findall(r'\bsay\([^"()]*"([^"]+)"', path.read_text())
    }
    assert len(said) > 8
    assert [text for text in sorted(said) if f'"{text}": _(' not in layout] == []
