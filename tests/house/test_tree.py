"""The top level holds what people expect, and a package says in its first line what it is."""

import ast
import re
import subprocess

from tests.house.source import ROOT, report, sources

ALLOWED = {
    *("app", "worker", "templates", "static", "migrations", "tests", "docs", "bench", "deploy"),
    *("wsgi.py", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "Makefile"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", ".ci"),
}


def committed():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return listed.stdout.split("\n") if listed.returncode == 0 else []


def test_the_top_level_is_as_agreed():
    found = {name.split("/")[0] for name in committed() if name}
    unexpected = {name for name in found - ALLOWED if not name.startswith(".git")}
    assert not unexpected, report(sorted(unexpected))


def test_packages_say_in_their_first_line_what_they_are():
    found = [
        source.path
        for source in sources()
        if source.path.endswith("/__init__.py")
        and source.path.startswith(("app/", "worker/", "deploy/", "bench/"))
        and not ast.get_docstring(source.tree)
    ]
    assert not found, report(found)


def test_migrations_follow_one_another():
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    before = None
    for path in files:
        said = dict(re.findall(r'^(revision|down_revision) = "?(\w+)"?$', path.read_text(), re.M))
        assert said == {"revision": path.name[:4], "down_revision": str(before)}, path.name
        before = path.name[:4]
