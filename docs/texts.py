"""Collect the texts of each catalogue, and compile what is translated: `make texts`.

New texts get an empty translation in templates/translations/<language>/LC_MESSAGES/<catalogue>.po,
and those that nobody says any more go.  What is still empty is listed.  The compiled catalogues are
part of the repository; a test compares them with their sources.
"""

import ast
import importlib.util
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from app.config import Settings
from app.domain.commands.orders.catalogue import NOUNS
from app.domain.ground.vocabulary.words import spoken
from app.domain.office.audit import LEFT_OUT
from app.forms.commands.commands import words_of
from app.models import Base
from app.text.sentences import apart
from app.views.office.audit import HIDDEN

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "templates" / "translations"
#: The catalogues: what drivers read, what stands on the desk, and what the business says.
CATALOGUES = ("messages", "desk", "sentences")
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER = {
    "project": "Ampdesk",
    "version": "1",
    "msgid_bugs_address": "Ampdesk",
    "last_translator": "Ampdesk",
    "header_comment": "",
}
#: Functions whose texts are no sentences, or are in another catalogue.
_NO_SPEECH = {
    *("_", "N_", "gettext", "lazy_gettext", "ngettext", "left_out", "needed", "text", "compile"),
    *("debug", "info", "warning", "error", "exception", "getLogger", "sub", "strptime", "strftime"),
    *("startswith", "endswith", "read", "split", "frozenset", "Namespace", "TypeVar", "Job"),
    *("_gauge", "GaugeMetricFamily", "CounterMetricFamily", "HistogramMetricFamily"),
}
#: Keywords whose words are told to people, even single ones.
_LABELS = {"label", "title", "hint", "word", "noun"}
#: What looks like a query, an address, a header or a name of the code.
_CODE = re.compile(
    r"SELECT |INSERT |UPDATE |CONFLICT|COPY |CAST\(|COALESCE|excluded|ANY\(|->>|\bAS \w+|::|<\w|"
    r"\b[a-z]+_\w+\b|\w+/\w+/|'self'|'none'|\bIN \(|=\"|\n|^[A-Z]{3} [A-Z]{3}|^HTTP/1|-----|"
    r"/\d+ minutes|\bk\.\w+|= new\.|charset=|max-age=|no-store|=\(\)|"
    r"delay:|WeakKey|^\W*\w[\w .()-]*,\w|^(?:Connection: )?Upgrade(?:: |$)|^Sec-|\| None$",
)
#: A place of `str.format`.
_BRACES = re.compile(r"\{([a-zA-Z]\w*)\}")


