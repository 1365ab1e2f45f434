"""Whether anything gets dearer with time: a database of years, and a transaction of ten hours."""

from statistics import median

from bench.cost import in_turns, load
from bench.plan import DATABASES, Plan, Row
from bench.systems import SYSTEMS
from bench.waits import part

#: Ten hours with an event every 30 seconds, told by a few chargers at once.
EVENTS, TELLING = 1_200, 4
FLAT = 1.1
LOADS = {"sessions-16": "whole sessions 1.6", "sessions-201": "whole sessions 2.0.1"}


def years(plan: Plan) -> list[Row]:
    """The cost with 200,000 sessions and two million readings of the past, to that without."""
    rows = []
    for on in plan.databases:
        with (
            SYSTEMS[f"ours-{on}"].start(plan.chargers) as young,
            SYSTEMS[f"grown-{on}"].start(plan.chargers) as old,
        ):
            for script, about in LOADS.items():
                found = in_turns(plan, script, [young, old])
                empty, grown = (found[system.name].cost_ms for system in (young, old))
                print(f"  {on}, {script}: {empty:.0f} empty, {grown:.0f} grown", flush=True)
                name = f"{about}: years of data to none, {DATABASES[on]}"
                rows.append(Row(name, "times", grown / empty, goal=FLAT))
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
