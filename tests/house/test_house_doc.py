"""The drawing of the house in the documentation is the house."""

import importlib.util

from tests.house.source import ROOT


def test_the_committed_drawing_is_what_the_code_gives():
    spec = importlib.util.spec_from_file_location("house_map", ROOT / "docs" / "house_map.py")
    assert spec and spec.loader
    house_map = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(house_map)
    committed = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    assert committed == house_map.text().rstrip() + "\n", "run `make docs`"