@cache
def collected(catalogue: str) -> Catalog:
    """All texts of a catalogue, as the code and the templates say them now."""
    name = "babel" if catalogue == "messages" else catalogue
    with (FOLDER / f"{name}.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = Catalog(fuzzy=False)
    keywords: dict[str, Any] = {**DEFAULT_KEYWORDS, "N_": None, "lazy_gettext": None}
    for _file, _line, text, _comments, _context in extract_from_dir(
        ROOT, methods, options, keywords=keywords
    ):
        found.add(text)
    if catalogue == "sentences":
        for text in _of_transactions():
            found.add(text)
    if catalogue == "desk":
        for each in fields(Settings):
            found.add(each.metadata["meaning"])
        orders = {*_of_orders()} - {*texts_of(collected("sentences"))}
        for text in sorted(orders | {*_of_audit()}):
            found.add(text)
    return found


def _of_transactions() -> Iterator[str]:
    """The words by which stations of 2.x say what happens to a transaction, and why."""
    package = Path(str(getattr(importlib.util.find_spec("ocpp"), "origin", "")))
    for path in package.parent.glob("v2*/schemas/TransactionEventRequest.json"):
        kinds = json.loads(path.read_text(encoding="utf-8"))["definitions"]
        for name in ("TransactionEvent", "TriggerReason", "ChargingState", "Reason"):
            yield from map(apart, kinds[f"{name}EnumType"]["enum"])


def _of_orders() -> Iterator[str]:
    """What the forms of orders call each argument, and the words that it chooses among."""
    for spec in chain.from_iterable(NOUNS.values()):
        for name, argument in spec.arguments.items():
            look = argument.looks
            yield argument.called(name)
            for _value, said in words_of(look) + (words_of(look.item) if look.item else []):
                if re.search("[A-Za-z]{2}", said):
                    yield said


#: What the audit is about most.
AUDITED = {
    *("Site", "Station", "Tag", "TagGroup", "Driver", "Tariff", "User", "OwnRole", "ApiToken"),
    *("AlertRule", "Alert", "WebhookEndpoint", "ChargingProfile", "ReportSchedule", "Broadcast"),
    *("Bill", "Receipt", "Review", "Reservation", "FirmwareFile", "NotedFault", "StrayStop"),
    *("DriverQuestion", "Command", "ChargingSession", "StationCertificate", "Job"),
}


def _of_audit() -> Iterator[str]:
    """The columns that the audit tells, blanks between their words."""
    for mapper in Base.registry.mappers:
        if mapper.class_.__name__ in AUDITED:
            for column in {*mapper.column_attrs.keys()} - LEFT_OUT - HIDDEN:
                yield column.replace("_", " ")


def languages() -> list[str]:
    """The languages that there are translations for."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def source(language: str, catalogue: str) -> Path:
    """The file that holds the translations of a catalogue into a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{catalogue}.po"


def held(language: str, catalogue: str) -> Catalog:
    """The translations of a catalogue as they stand in its file."""
    path = source(language, catalogue)
    if not path.exists():
        return Catalog(locale=language, fuzzy=False, revision_date=_NO_DATE, **_HEADER)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """A catalogue as programs read it."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def update(language: str, catalogue: str) -> Catalog:
    """Bring a catalogue's file up to date, compile it, and return it."""
    translations, now = held(language, catalogue), collected(catalogue)
    translations.update(now, no_fuzzy_matching=True, update_header_comment=False)
    translations.obsolete.clear()
    path = source(language, catalogue)
    if not path.exists() or texts_of(translations) != texts_of(held(language, catalogue)):
        # A date in the files would part what is the same.
        translations.creation_date = _NO_DATE
        with path.open("wb") as file:
            write_po(file, translations, no_location=True, sort_output=True, width=98)
    path.with_suffix(".mo").write_bytes(compiled(held(language, catalogue)))
    return translations


def texts_of(catalogue: Catalog) -> dict[Any, Any]:
    """What a catalogue says, by what it translates."""
    return {each.id: each.string or "" for each in catalogue if each.id}


def empty(catalogue: Catalog) -> list[str]:
    """The texts of a catalogue that have no translation, or a doubtful one."""
    return [
        forms(each.id)[0]
        for each in catalogue
        if each.id and (each.fuzzy or not all(forms(each.string)))
    ]


def forms(text: Any) -> list[str]:
    """A text in its forms: one, or those for one thing and for many."""
    return list(text) if isinstance(text, tuple | list) else [text or ""]


# What Babel does not find by itself: sentences that the business says in plain English.


def sentences(file: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Extract what a module of the domain says to people; values become `%(name)s`."""
    tree = ast.parse(file.read())
    said = _Words()
    said.visit(tree)
    for line, text in [*said.found, *_of_choices(tree)]:
        yield line, None, text, []


class _Words(ast.NodeVisitor):
    """Walks a module: texts of several words, labels, and the words of enumerations."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        """A text that stands alone is a docstring."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """The words of an enumeration are told with blanks."""
        if any(ast.unparse(base).endswith("StrEnum") for base in node.bases):
            for each in node.body:
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant):
                    word = spoken(str(each.value.value))
                    if "." not in word:
                        self.found.append((each.lineno, word))
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Leave out what is said to programs."""
        name = ast.unparse(node.func).rpartition(".")[2]
        self.found += [(node.lineno, text) for text in _of_members(name, node)]
        if name in _NO_SPEECH:
            return
        if name == "Doubt":  # the text after its names is for the documents
            del node.args[1:2]
        if name == "Spec" and isinstance(label := node.args[1], ast.Constant):
            self.found.append((node.lineno, str(label.value)))
        self.found += [(node.lineno, text) for text in _of_messages(name, node)]
        for keyword in node.keywords:
            value = keyword.value
            if keyword.arg in _LABELS and isinstance(value, ast.Constant) and value.value:
                self.found.append((node.lineno, str(value.value)))
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A sentence with values in it."""
        names: list[str] = []
        text = ""
        for piece in node.values:
            if isinstance(piece, ast.Constant):
                text += _BRACES.sub(r"%(\1)s", str(piece.value).replace("%", "%%"))
            elif isinstance(piece, ast.FormattedValue):
                names.append(_name(ast.unparse(piece.value), names))
                text += f"%({names[-1]})s"
                self.visit(piece.value)
        self._tell(node.lineno, text)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """A sentence put together of pieces."""
        if isinstance(node.op, ast.Add) and (pieces := _added(node)):
            self.visit_JoinedStr(ast.copy_location(ast.JoinedStr(pieces), node))
        else:
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A text as it stands."""
        if isinstance(node.value, str):
            self._tell(node.lineno, _BRACES.sub(r"%(\1)s", node.value.replace("%", "%%")))

    def _tell(self, line: int, text: str) -> None:
        plain = re.sub(r"%\(\w+\)s", "", text)
        several = " " in text.strip() and re.search(r"[A-Za-z]{3}", plain)
        if several and not _CODE.search(plain):
            self.found.append((line, text))


def _of_members(name: str, node: ast.Call) -> Iterator[str]:
    """The description of a schema's member that stands below its field, as no hint does."""
    if name in ("needed", "left_out") and len(node.args) > 1:
        doc, asked = node.args[:2]
        if isinstance(asked, ast.Call) and len(asked.args) == 1 and _is_literal(doc):
            yield from filter(None, [ast.literal_eval(doc)])


def _of_choices(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The words among which an argument of an order chooses: `word("a", "b")`, `word(*KINDS)`."""
    tables = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != "word":
            continue
        for given in node.args:
            if isinstance(given, ast.Starred):
                given = tables.get(ast.unparse(given.value), given)
            for each in ast.walk(given):
                if isinstance(each, ast.Constant) and re.search("[a-z]{3}", str(each.value)):
                    yield node.lineno, str(each.value).replace("_", " ")


def _of_messages(name: str, node: ast.Call) -> Iterator[str]:
    """The pieces that a message is said with (app/text/message_parts.py): a word and its figure."""
    given = [ast.literal_eval(each) for each in node.args if _is_literal(each)]
    if name in ("named", "register") and given:
        yield f"{given[0]} %(figure)s"
    if name in ("counted", "part") and given:
        yield from (f"%(figure)s {given[0]}", f"%(figure)s {given[0]}s")
    if name == "words":
        for word, _path in (pair for pair in given if isinstance(pair, tuple)):
            yield word[:-1] if word.endswith("?") else f"{word} %(figure)s"


def _is_literal(node: ast.expr) -> bool:
    pieces = node.elts if isinstance(node, ast.Tuple) else [node]
    return all(isinstance(each, ast.Constant) for each in pieces)


def _added(node: ast.expr) -> list[ast.expr]:
    """The pieces of a text that is put together by `+`; none where no text is among them."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        pieces = _added(node.left) + _added(node.right)
        return pieces if any(isinstance(each, ast.Constant) for each in pieces) else []
    if isinstance(node, ast.JoinedStr):
        return list(node.values)
    if isinstance(node, ast.Constant):
        return [node] if isinstance(node.value, str) else []
    return [ast.FormattedValue(node, -1)]


def _name(code: str, taken: list[str]) -> str:
    """What a value is called: by the last name of the code that makes it."""
    names = re.findall(r"[A-Za-z]\w*", code.partition("(")[0]) or ["value"]
    name, number = names[-1].strip("_"), 2
    while name in taken:
        name, number = f"{names[-1]}{number}", number + 1
    return name


def main() -> int:
    """Bring all catalogues up to date; the exit status says whether texts are missing."""
    missing = 0
    for language in languages():
        for catalogue in CATALOGUES:
            for text in empty(update(language, catalogue)):
                print(f"{language}/{catalogue}: {text}")
                missing += 1
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
