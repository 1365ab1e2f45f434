"""What chargers of 2.0.1 and 2.1 do, replayed to a running worker through a real socket."""

import pytest

from tests.dialects.replay import Stage, read, recordings

pytestmark = pytest.mark.processes

RECORDINGS = [(version, path) for version in ("2.0.1", "2.1") for path in recordings(version)]


@pytest.mark.parametrize(
    ("version", "path"), RECORDINGS, ids=[f"{version}-{path.stem}" for version, path in RECORDINGS]
)
def test_a_charger_that(stage: Stage, version, path):
    head, lines = read(path)
    stage.version = version
    stage.set_up(**head.get("station", {}))
    stage.play(lines)
