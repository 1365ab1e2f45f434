"""The bench measures what it says: its load is honest, and what the floor answers is stored."""

from dataclasses import replace

import pytest

from bench.__main__ import PARTS
from bench.cost import compare, rows
from bench.plan import Plan, Row
from bench.scripts import SCRIPTS
from worker.ocpp import schemas
from worker.ocpp.versions import Version

VERSIONS = {"ocpp1.6": Version.V16, "ocpp2.0.1": Version.V201}
SMALL = Plan(
    chargers=2, seconds=0.2, rounds=1, share=0.005, minutes=0.05, sides=(), databases=("sqlite",)
)
ANSWERS = {"StartTransaction": {"transactionId": 7}}


@pytest.mark.parametrize("script", SCRIPTS)
def test_chargers_under_load_say_what_their_version_allows(script):
    protocol, lines = SCRIPTS[script]
    telling = lines("BENCH00000", 2)
    action, payload = next(telling)
    for _ in range(40):
        assert schemas.violation(VERSIONS[protocol], action, "call", payload) is None
        action, payload = telling.send(ANSWERS.get(action, {}))


def test_a_ratio_is_that_to_the_baseline_and_else_to_the_floor():
    assert Row("a", "ms", 2.0, floor=1.0, baseline=4.0).ratio == 0.5
    assert Row("a", "ms", 2.0, floor=1.0).ratio == 2.0
    assert Row("a", "ms", 2.0).as_json()["ratio"] is None


@pytest.mark.landing
@pytest.mark.processes
@pytest.mark.parametrize(
    "on",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.nightly]),
    ],
)
def test_the_floor_stores_what_it_answers(on):
    found = compare(SMALL, "sessions-201", [f"floor-{on}"])[f"floor-{on}"]
    assert found.answered.total() >= SMALL.chargers * SMALL.rounds
    assert found.cost_ms >= 0


@pytest.mark.nightly
@pytest.mark.processes
def test_we_are_compared_with_the_floor():
    plan = replace(SMALL, sides=("floor",))
    (cost, rate) = rows(plan, "sessions-16")
    assert (cost.name, rate.unit) == ("whole sessions 1.6, SQLite", "messages/s")
    assert cost.floor is not None and cost.baseline is None


@pytest.mark.nightly
@pytest.mark.processes
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "part",
    ["bills", "orders", "waits-while-starting", "arrivals", "memory", "readings", "exports"],
)
def test_every_figure_can_be_found(part):
    found = PARTS[part](SMALL)
    assert found
    assert all(row.ours >= 0 for row in found)
