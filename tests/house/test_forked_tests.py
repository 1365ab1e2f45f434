"""What test processes are forked with, what each runs, and that nothing is lost by it."""

import sys
from types import SimpleNamespace

import pytest

import tests
from tests.conftest import ByRoom
from tests.support import forked_tests


@pytest.mark.parametrize(
    ("asked", "last", "kept"),
    [
        ("", "", {"test_one", "test_other"}),
        ("/test_one.py::test_it", "", {"test_one"}),
        ("", "1 // 0", set()),
    ],
)
def test_a_file_that_fails_is_loaded_again_by_whoever_tells_of_it(tmp_path, asked, last, kept):
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_one.py").write_text("def test_it(): ...\n")
    (folder / "test_other.py").write_text(f"def test_it(): ...\n{last}\n")
    own = ["-c", str(tmp_path / "none.ini"), "--rootdir", str(tmp_path)]
    (tmp_path / "none.ini").write_text("[pytest]\n")
    arguments = [f"{folder}{asked}", *own, "--import-mode=importlib", "-p", "no:cacheprovider"]
    known = set(sys.modules)
    forked_tests.load(SimpleNamespace(invocation_params=SimpleNamespace(args=arguments)))
    found = {name for name in sys.modules.keys() - known if name.startswith("tests.")}
    inside = {name for name in ("test_one", "test_other") if hasattr(tests, name)}
    for name in found:
        forked_tests._forget(name)
    assert found == {f"tests.{name}" for name in kept}
    assert inside == kept, "or whoever takes one from its package gets another than who imports it"


def test_where_a_test_ends_its_process_the_rest_of_its_room_still_runs():
    rooms = ByRoom(SimpleNamespace(getvalue=lambda _: ["popen"]))
    rooms.assigned_work["a process"] = {"a room": {"one": True, "two": False, "three": False}}
    assert rooms.remove_node("a process") == "two"
    assert rooms.workqueue == {"a room": {"one": True, "two": True, "three": False}}
