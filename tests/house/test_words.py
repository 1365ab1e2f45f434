"""What may be written only in certain places, and what nowhere."""

import ast
import os
import re
from functools import cache
from pathlib import Path

from tests.house.source import ROOT, report, sources, under

CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "dt.datetime.now")
PURE_CLOCKS = (*CLOCKS, "time.time", "time.monotonic", "time.time_ns", "time.monotonic_ns")
CLOCKLESS = ("app/domain/", "app/models/", "app/queries/", "app/forms/", "worker/dialects/")

HERE = "tests/house/"
TEXT_SUFFIXES = {".py", ".html", ".txt", ".md", ".toml", ".js", ".css", ".yml", ".yaml", ".sh"}
SKIPPED = {".git", ".venv", "var", "node_modules", "__pycache__", "vendor"}


@cache
def texts():
    found = []
    for folder, inside, files in os.walk(ROOT):
        inside[:] = sorted(set(inside) - SKIPPED)
        for path in (Path(folder) / file for file in sorted(files)):
            name = path.relative_to(ROOT).as_posix()
            is_text = path.suffix in TEXT_SUFFIXES or path.name in {"Makefile", "run"}
            if is_text and not name.startswith(HERE):
                found.append((name, path.read_text(encoding="utf-8", errors="replace")))
    return found


def lines_with(pattern, files):
    expression = re.compile(pattern)
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        if expression.search(line)
    ]


def calls_of(names, files):
    return [
        f"{source.path}:{line} calls {name}"
        for source in files
        for line, name in source.calls()
        if name in names
    ]


def test_one_place_commits():
    found = [
        f"{source.path}:{line} calls {name}"
        for source in under("app/", "worker/", "deploy/", "wsgi.py")
        if source.path != "app/uow.py"
        for line, name in source.calls()
        if name.endswith(".commit")
    ]
    assert not found, report(found)


def test_only_entry_points_read_the_calendar():
    found = calls_of(CLOCKS, under(*CLOCKLESS, "worker/ocpp/", "app/config.py", "app/reactions.py"))
    assert not found, report(found)


def test_pure_code_reads_no_clock_at_all():
    found = calls_of(PURE_CLOCKS, under("app/domain/", "worker/ocpp/", "worker/dialects/"))
    assert not found, report(found)


def test_tests_wait_for_conditions_and_never_just_sleep():
    files = [source for source in under("tests/") if source.path != "tests/support/wait.py"]
    found = calls_of(("time.sleep", "sleep", "gevent.sleep"), files)
    assert not found, report(found)


def test_nothing_is_left_for_later():
    found = lines_with(r"\b(TODO|FIXME|NotImplementedError)\b|# *XXX", texts())
    assert not found, report(found)


def test_functions_are_named_by_what_they_return_or_do():
    found = [
        f"{source.path}:{node.lineno} calls a function {node.name}"
        for source in sources()
        for node in source.functions()
        if re.fullmatch(r"(?!test_)(\w*_)?told", node.name)
    ]
    assert not found, report(found)


def test_templates_escape_everything():
    templates = [(name, text) for name, text in texts() if name.startswith("templates/")]
    found = lines_with(r"\|\s*safe\b|autoescape\s+false|\bMarkup\(", templates)
    assert not found, report(found)


def test_pages_carry_no_inline_handlers_or_styles():
    pages = [
        (name, text)
        for name, text in texts()
        if name.startswith("templates/") and not name.startswith("templates/email/")
    ]
    found = lines_with(r"""\s(style|on[a-z]+)=["']""", pages)
    assert not found, report(found)


def test_no_file_names_somebodys_machine():
    machine = r"(?<![\w.])/(work|root|home|opt|Users)/"
    found = lines_with(machine, texts())
    assert not found, report(found)


def test_requirements_are_pinned_by_version_and_hash_and_name_no_index():
    lists = [*ROOT.glob("requirements*.txt"), *ROOT.glob("deploy/requirements*.txt")]
    assert len(lists) == 4
    for name in lists:
        text = name.read_text(encoding="utf-8")
        for line in text.replace(" \\\n", "").splitlines():
            pin = r"[\w.-]+==[\w.]+( ;[^\\]*?)?( +--hash=sha256:[0-9a-f]{64})+"
            assert re.fullmatch(rf"#.*|-r [\w./-]*requirements(-watch)?\.txt|{pin}", line), line


def test_every_file_of_the_product_says_what_it_is_for():
    found = [
        source.path
        for source in sources()
        if source.path.startswith(("app/", "worker/", "deploy/", "bench/", "wsgi.py"))
        and source.text.strip()
        and not ast.get_docstring(source.tree)
    ]
    assert not found, report(found)


def test_facts_of_the_field_are_cited_only_where_they_are_explained():
    page = (ROOT / "docs/field.md").read_text()
    known = set(re.findall(r"^\| ([A-Z]\d+) \|", page, re.M))
    known |= set(re.findall(r"^#+ (\d(?:\.\d)?)\.? ", page, re.M))
    found = [
        f"{name}:{line} cites FIELD {code}"
        for name, text in texts()
        for line, words in enumerate(text.splitlines(), 1)
        for code in re.findall(r"FIELD (?:section )?([A-Z]\d+|\d(?:\.\d)?)\b", words)
        if code not in known
    ]
    assert not found, report(found)
