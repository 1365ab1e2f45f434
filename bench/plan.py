"""How much is measured, and the rows that come of it."""

import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True)
class Row:
    """One figure of ours, beside that of the floor and of the baseline where they have one.

    `ratio` is ours to the baseline's, or to the floor's where there is no baseline.  `goal` is what
    ours is to stay below.
    """

    name: str
    unit: str
    ours: float
    floor: float | None = None
    baseline: float | None = None
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        other = self.baseline or self.floor
        return self.ours / other if other else None

    def as_json(self) -> dict[str, Any]:
        """As it stands in var/bench/latest.json."""
        found = {**asdict(self), "ratio": self.ratio}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in found.items()
        }


@dataclass(frozen=True)
class Plan:
    """What is run: rounds of so many seconds, with so many chargers, on these databases.

    `warm_up` is how many rounds come before those that count.
    `minutes` is how long memory is watched, `readings` how many a grown database holds.
    `sides` are what is measured beside us: "floor" and "baseline"; `share` is how much of crowds
    and heaps is measured.
    """

    chargers: int = 200
    seconds: float = 3.0
    rounds: int = 3
    warm_up: int = 2
    share: float = 1.0
    minutes: float = 2.0
    readings: int = 5_000_000
    databases: tuple[str, ...] = tuple(DATABASES)
    sides: tuple[str, ...] = ("floor", "baseline")
    only: tuple[str, ...] = field(default=())

    @classmethod
    def from_environment(cls) -> "Plan":
        """Read BENCH_ONLY, _QUICK, _CHARGERS, _SECONDS, _ROUNDS, _MINUTES and _READINGS."""
        given = os.environ
        quick = given.get("BENCH_QUICK", "") not in ("", "0")
        plan = cls(share=0.1, chargers=50, seconds=1.5, rounds=1, warm_up=1) if quick else cls()
        return replace(
            plan,
            chargers=int(given.get("BENCH_CHARGERS", plan.chargers)),
            seconds=float(given.get("BENCH_SECONDS", plan.seconds)),
            rounds=int(given.get("BENCH_ROUNDS", plan.rounds)),
            minutes=float(given.get("BENCH_MINUTES", plan.minutes)),
            readings=int(given.get("BENCH_READINGS", plan.readings)),
            only=tuple(filter(None, given.get("BENCH_ONLY", "").split(","))),
        )

    def scaled(self, count: int) -> int:
        """The plan's share of so many."""
        return max(round(count * self.share), 1)


def print_rows(rows: list[Row]) -> None:
    """Print rows for people, ratios first."""
    titles = ("÷ base", "÷ floor", "÷ goal", "ours", "floor", "baseline", "goal", "unit", "what")
    print("".join(f"{title:>10}" for title in titles[:-2]), f" {titles[-2]:<14}{titles[-1]}")
    for row in rows:
        ratios = [
            row.ours / other if other else None for other in (row.baseline, row.floor, row.goal)
        ]
        numbers = [*ratios, row.ours, row.floor, row.baseline, row.goal]
        print("".join(map(_cell, numbers)), f" {row.unit:<14}{row.name}", flush=True)


def _cell(number: float | None) -> str:
    if number is None:
        return f"{'–':>10}"
    return f"{number:>10,.2f}" if abs(number) < 100 else f"{number:>10,.0f}"
