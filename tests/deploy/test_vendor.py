"""The browser libraries in the repository are those of the list, whole and pinned."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
PACKAGES = tomllib.loads((ROOT / "deploy" / "vendor.toml").read_text())["package"]


def folder(package):
    return ROOT / package.get("into", "static/vendor") / f"{package['name']}@{package['version']}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_a_package_is_pinned_by_its_digest_and_complete(package):
    assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", package["integrity"])
    kept = {path.name for path in folder(package).iterdir()}
    assert kept == {*package["files"].values(), *filter(None, [package.get("sprite")])}


def test_nothing_else_lies_there():
    assert set(VENDOR.iterdir()) == {
        folder(package) for package in PACKAGES if "into" not in package
    }


def test_the_sprite_holds_the_icons_of_the_list():
    package = next(package for package in PACKAGES if "sprite" in package)
    sprite = (folder(package) / package["sprite"]).read_text()
    assert set(re.findall(r'<symbol id="([^"]+)"', sprite)) == set(package["icons"])


def test_no_library_fetches_anything_from_elsewhere():
    for path in VENDOR.rglob("*.css"):
        found = re.findall(r"url\((?!['\"]?data:)|@import", path.read_text())
        assert not found, path


def test_pages_name_versions_that_are_there():
    texts = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static" / "css").glob("*.css")]
    for path in texts:
        for named in re.findall(r"vendor/([^\s'\")?]+)", path.read_text()):
            assert (VENDOR / named).exists(), f"{path.name} names {named}"
