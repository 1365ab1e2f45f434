"""One fault at a seeded moment under load, and what came of it."""

import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from app.models import Receipt
from tests.faults import told
from tests.faults.nodes import Nodes, instant_text, small_discs
from tests.faults.table import Fault
from tests.faults.truth import TRUTHS, Truth, spread
from tests.support.depot import MAIL
from tests.support.wait import eventually, passing

#: A fault comes so long after the one before was over, at most.
MOMENT_S = 3.0


class Counts:
    """What has been counted so far."""

    def __init__(self, nodes: Nodes) -> None:
        self.closes: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        for one in nodes.chargers:
            self.closes.update(one.closes)
            self.refused.update(one.refusals)
        self.errors = sum(len(one.errors) for one in nodes.chargers)
        self.deaths = {name: list(nodes.deaths[name]) for name in nodes.processes}


@dataclass
class Report:
    """What is worth to be told of one fault."""

    fault: Fault
    at: str = ""
    took: dict[str, float] = field(default_factory=dict)
    p99_ms: int | None = None
    worst_ms: int = 0
    closes: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    lost_answers: dict[str, str] = field(default_factory=dict)
    deaths: dict[str, list[int]] = field(default_factory=dict)
    rss: dict[str, int] = field(default_factory=dict)
    load: float = 0.0
    wrong: str = ""

    def wait(self, truth: Truth, of: Collection[str], when: str = "") -> dict[str, float]:
        """Wait for truths; note what does not come true."""
        try:
            return truth.wait(of)
        except AssertionError as error:
            self.wrong += f"{when}{error} {error.__cause__ or ''}"
            return {}

    def hold(self, most_ms: float, presence_s: float) -> None:
        """Note as wrong what took longer than is promised; 0: that is not looked at."""
        if most_ms and (self.p99_ms or 0) > most_ms:
            self.wrong += f"chargers that it does not concern waited more than {most_ms:g} ms; "
        if presence_s and (took := self.took.get("presence", 0.0)) > presence_s:
            self.wrong += f"who is connected was known after {took:g} s, not {presence_s:g}; "

    def since(self, before: "Counts", after: "Counts") -> None:
        """Note what came between two counts."""
        self.closes, self.refused = after.closes - before.closes, after.refused - before.refused
        self.errors = after.errors - before.errors
        self.deaths = {
            name: codes[len(before.deaths[name]) :]
            for name, codes in after.deaths.items()
            if len(codes) > len(before.deaths[name])
        }
        # Killed is below 0, and asked to end is 0: whoever ends with more has found no way on.
        # Celery does where Redis refuses what it writes, and finds it as soon as there is room.
        ended = any(code > 0 for codes in self.deaths.values() for code in codes)
        if ended and self.fault.needs != "discs":
            self.wrong += f"ended by themselves: {self.deaths}; "

    def line(self) -> str:
        """One line for people."""
        others = "-" if self.p99_ms is None else f"{self.p99_ms} ms"
        parts = [
            f"{self.at} {'WRONG' if self.wrong else 'well '} {self.fault.name}: load {self.load},",
            f"true again after {max(self.took.values(), default=0):g} s {self.took},",
            f"others' p99 {others}, longest {self.worst_ms} ms,",
            f"closed {dict(self.closes)}, not let in {dict(self.refused)}, errors {self.errors},",
            f"answers lost {self.lost_answers}, ended {self.deaths}, MiB {self.rss}",
        ]
        return " ".join(parts) + (f"\n    {self.wrong}" if self.wrong else "")


def fault_under_load(nodes: Nodes, truth: Truth, fault: Fault, dice: random.Random) -> Report:
    """Let a fault happen at a moment by chance and wait until all is well again.

    What is not is told in the report's `wrong`.
    """
    passing(dice.uniform(0.5, MOMENT_S))
    before = Counts(nodes)
    report = Report(fault, instant_text(time.time()))
    begin = time.time()
    with contextlib.contextmanager(fault.inflict)(nodes):
        passing(fault.lasts_s * dice.uniform(0.8, 1.2))
        report.wait(truth, fault.meanwhile, "meanwhile ")
    over = time.time()
    report.took = report.wait(truth, TRUTHS)
    _measure(nodes, report, begin, over)
    report.since(before, Counts(nodes))
    with contextlib.suppress(Exception):
        report.lost_answers = truth.lost_answers()
    report.rss, report.load = nodes.rss(), load()
    return report


def load() -> float:
    """How many programs want to run on this computer, on average of a minute."""
    return round(os.getloadavg()[0], 1)


def _measure(nodes: Nodes, report: Report, begin: float, over: float) -> None:
    """How long chargers waited meanwhile: those whom it does not concern, and at most anybody."""
    waits = [
        (one.node, one.seconds)
        for charger in nodes.chargers
        for one in charger.waits
        if begin - 1 < one.at < over
    ]
    concerned = (None, *report.fault.concerns)
    others = [seconds for node, seconds in waits if node not in concerned]
    if others:
        report.p99_ms = spread(others)[1]
    report.worst_ms = round(max((seconds for _, seconds in waits), default=0.0) * 1000)


def finish(nodes: Nodes) -> None:
    """Let the chargers go home, and compare their ledgers with the tables once more, strictly."""
    nodes.orders.stop()
    nodes.crowd.ask_to_end()
    assert nodes.crowd.join(120), "chargers do not come to their end"
    told.answers(nodes.chargers)
    told.wait_until_billed(nodes)
    with nodes.read() as db:
        told.Seen(nodes.chargers).check(db)
        for charger in nodes.chargers:
            # What was committed unheard is done again: the log and the decisions hold it twice.
            told.check_once(db, charger, redone=100)
        told.check_bills(db, nodes.chargers)
    eventually(lambda: _mails_are_right(nodes), what="no mail is on its way")


def _mails_are_right(nodes: Nodes) -> bool:
    with nodes.read() as db:
        states = Counter(db.scalars(select(Receipt.state)))
        try:
            told.check_mails(db, nodes.mail.to(MAIL), nodes.mail.refused)
        except AssertionError as error:
            came = len(nodes.mail.to(MAIL))
            raise AssertionError(f"{came} mails came, receipts: {dict(states)}") from error
    return True


@contextlib.contextmanager
def running(
    folder: Path, seed: int, chargers: int, pause_s: float, faults: Collection[Fault]
) -> Iterator[Nodes]:
    """Two nodes that run, with a crowd that has been at it for a moment, for these faults."""
    clocks = any(fault.needs == "clocks" for fault in faults)
    with small_discs(folder) as discs:
        nodes = Nodes(folder, discs, seed, chargers, pause_s, clocks)
        try:
            nodes.start()
            eventually(
                lambda: all(len(one.answered) > 2 for one in nodes.chargers), what="all have begun"
            )
            yield nodes
        finally:
            nodes.stop()
