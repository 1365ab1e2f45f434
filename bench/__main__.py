"""Measure one worker process on each database and write the rows to var/bench/latest.json.

BENCH_SECONDS (10), BENCH_CHARGERS (200) and BENCH_IDLE (1000) change how much is measured.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from bench import door, monster, wire
from bench.installation import TAG, Installation, on_postgres, on_sqlite, python
from deploy.processes import ROOT

SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
CHARGERS = int(os.environ.get("BENCH_CHARGERS", "200"))
IDLE = int(os.environ.get("BENCH_IDLE", "1000"))
WARM_UP_S = 3.0
#: Prepared per charger; enough for this many messages a second in all.
FASTEST = 9_000
RESULTS = ROOT / "var" / "bench" / "latest.json"

Row = dict[str, Any]


def main() -> int:
    """Measure everything; return 1 when a message was refused or an answered one is not stored."""
    rows: list[Row] = [row("this computer: three million additions in Python", "s", yardstick())]
    honest = True
    for name, installation in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        with installation(CHARGERS) as made:
            print(f"{name}: {CHARGERS} chargers, {SECONDS:.0f} s ...", flush=True)
            found, complete = throughput(name, made)
            rows += show(found)
            honest &= complete
            rows += show(others_wait(name, made))
    with on_sqlite(IDLE) as made:
        print(f"{IDLE} idle chargers ...", flush=True)
        rows += show(idle_cost(made))
    with on_sqlite(1) as made:
        print("The door under attack ...", flush=True)
        rows += show(door_waits(made))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print("Written to var/bench/latest.json")
    return 0 if honest else 1


def yardstick() -> float:
    """Seconds of CPU for a fixed piece of Python: computers, and hours on one, differ by far."""
    before, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number * number
    return time.process_time() - before


def throughput(name: str, made: Installation) -> tuple[list[Row], bool]:
    """Drive MeterValues as fast as they are answered; return rows and whether all were stored."""
    wanted = {
        "port": made.settings.ocpp_port,
        "stations": made.stations,
        "tag": TAG,
        "seconds": SECONDS,
        "warm_up_s": WARM_UP_S,
        "frames": int(FASTEST * (SECONDS + WARM_UP_S) / len(made.stations)),
    }
    with made.running() as worker, program("bench.load", wanted) as load:
        tell(load)
        time.sleep(WARM_UP_S)
        before, begin = cpu_s(worker), time.monotonic()
        time.sleep(SECONDS)
        used_s, passed_s = cpu_s(worker) - before, time.monotonic() - begin
        result = json.loads(load.stdout.readline())  # type: ignore[union-attr]
        stored = made.count("meter_readings")
    complete = stored >= result["total"] and not result["refused"]
    if not complete:
        print(f"{name}: {result['total']} answered, {stored} stored, {result['refused']} refused")
    rate = result["answered"] / result["seconds"]
    rows = [
        row(f"durable MeterValues, one worker process, {name}", "messages/s", rate),
        row(f"CPU of the worker per message, {name}", "ms", used_s / passed_s / rate * 1000),
        row(f"answer to a MeterValues, median, {name}", "ms", result["p50_ms"]),
        row(f"answer to a MeterValues, 99th percentile, {name}", "ms", result["p99_ms"]),
    ]
    return rows, complete


def idle_cost(made: Installation) -> list[Row]:
    """Return the memory that the worker grows by for each idle connection."""
    first = made.stations[: len(made.stations) // 10]
    rest = made.stations[len(first) :]
    port = made.settings.ocpp_port
    with made.running() as worker, program("bench.idle", {"port": port, "stations": first}):
        # What the first connections load once is not the price of a connection.
        before = worker.memory_info().rss
        with program("bench.idle", {"port": port, "stations": rest}):
            grown = worker.memory_info().rss - before
    return [row("memory per idle connection", "KiB", grown / 1024 / len(rest))]


def door_waits(made: Installation) -> list[Row]:
    """Return how long handshakes take while sockets hang and wrong passwords arrive."""
    (identity, password), *_ = made.stations
    port = made.settings.ocpp_port
    door.choose(made, "CHOSEN")
    rows = []
    with made.running() as worker:
        door.waits_s(port, "CHOSEN", door.CHOSEN, 1)
        with program("bench.flood", door.attack(port, [identity, "CHOSEN"])) as flood:
            time.sleep(WARM_UP_S)
            before, begin = cpu_s(worker), time.monotonic()
            chargers = {"made": (identity, password), "chosen": ("CHOSEN", door.CHOSEN)}
            for kind, (who, secret) in chargers.items():
                waits = door.waits_s(port, who, secret)
                name = f"handshake at the attacked door, {kind} password"
                rows.append(row(f"{name}, median", "ms", waits[len(waits) // 2] * 1000))
                rows.append(row(f"{name}, longest", "ms", waits[-1] * 1000))
            used = (cpu_s(worker) - before) / (time.monotonic() - begin)
            print(f"  the attacker was answered: {door.told(flood)}", flush=True)
    return [*rows, row("CPU of the worker at the attacked door", "%", used * 100)]


def others_wait(name: str, made: Installation) -> list[Row]:
    """Return how long another charger waits at most while one sends 90,000 readings at once."""
    message = wire.packed([2, "long", "MeterValues", monster.readings()])
    made.environment["AMPDESK_OCPP_MAX_INFLATED_BYTES"] = str(8 << 20)
    with made.running():
        waits = monster.measure(made.settings.ocpp_port, *made.stations[:2], message)
    return [
        row(
            f"longest answer while another sends 90,000 readings, {name}",
            "ms",
            waits.longest_s * 1e3,
        ),
        row(f"until those are stored and answered, {name}", "s", waits.took_s),
    ]


@contextmanager
def program(module: str, wanted: dict[str, Any]) -> Iterator["subprocess.Popen[str]"]:
    """Run a helper program: give it its JSON, wait for its "ready", end it with a line."""
    process = subprocess.Popen(
        python(module), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    tell(process, json.dumps(wanted))
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise SystemExit(f"bench: {module} could not connect its chargers")
    try:
        yield process
    finally:
        tell(process)
        process.wait(60)


def tell(process: "subprocess.Popen[str]", line: str = "") -> None:
    """Write a line to a helper program; one that has ended needs no telling."""
    assert process.stdin is not None
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        process.poll()


def cpu_s(process: psutil.Process) -> float:
    """Return the seconds of processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


def show(rows: list[Row]) -> list[Row]:
    """Print rows for people and return them."""
    for each in rows:
        print(f"  {each['name']:<60} {each['ours']:>10,.2f} {each['unit']}", flush=True)
    return rows


def row(name: str, unit: str, ours: float) -> Row:
    return {"name": name, "unit": unit, "ours": round(ours, 3)}


if __name__ == "__main__":
    sys.exit(main())
