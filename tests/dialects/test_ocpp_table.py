"""docs/ocpp.md: written from the code, current, and without a gap."""

import importlib.util
from pathlib import Path

import pytest

from worker.ocpp.versions import Version

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("ocpp_table", DOCS / "ocpp_table.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shipped(version: Version) -> set[str]:
    """The messages whose schemas the `ocpp` package ships, read off its folder."""
    spec = importlib.util.find_spec("ocpp")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / f"v{version.value.replace('.', '')}"
    stems = {path.stem for path in (folder / "schemas").glob("*.json")}
    return {stem.removesuffix("Response").removesuffix("Request") for stem in stems}


@pytest.mark.parametrize("version", Version)
def test_every_schema_has_a_row(table, version):
    assert {row.action for row in table.rows(version)} == shipped(version)


@pytest.mark.parametrize("version", Version)
def test_no_message_is_only_raw_or_goes_unhandled(table, version):
    bare = [row.action for row in table.rows(version) if row.handled in ("", "``", "raw only")]
    assert bare == [], "a message to a station needs an order, one of a station a handler"


def test_the_numbers_of_messages_are_those_of_the_specifications(table):
    counts = {version.value: len(shipped(version)) for version in Version}
    assert counts == {"1.6": 39, "2.0.1": 64, "2.1": 91}


def test_the_committed_file_is_current(table):
    assert table.FILE.read_text(encoding="utf-8") == table.page(), "run `make docs`"
