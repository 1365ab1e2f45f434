"""How long things took, counted by size: what a histogram of Prometheus shows."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

#: Upper ends in seconds of the classes that times are counted in; the last class has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Times:
    """Figures of one kind, each counted in its class, and their sum.

    One thread counts, so there is no lock: a message costs a fifth of a microsecond.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, figure: float) -> None:
        """Count one."""
        self.counts[bisect_left(self.bounds, figure)] += 1
        self.total += figure

    def merge(self, other: "Times") -> None:
        """Count all of another's."""
        self.counts = [mine + more for mine, more in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def buckets(self) -> list[tuple[str, float]]:
        """How many were not above each bound, as Prometheus wants it."""
        ends = [*(str(bound) for bound in self.bounds), "+Inf"]
        return list(zip(ends, map(float, accumulate(self.counts)), strict=True))
