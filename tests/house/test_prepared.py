"""What one test process makes, the others of its run find."""

import pytest

from tests.support import prepared


def test_it_is_made_once_and_anew_where_it_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "FOLDER", tmp_path)
    asked = []

    def make(folder):
        asked.append(list(folder.iterdir()))
        (folder / "half").touch()
        return 1 // (len(asked) - 1)

    with pytest.raises(ZeroDivisionError):
        prepared.once("it", make)
    assert [prepared.once("it", make) for _ in range(2)] == [1, 1]
    assert asked == [[], []], "each time in an empty folder, and once more after it failed"
    assert (tmp_path / "it" / "half").exists()
