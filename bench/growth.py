"""Whether anything gets dearer with time: a database of years, and a transaction of ten hours."""

from collections.abc import Mapping
from statistics import median

from bench import past
from bench.cost import in_turns, load
from bench.plan import DATABASES, Plan, Row
from bench.systems import SYSTEMS, ours
from bench.waits import part

#: Ten hours with an event every 30 seconds, told by a few chargers at once.
EVENTS, TELLING = 1_200, 4
FLAT = 1.1
#: A heap of readings may make theirs and whole sessions dearer by so much.
FLAT_OF_READINGS = 1.2
OF_READINGS = {"meter-16": "MeterValues (4 samples)", "sessions-16": "whole sessions 1.6"}
LOADS = {"sessions-16": "whole sessions 1.6", "sessions-201": "whole sessions 2.0.1"}


def years(plan: Plan) -> list[Row]:
    """The cost with 200,000 sessions and two million readings of the past, to that without."""
    return _to_none(plan, LOADS, past.SESSIONS, "years of data", FLAT)


def readings(plan: Plan) -> list[Row]:
    """The cost with so many readings of the past (BENCH_READINGS), to that without."""
    sessions = max(plan.scaled(plan.readings) // (plan.chargers * past.READINGS), 1)
    count = sessions * plan.chargers * past.READINGS
    return _to_none(plan, OF_READINGS, sessions, f"{count:,} readings", FLAT_OF_READINGS)


def _to_none(
    plan: Plan, scripts: Mapping[str, str], sessions: int, what: str, goal: float
) -> list[Row]:
    """The cost of messages with a past of so many sessions of each station, to that without."""
    rows = []
    for on in plan.databases:
        with (
            ours(on, plan.chargers) as young,
            ours(on, plan.chargers, name="grown", sessions=sessions) as old,
        ):
            for script, about in scripts.items():
                found = in_turns(plan, script, [young, old])
                empty, grown = (found[system.name].cost_ms for system in (young, old))
                print(f"  {on}, {script}: {empty:.0f} empty, {grown:.0f} grown", flush=True)
                name = f"{about}: {what} to none, {DATABASES[on]}"
                rows.append(Row(name, "times", grown / empty, goal=goal))
    return rows


def long_transaction(plan: Plan) -> list[Row]:
    """The cost of the last hundred events of a long transaction, to that of the first."""
    rows = []
    hundreds = max(plan.scaled(EVENTS // 100), 2)
    for on in plan.databases:
        with SYSTEMS[f"ours-{on}"].start(2 * TELLING) as system:
            with load("long-201", part(system, TELLING, 2 * TELLING)) as warm_up:
                for _ in range(100):
                    warm_up.ask(0)
            costs = []
            with load("long-201", part(system, 0, TELLING)) as program:
                for _ in range(hundreds):
                    before = sum(system.cpu_s())
                    for _ in range(100):
                        program.ask(0)
                    costs.append((sum(system.cpu_s()) - before) * 1000 / (100 * TELLING))
        print(f"  {on}: CPU-ms of an event,", *(f"{cost:.1f}" for cost in costs), flush=True)
        name = f"event of a transaction of {hundreds * 100:,}, {DATABASES[on]}"
        rows.append(
            Row(f"{name}: the last hundred to the first", "times", costs[-1] / costs[0], goal=FLAT)
        )
        rows.append(Row(f"{name}: median", "CPU-ms", median(costs)))
    return rows
