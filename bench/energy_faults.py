"""Faults put into sessions whose true energy is known: are they right, held or silently wrong?

`python -m bench.energy_faults` prints the table of docs/money.md.  Seeds are
fixed; a session is silently wrong if its bill would go out with an energy that
is off by more than 100 Wh and one percent.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from app.domain.money.billing.evidence import weigh
from bench.energy_sessions import FAULTS, Case, Fault, clean_intervals, honest

#: Off by more than both of these is wrong.
WRONG_WH, WRONG_SHARE = Decimal(100), Decimal("0.01")


@dataclass(frozen=True)
class Row:
    """What became of one fault, with and without the plug's past: counts."""

    name: str
    sessions: int
    right: int
    held: int
    wrong: int
    wrong_with_past: int

    @property
    def wrong_percent(self) -> float:
        return 100 * self.wrong / self.sessions

    @property
    def wrong_with_past_percent(self) -> float:
        return 100 * self.wrong_with_past / self.sessions


def outcome(case: Case, *, past: bool) -> str:
    """right, held or wrong."""
    found = weigh(case.facts, case.history if past else None)
    if found.energy.held:
        return "held"
    off = abs(found.energy.energy_wh - case.true_wh)
    return "wrong" if off > max(WRONG_WH, case.true_wh * WRONG_SHARE) else "right"


#: Honest sessions of each kind, then each fault: whether coarse, and what is done to them.
KINDS: dict[str, tuple[bool, Fault]] = {
    "none": (False, lambda rng, case: case),
    "none, coarse (15 min)": (True, lambda rng, case: case),
    "none, per interval": (False, clean_intervals),
    **{name: (False, fault) for name, fault in FAULTS.items()},
    **{f"{name}, coarse": (True, fault) for name, fault in FAULTS.items()},
}


def row_of(name: str, sessions: int, seed: int = 7) -> Row:
    """What becomes of the sessions of one of `KINDS`."""
    coarse, fault = KINDS[name]
    rng = random.Random(f"{seed} {name}")
    plain: list[str] = []
    with_past: list[str] = []
    while len(plain) < sessions:
        case = fault(rng, honest(rng, coarse=coarse))
        if case is not None:
            plain.append(outcome(case, past=False))
            with_past.append(outcome(case, past=True))
    counts = [plain.count(word) for word in ("right", "held", "wrong")]
    return Row(name, sessions, *counts, with_past.count("wrong"))


def study(sessions: int = 1000) -> Iterator[Row]:
    """A row for each kind."""
    return (row_of(name, sessions) for name in KINDS)


def table(rows: Iterator[Row]) -> str:
    """The study as the table of docs/money.md."""
    lines = [
        "| fault | right | held | silently wrong | with the plug's past |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        share = [100 * count / row.sessions for count in (row.right, row.held)]
        lines.append(
            f"| {row.name} | {share[0]:.1f} % | {share[1]:.1f} % "
            f"| {row.wrong_percent:.1f} % | {row.wrong_with_past_percent:.1f} % |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(study()))
