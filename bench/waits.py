"""How long chargers wait for their answers: few, many, and while others start at once."""

import time
from dataclasses import replace
from typing import Any

from bench.cost import load
from bench.load import spread
from bench.plan import DATABASES, Plan, Row
from bench.systems import SYSTEMS, System

#: So many chargers, each of which sends a message a second: far more than any does.
CROWDS, PACE_S = (20, 200, 1_000), 1.0
SCRIPTS = {"sessions-16": "1.6", "sessions-201": "2.0.1"}
#: Chargers that start in the same moment, so often, while as many others report meter values.
STARTING, BURSTS, GOAL_MS = 200, 6, 100.0
METER_PACE_S = 0.5
PARTS = ("p50", "p99")


def by_action(plan: Plan) -> list[Row]:
    """Median and 99th percentile of every action, by version, database and number of chargers."""
    rows = []
    crowds = CROWDS if plan.share == 1 else CROWDS[:1]
    for on in plan.databases:
        with SYSTEMS[f"ours-{on}"].start(2 * max(crowds)) as system:
            for crowd in crowds:
                for number, (script, version) in enumerate(SCRIPTS.items()):
                    first = number * max(crowds)  # a station does not change its version
                    some = part(system, first, first + crowd)
                    with load(script, some, pace_s=PACE_S) as program:
                        program.ask(PACE_S)
                        waits = program.ask(plan.seconds * 2)["waits_ms"]
                    for action in sorted(waits):
                        name = f"{action} {version}, {crowd:,} chargers, {DATABASES[on]}"
                        rows += [Row(f"{name}, {p}", "ms", waits[action][p]) for p in PARTS]
    return rows


def part(system: System, begin: int, end: int) -> System:
    """The same system with some of its stations."""
    return replace(system, stations=system.stations[begin:end])


def while_starting(plan: Plan) -> list[Row]:
    """The 99th percentile of MeterValues that meet others starting at once."""
    rows = []
    for on in plan.databases:
        with SYSTEMS[f"ours-{on}"].start(2 * plan.scaled(STARTING)) as system:
            met, bursts = measure(system)
        name = f"MeterValues while {plan.scaled(STARTING)} start at once, {DATABASES[on]}"
        rows.append(Row(f"{name}, p99", "ms", met["p99"], goal=GOAL_MS))
        print(f"  {on}: {met}, all started after {max(bursts) * 1000:.0f} ms", flush=True)
    return rows


def measure(system: System) -> tuple[dict[str, float], list[float]]:
    """Return the waits of MeterValues that met a burst, and how long each burst took in s."""
    half = len(system.stations) // 2
    starting, reporting = part(system, 0, half), part(system, half, 2 * half)
    with (
        load("starts-16", starting) as starts,
        load("meter-16", reporting, pace_s=METER_PACE_S, each=True) as meter,
    ):
        meter.ask(1)
        meter.tell(str(float(BURSTS)))
        windows = []
        for _ in range(BURSTS):
            windows.append(starts.ask(0)["when"])
            starts.ask(0)
            time.sleep(0.2)
        found = meter.answer()["each"]["MeterValues"]
    waits = [wait for at, wait in found if meets(at, at + wait, windows)]
    return spread(waits or [0.0]), [end - begin for begin, end in windows]


def meets(begin: float, end: float, windows: list[Any]) -> bool:
    """Whether a stretch of time shares a moment with one of others."""
    return any(begin <= other_end and other <= end for other, other_end in windows)
