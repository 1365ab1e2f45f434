"""Faults by chance for so long, or each of them once: `python -m tests.faults.soak --help`.

A line for each fault: when it was, how busy the computer is, how long until all was well again, how
long chargers waited whom it did not concern, how lines were closed, what ended, and what each
program has in memory.  Status 1 when something was not well again, or not as soon as is promised;
the seed that is printed brings the same faults in the same order at the same moments.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults import rounds
from tests.faults.nodes import Nodes
from tests.faults.table import FAULTS, Fault
from tests.faults.truth import WITHIN_S, Truth, spread
from tests.support.wait import passing

#: What is promised: 99 of 100 answers of chargers whom a fault does not concern come within so many
#: ms, and so many seconds after a fault it is known again who is connected.
HOLD_MS, HOLD_PRESENCE_S = 500, 20.0
#: For so long they are looked at before anything goes wrong.
CALM_S = 5.0


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="for so long; 0: each fault once")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", default="", help="words of names, by commas")
    parser.add_argument("--chargers", type=int, default=48)
    parser.add_argument("--pause", type=float, default=1.0, help="between two calls, in seconds")
    parser.add_argument("--within", type=float, default=WITHIN_S, help="until all is well, in s")
    busy = "; more on a computer that is busy with other things, 0: nothing is held"
    parser.add_argument(
        "--hold-ms", type=float, default=HOLD_MS, help="p99 of others, in ms" + busy
    )
    parser.add_argument(
        "--hold-presence", type=float, default=HOLD_PRESENCE_S, help="in s, who is connected" + busy
    )
    parser.add_argument("--list", action="store_true", help="print the faults and end")
    parser.add_argument("--keep", action="store_true", help="keep the logs also of a good run")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # programs and discs end as they began
    words = [word.strip() for word in given.only.split(",") if word.strip()]
    chosen = [one for one in FAULTS if not words or any(word in one.name for word in words)]
    if given.list:
        print("\n".join(one.name for one in chosen))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="ampdesk-faults-"))
    print(f"{len(chosen)} faults, {given.chargers} chargers, --seed {given.seed}", flush=True)
    wrong = soak(folder, given, chosen)
    print(f"{wrong} faults were not well again; --seed {given.seed}; logs: {folder}", flush=True)
    if not wrong and not given.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


def soak(folder: Path, given: argparse.Namespace, chosen: list[Fault]) -> int:
    """Let the faults happen; return how many were not well again."""
    dice, wrong = random.Random(given.seed), 0
    about = (given.seed, given.chargers, given.pause)
    with rounds.running(folder, *about, chosen) as nodes:
        truth = Truth(nodes, given.within)
        try:
            see_calm(nodes, truth, given.hold_ms)
        except AssertionError as error:
            (folder / "logs-calm").write_text(nodes.logs(), "utf-8")
            print(f"WRONG before any fault: {error} {error.__cause__ or ''}", flush=True)
            return 1
        for fault in turns(dice, chosen, given.minutes):
            if why := nodes.lacks(fault.needs):
                print(f"         left out: {fault.name}: {why}", flush=True)
                continue
            report = rounds.fault_under_load(nodes, truth, fault, dice)
            report.hold(given.hold_ms, given.hold_presence)
            print(report.line(), flush=True)
            if report.wrong:
                wrong += 1
                (folder / f"logs-{wrong}").write_text(nodes.logs(), "utf-8")
                truth = Truth(nodes, given.within)
        try:
            rounds.finish(nodes)
        except AssertionError as error:
            wrong += 1
            print(f"WRONG at the end: {error} {error.__cause__ or ''}", flush=True)
    return wrong


def see_calm(nodes: Nodes, truth: Truth, hold_ms: float) -> None:
    """Tell how it is before anything goes wrong; raises AssertionError where it is not well."""
    since = time.time()
    passing(CALM_S)
    took = truth.wait()
    waits = [one.seconds for each in nodes.chargers for one in each.waits if one.at > since]
    p50_ms, p99_ms = spread(waits)
    busy = f"load {rounds.load()}, p50 {p50_ms} ms, p99 {p99_ms} ms"
    print(f"calm: {busy}, {took}, MiB {nodes.rss()}", flush=True)
    if 0 < hold_ms < 2 * p99_ms:
        print("         too slow in calm for what is held: see --hold-ms", flush=True)


def turns(dice: random.Random, chosen: list[Fault], minutes: float) -> Iterator[Fault]:
    """Each of them once in any order, or any of them for so long."""
    if not minutes:
        yield from dice.sample(chosen, len(chosen))
        return
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        yield dice.choice(chosen)


if __name__ == "__main__":
    sys.exit(main())
