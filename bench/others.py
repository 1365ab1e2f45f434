"""What an idle connection costs, and how long others wait while one sends much or many attack."""

import time

from bench import door, monster, wire
from bench.cost import load
from bench.installation import on_sqlite
from bench.plan import DATABASES, Plan, Row
from bench.systems import INSTALLATIONS, Program, cpu_s, ours

#: Connections whose memory is measured, and after how many that begins.
IDLE, BEFORE = 5_000, 500
#: How often memory is looked at, at least, and for how long the load is driven in one go.
SIZES, LONGEST_S = 16, 30.0


def idle(plan: Plan) -> list[Row]:
    """The memory that the worker grows by for each idle connection."""
    with on_sqlite(plan.scaled(IDLE)) as made, made.running() as (_, worker):
        port = made.settings.ocpp_port
        first, rest = made.stations[: plan.scaled(BEFORE)], made.stations[plan.scaled(BEFORE) :]
        # What the first connections load once is not the price of a connection.
        with Program("bench.idle", {"port": port, "stations": first}):
            before = worker.memory_info().rss
            with Program("bench.idle", {"port": port, "stations": rest}):
                grown = worker.memory_info().rss - before
    name = f"memory per idle connection, {len(made.stations):,} of them"
    return [Row(name, "KiB", grown / 1024 / len(rest), goal=20)]


def memory(plan: Plan) -> list[Row]:
    """How the worker's memory grows under load: after all minutes, to that after a quarter."""
    rows = []
    for on in plan.databases:
        with ours(on, plan.chargers) as system, load("sessions-16", system) as program:
            (worker,) = system.servers
            ends, sizes = time.monotonic() + plan.minutes * 60, []
            while time.monotonic() < ends or len(sizes) < SIZES:
                program.ask(min(plan.minutes * 60 / SIZES, LONGEST_S))
                sizes.append(worker.memory_info().rss / 2**20)
        told = ", ".join(f"{size:.0f}" for size in sizes[:: max(len(sizes) // SIZES, 1)])
        print(f"  {on}, MiB: {told}", flush=True)
        name = f"memory of the worker after {plan.minutes:g} minutes of load, {DATABASES[on]}"
        first, last = sizes[len(sizes) // 4], sizes[-1]
        rows.append(Row(f"{name}, to that after a quarter", "times", last / first, goal=1.05))
        rows.append(Row(name, "MiB", last))
    return rows


def door_waits(plan: Plan) -> list[Row]:
    """How long handshakes take while sockets hang and wrong passwords arrive."""
    with on_sqlite(1) as made:
        (identity, password, _), *_ = made.stations
        port = made.settings.ocpp_port
        door.choose(made, "CHOSEN")
        rows = []
        with made.running() as (_, worker):
            door.waits_s(port, "CHOSEN", door.CHOSEN, 1)
            with Program("bench.flood", door.attack(port, [identity, "CHOSEN"])) as flood:
                time.sleep(3)
                before, begin = cpu_s(worker), time.monotonic()
                chargers = {"made": (identity, password), "chosen": ("CHOSEN", door.CHOSEN)}
                for kind, (who, secret) in chargers.items():
                    waits = door.waits_s(port, who, secret, plan.scaled(door.TIMES))
                    name = f"handshake at the attacked door, {kind} password"
                    rows.append(Row(f"{name}, median", "ms", waits[len(waits) // 2] * 1000))
                    rows.append(Row(f"{name}, longest", "ms", waits[-1] * 1000))
                used = (cpu_s(worker) - before) / (time.monotonic() - begin)
                print(f"  the attacker was answered: {flood.ask()}", flush=True)
    return [*rows, Row("CPU of the worker at the attacked door", "%", used * 100)]


def others_wait(plan: Plan) -> list[Row]:
    """How long another charger waits at most while one sends 90,000 readings at once."""
    rows = []
    message = wire.packed(
        [2, "long", "MeterValues", monster.readings(plan.scaled(monster.READINGS))]
    )
    for on in plan.databases:
        with INSTALLATIONS[on](2) as made:
            made.environment["AMPDESK_OCPP_MAX_INFLATED_BYTES"] = str(8 << 20)
            with made.running():
                sender, other = ((identity, secret) for identity, secret, _ in made.stations)
                waits = monster.measure(made.settings.ocpp_port, sender, other, message)
        name = f"longest answer while another sends 90,000 readings, {DATABASES[on]}"
        rows.append(Row(name, "ms", waits.longest_s * 1e3))
        name = f"until those are stored and answered, {DATABASES[on]}"
        rows.append(Row(name, "s", waits.took_s))
    return rows
