"""Which programs are installed for the tests (`make browser`)."""

import os
from pathlib import Path

import pytest

from deploy import browser


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer without any of them, whose folder of programs this is."""
    for name in ("CHROMIUM", "AMPDESK_REQUIRE_BROWSER", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "NGINX_ELSEWHERE", "")
    return tmp_path


def have(path: Path, *names: str) -> None:
    for name in names:
        (path / name).write_text("#!/bin/sh\n")
        (path / name).chmod(0o755)


def test_what_is_missing_is_installed(path):
    assert browser.wanted() == ["chromium-headless-shell", "fonts-liberation", "nginx-light"]


def test_a_browser_that_is_there_will_do(path):
    have(path, "chromium", "nginx")
    assert browser.wanted() == []
    assert browser.find() == str(path / "chromium")


def test_where_all_tests_must_run_the_cheaper_browser_is_installed_beside_it(path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    have(path, "chromium", "nginx", "promtool")
    assert browser.wanted() == ["chromium-headless-shell"]
    have(path, "chromium-headless-shell")
    assert browser.wanted() == []
    assert browser.find() == str(path / "chromium-headless-shell")


def test_a_browser_that_somebody_named_is_the_one(path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    have(path, "chromium", "nginx", "promtool")
    monkeypatch.setenv("CHROMIUM", str(path / "chromium"))
    assert browser.wanted() == []


def test_rules_of_alerts_are_tested_where_all_tests_must_run(path, monkeypatch):
    have(path, "chromium", "chromium-headless-shell", "nginx")
    assert browser.wanted() == []
    monkeypatch.setenv("CI", "true")
    assert browser.wanted() == ["prometheus"]


def test_of_packages_one_that_is_unknown_keeps_no_other_from_coming(path, monkeypatch):
    """A computer whose Debian does not know the headless shell."""
    have(path, "apt-get")
    (path / "apt-get").write_text(
        "#!/bin/sh\n"
        f'for last; do :; done; case "$last" in chromium|nginx-light)'
        f' : > "{path}/${{last%-light}}"; /bin/chmod 755 "{path}/${{last%-light}}";;'
        " update|fonts-liberation) ;; *) echo unknown; exit 100;; esac\n"
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert browser.main() == 0
    assert browser.find() == str(path / "chromium")
