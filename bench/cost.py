"""What a durable message costs: systems under one load, in turns, so that all meet the same hour.

The cost is the processor time of the server and of its database while the load runs, divided by
the messages answered.  Rounds are short and alternate; the median of each system's rounds counts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.plan import DATABASES, Plan, Row
from bench.systems import SYSTEMS, Program, System

UNIT = "CPU-ms/1000"
#: script -> what it is called, and our goals in CPU-ms per 1000 messages by database
LOADS: dict[str, tuple[str, dict[str, float]]] = {
    "sessions-16": ("whole sessions 1.6", {"sqlite": 180, "postgresql": 230}),
    "meter-16": ("MeterValues (4 samples)", {"sqlite": 170, "postgresql": 220}),
    "sessions-201": ("whole sessions 2.0.1", {"sqlite": 300, "postgresql": 400}),
}
#: What an answered call has left behind: table -> the actions that write a row there.
STORED = {
    "charging_sessions": ("StartTransaction",),
    "meter_readings": ("MeterValues", "TransactionEvent"),
    "messages": ("Authorize", "StartTransaction", "MeterValues", "StopTransaction"),
}


@dataclass
class Found:
    """What the rounds of one system came to.

    `server_ms`, `database_ms` and `redis_ms` are per 1000 messages, by round; `waits` are the
    load's, by action; `answered` counts all answers, also those of the first round.
    """

    server_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    redis_ms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    waits: list[dict[str, dict[str, float]]] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)

    @property
    def cost_ms(self) -> float:
        """CPU-ms of server and database per 1000 messages."""
        return median(map(sum, zip(self.server_ms, self.database_ms, strict=True)))

    def wait_ms(self, action: str, which: str) -> float:
        """The median over rounds of an action's "p50", "p99" or "longest"."""
        return median(each[action][which] for each in self.waits if action in each)

    def keep(self, told: dict[str, Any]) -> None:
        """Add a round, as `one_round` tells it."""
        messages = told["answered"]
        server, database, redis = (used * 1e6 / messages for used in told["cpu_s"])
        self.server_ms.append(server)
        self.database_ms.append(database)
        self.redis_ms.append(redis)
        self.rates.append(messages / told["seconds"])
        self.waits.append(told["waits_ms"])


def rows(plan: Plan, script: str) -> list[Row]:
    """Compare us with what is measured beside us under one script; print what was found."""
    name, goals = LOADS[script]
    found = compare(plan, script, wanted_by(plan, script))
    for each, told in found.items():
        print(f"  {each}:", *lines(told), sep="\n    ", flush=True)
    costs = {each: told.cost_ms for each, told in found.items()}
    made = [
        Row(
            *(f"{name}, {DATABASES[on]}", UNIT, costs[f"ours-{on}"]),
            *(costs.get(f"floor-{on}"), costs.get("baseline"), goals[on]),
        )
        for on in plan.databases
    ]
    rates = {each: median(told.rates) for each, told in found.items()}
    return made + [
        Row(
            *(f"{name}, {DATABASES[on]}", "messages/s", rates[f"ours-{on}"]),
            *(rates.get(f"floor-{on}"), rates.get("baseline")),
        )
        for on in plan.databases
    ]


def wanted_by(plan: Plan, script: str) -> list[str]:
    """The systems that are compared under a script; what is beside us need not know them all."""
    names = [f"ours-{on}" for on in plan.databases]
    if "floor" in plan.sides:
        names += [f"floor-{on}" for on in plan.databases]
    if "baseline" in plan.sides:
        names.append("baseline")
    return [name for name in names if script in SYSTEMS[name].scripts]


def compare(plan: Plan, script: str, names: Sequence[str]) -> dict[str, Found]:
    """Start systems and compare them under a script of `bench.scripts`."""
    with ExitStack() as stack:
        running = [stack.enter_context(SYSTEMS[name].start(plan.chargers)) for name in names]
        return in_turns(plan, script, running)


def in_turns(plan: Plan, script: str, running: Sequence[System]) -> dict[str, Found]:
    """Run a script against systems, in turns; return what each came to, by its name.

    The first round of each does not count.
    """
    found = {system.name: Found() for system in running}
    with ExitStack() as stack:
        loads = [stack.enter_context(load(script, system)) for system in running]
        for number in range(plan.rounds + 1):
            for system, program in zip(running, loads, strict=True):
                told = one_round(system, program, plan.seconds)
                for action, waits in told["waits_ms"].items():
                    found[system.name].answered[action] += waits["count"]
                if number:
                    found[system.name].keep(told)
        for system in running:
            check(system, found[system.name].answered)
    return found


def load(script: str, system: System, **more: Any) -> Program:
    """The load program for a system; `more` as it reads it."""
    wanted = {"port": system.port, "script": script, "stations": system.stations}
    return Program("bench.load", {**wanted, **more})


def one_round(system: System, program: Program, seconds: float) -> dict[str, Any]:
    """Drive for so long; return what the load tells, and the seconds of processor time used."""
    before = system.cpu_s()
    told = program.ask(seconds)
    used = [now - then for now, then in zip(system.cpu_s(), before, strict=True)]
    return {**told, "cpu_s": used}


def check(system: System, answered: Counter[str]) -> None:
    """Raise where something was answered and is not stored: that would be no bargain."""
    for table, actions in STORED.items():
        told, stored = sum(answered[action] for action in actions), system.count(table)
        if stored < told:
            raise SystemExit(f"{system.name}: {told} answered, {stored} stored in {table}")


def lines(found: Found) -> Iterator[str]:
    """What is worth saying of one system, for people."""
    used = (median(each) for each in (found.server_ms, found.database_ms, found.redis_ms))
    parts = "server {:.0f} + database {:.0f}; Redis {:.0f} apart".format(*used)
    spread = " ".join(
        f"{sum(both):.0f}" for both in zip(found.server_ms, found.database_ms, strict=True)
    )
    yield f"{found.cost_ms:.0f} {UNIT} ({parts}; rounds {spread}), {median(found.rates):.0f}/s"
    for action in sorted({action for each in found.waits for action in each}):
        p50, p99 = (found.wait_ms(action, which) for which in ("p50", "p99"))
        yield f"{action:<18} p50 {p50:8.1f} ms   p99 {p99:8.1f} ms"
