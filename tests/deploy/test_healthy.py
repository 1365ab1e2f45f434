"""`deploy.part healthy`: who hangs is told from who waits for Redis."""

import os
from pathlib import Path

import pytest

from app.config import Settings
from app.process import pulse
from app.process.pulse import Pulse, sign_of_life
from deploy.healthy import healthy
from tests.support.site import kept
from tests.support.wait import eventually

#: A loop that has stood still for so long hangs in the processes that are started here.
STILL_S = 2.0
HURRIED = (
    "import runpy; from app.process import pulse; "
    f"pulse.PAUSE_S, pulse.LOOP_STILL_S = 0.1, {STILL_S}; "
    "runpy.run_module('celery', run_name='__main__', alter_sys=True)"
)


def hurried(name, command):
    """Under its keeper, with little patience for a loop that stands still."""
    at = command.index("-m")
    return kept(name, [*command[:at], "-c", HURRIED, *command[at + 2 :]])


def alive(one, path):
    path.unlink(missing_ok=True)
    one.tell(path)
    return path.exists()


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_processes_of_tasks_are_alive_also_while_redis_is_away(make_site, monkeypatch, tmp_path):
    monkeypatch.setattr(pulse, "LOOP_STILL_S", 2 * STILL_S)
    site = make_site("sqlite", processes=("celery", "beat"), launch=hurried)
    still = Pulse()
    for away in (False, True):
        if away:
            site.kill9("redis")
            still.turn()
            eventually(lambda: not alive(still, tmp_path / "still"), what="loops that stand hang")
        for name in ("celery", "beat"):
            eventually(lambda name=name: sign_of_life(name, site.settings).exists(), what=name)
            os.utime(sign_of_life(name, site.settings), (0, 0))
            eventually(lambda name=name: healthy(name, site.settings), what=f"{name} lives")
    for name in ("celery", "beat"):
        site.kill9(name)
        os.utime(sign_of_life(name, site.settings), (0, 0))
        assert not healthy(name, site.settings)


def test_a_part_that_never_was_is_not_alive(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert not healthy("celery-bills", settings)
    with pytest.raises(KeyError):
        healthy("migrate", settings)


def test_a_loop_that_no_longer_turns_alive(monkeypatch, tmp_path):
    monkeypatch.setattr(pulse, "LOOP_STILL_S", 0.2)
    one, path = Pulse(), tmp_path / "alive"
    assert alive(one, path), "who has not begun is alive"
    one.turn()
    eventually(lambda: not alive(one, path), what="it hangs")
    one.turn()
    assert alive(one, path)
    eventually(lambda: not alive(one, path), what="it hangs again")
    one.wait()
    assert alive(one, path), "who waits is alive"


def test_a_sign_of_life_that_cannot_be_given_is_given_later(monkeypatch, tmp_path):
    monkeypatch.setattr(pulse, "PAUSE_S", 0.01)
    tried, touch = [], Path.touch
    monkeypatch.setattr(Path, "touch", lambda path: (tried.append(path), touch(path)))
    folder = tmp_path / "away"
    Pulse().begin(folder / "alive")
    eventually(lambda: len(tried) > 1, what="it is tried again")
    folder.mkdir()
    eventually((folder / "alive").exists, what="it is given")
