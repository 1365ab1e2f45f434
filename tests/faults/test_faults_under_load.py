"""Two nodes under load while one thing after another goes wrong; by night all of the table.

`make faults` and `make soak` do the same for as long as is wanted, and measure what is only waited
for here.
"""

import os
import random
import tempfile
from pathlib import Path

import pytest

from tests.faults import rounds
from tests.faults.table import BY_DAY, FAULTS
from tests.faults.truth import Truth
from tests.support.chance import BY_NIGHT

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]

SEED = int(os.environ.get("FAULTS_SEED", "0")) or random.SystemRandom().randrange(10**6)
#: By day each version is twice on each node.
CHARGERS, PAUSE_S = (24 if BY_NIGHT else 12), 0.8


@pytest.fixture(scope="module")
def nodes(request):
    """Two nodes, a crowd of chargers and a stream of orders; they end with the file."""
    parameters = [item.callspec.params for item in request.session.items if _is_one(item)]
    faults = [given["fault"] for given in parameters]
    with (
        # None of pytest's folders: those are closed to others, as whom PostgreSQL may run.
        tempfile.TemporaryDirectory(prefix="ampdesk-nodes-", ignore_cleanup_errors=True) as folder,
        rounds.running(Path(folder), SEED, CHARGERS, PAUSE_S, faults) as nodes,
    ):
        yield nodes


def _is_one(item):
    """Tell whether a test that was chosen lets a fault happen."""
    return getattr(item, "originalname", "") == test_all_is_well_again_after.__name__


@pytest.fixture
def truth(nodes, request):
    """What chargers know, and the logs of all programs where that is not so."""
    sites = request.node.__dict__.setdefault("ampdesk_sites", [])
    sites.append(nodes)
    return Truth(nodes)


def chosen(fault):
    """A fault of the table, for the night unless it is one of those by day."""
    marks = () if fault.name in BY_DAY else pytest.mark.nightly
    return pytest.param(fault, id=fault.name, marks=marks)


@pytest.mark.landing
@pytest.mark.parametrize("fault", [chosen(fault) for fault in FAULTS])
def test_all_is_well_again_after(fault, nodes, truth):
    if why := nodes.lacks(fault.needs):
        pytest.skip(why)
    report = rounds.fault_under_load(nodes, truth, fault, random.Random(f"{SEED} {fault.name}"))
    assert not report.wrong, f"FAULTS_SEED={SEED}: {report.line()}"


@pytest.mark.landing
def test_the_ledgers_of_all_chargers_are_kept_to_the_word(nodes):
    rounds.finish(nodes)
