"""Measure and write the rows to var/bench/latest.json: `python -m bench --help`.

BENCH_ONLY (names of parts, with commas between), BENCH_QUICK=1, BENCH_CHARGERS, BENCH_SECONDS,
BENCH_ROUNDS, BENCH_MINUTES and BENCH_READINGS say the same as the options.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bench import (
    beside,
    bills,
    cost,
    desk,
    growth,
    orders,
    others,
    pages,
    peer,
    processes,
    storms,
    waits,
)
from bench.plan import DATABASES, Plan, Row, print_rows
from deploy.processes import ROOT

RESULTS = ROOT / "var" / "bench" / "latest.json"

#: name -> what measures it
PARTS: dict[str, Callable[[Plan], list[Row]]] = {
    **{script: partial(cost.rows, script=script) for script in cost.LOADS},
    "bills": bills.rows,
    "orders": orders.rows,
    "orders-two-nodes": orders.of_nodes,
    "waits": waits.by_action,
    "waits-while-starting": waits.while_starting,
    "years": growth.years,
    "readings": growth.readings,
    "long-transaction": growth.long_transaction,
    "processes": processes.rows,
    "arrivals": partial(storms.arrivals, chargers=5_000),
    "arrivals-10000": partial(storms.arrivals, chargers=10_000),
    "chosen-passwords": storms.chosen_passwords,
    "idle": others.idle,
    "memory": others.memory,
    "door": others.door_waits,
    "long-message": others.others_wait,
    "retention": beside.retention,
    "broadcast-50000": beside.broadcast,
    "replay": beside.replay,
    "pages": pages.rows,
    "exports": desk.exports,
    "live": desk.live,
}


def main() -> int:
    """Measure what was asked for; return 1 when a part failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # databases end as they began
    plan = plan_of(sys.argv[1:])
    if "baseline" in plan.sides and (why := peer.lacking()):
        print(f"The baseline is left out: {why}.")
        plan = replace(plan, sides=("floor",))
    rows, failed = [yardstick()], []
    for name in plan.only or PARTS:
        print(f"{name} ...", flush=True)
        try:
            rows += PARTS[name](plan)
        except Exception:
            traceback.print_exc()
            failed.append(name)
    print_rows(rows)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    written = [row.as_json() for row in rows]
    RESULTS.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print("Written to var/bench/latest.json")
    if failed:
        print("These failed:", *failed)
    return 1 if failed else 0


def plan_of(arguments: list[str]) -> Plan:
    """What the environment says, and the command line more precisely."""
    plan = Plan.from_environment()
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Ampdesk.")
    parser.add_argument("--only", default=",".join(plan.only), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--on", choices=DATABASES, help="one database instead of both")
    parser.add_argument("--alone", action="store_true", help="no floor and no baseline beside us")
    parser.add_argument("--chargers", type=int, default=plan.chargers)
    parser.add_argument("--seconds", type=float, default=plan.seconds, help="of a round")
    parser.add_argument("--rounds", type=int, default=plan.rounds)
    parser.add_argument("--minutes", type=float, default=plan.minutes, help="of memory")
    parser.add_argument("--readings", type=int, default=plan.readings, help="of the past")
    given = parser.parse_args(arguments)
    only = tuple(filter(None, given.only.split(",")))
    if unknown := set(only) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return replace(
        plan,
        only=only,
        databases=(given.on,) if given.on else plan.databases,
        sides=() if given.alone else plan.sides,
        chargers=given.chargers,
        seconds=given.seconds,
        rounds=given.rounds,
        minutes=given.minutes,
        readings=given.readings,
    )


def yardstick() -> Row:
    """Seconds of CPU for a fixed piece of Python: computers, and hours on one, differ by far."""
    before, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number * number
    used = time.process_time() - before
    return Row("this computer: three million additions in Python", "s", used)


if __name__ == "__main__":
    sys.exit(main())
