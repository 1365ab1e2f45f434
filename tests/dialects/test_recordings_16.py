"""What real chargers do (the quirk list), replayed to a running worker through a real socket."""

import pytest

from tests.dialects.replay import Stage, read, recordings

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("path", recordings("1.6"), ids=lambda path: path.stem)
def test_a_charger_that(stage: Stage, path):
    head, lines = read(path)
    stage.set_up(**head.get("station", {}))
    stage.play(lines)
