"""Many at once: after a power cut, with chosen passwords, and all starting in the same second."""

import time
from typing import Any

from sqlalchemy import text

from app.extensions import db as flask_db
from bench import door
from bench.installation import Installation, on_sqlite
from bench.load import spread
from bench.plan import DATABASES, Plan, Row
from bench.systems import INSTALLATIONS, Program, cpu_s
from bench.waits import meets

GOAL_S = 20.0
CHOSEN = 500
#: Chargers that are there already, how often each reports, and for how long they are looked at.
OTHERS, OTHERS_PACE_S, WARM_S, OTHERS_S, OTHERS_GOAL_MS = 50, 0.5, 2.0, 20.0, 250.0


def arrivals(plan: Plan, chargers: int) -> list[Row]:
    """How long it takes until all have booted and told two statuses, and who never got in.

    Beside them some are connected and report meter values: how long those wait meanwhile.
    """
    rows = []
    for on in plan.databases:
        with INSTALLATIONS[on](plan.scaled(chargers) + OTHERS) as made, made.running() as servers:
            others, made.stations = made.stations[:OTHERS], made.stations[OTHERS:]
            about = {
                "script": "meter-16",
                "pace_s": OTHERS_PACE_S,
                "each": True,
                "stations": others,
            }
            with Program("bench.load", {"port": made.settings.ocpp_port, **about}) as load:
                before = load.ask(WARM_S)["waits_ms"]["MeterValues"]
                load.tell(str(OTHERS_S))
                used = -sum(map(cpu_s, [*servers, made.database]))
                begin = time.perf_counter()
                told = come(made)
                used += sum(map(cpu_s, [*servers, made.database]))
                window = [(begin, begin + told["seconds"])]
                found = load.answer()["each"]["MeterValues"]
        waits = spread([wait for at, wait in found if meets(at, at + wait, window)] or [0.0])
        print(f"  others: {waits}, before: {before}", flush=True)
        name = f"{len(made.stations):,} chargers at once: boot and two statuses, {DATABASES[on]}"
        rows.append(Row(f"{name}, others' p99", "ms", waits["p99"], goal=OTHERS_GOAL_MS))
        rows.append(Row(f"{name}, others' p99 before", "ms", before["p99"]))
        rows.append(Row(f"{name}, CPU of all servers", "s", used))
        rows.append(Row(name, "s", told["seconds"], goal=GOAL_S))
        rows.append(Row(f"{name}, refused for good", "chargers", told["given_up"]))
        rows.append(Row(f"{name}, refused and come again", "times", sum(told["refused"].values())))
    return rows


def chosen_passwords(plan: Plan) -> list[Row]:
    """The same with passwords that somebody chose, whose hash is slow; and after a restart."""
    rows = []
    with on_sqlite(plan.scaled(CHOSEN)) as made:
        choose(made)
        for when in ("", ", once more after a restart"):
            with made.running():
                told = come(made)
            name = f"{len(made.stations):,} chargers at once with chosen passwords{when}"
            rows.append(Row(name, "s", told["seconds"]))
            rows.append(Row(f"{name}, refused for good", "chargers", told["given_up"]))
    return rows


def come(made: Installation) -> dict[str, Any]:
    """Have all chargers of an installation come at once; return what became of them."""
    wanted = {"port": made.settings.ocpp_port, "protocol": "ocpp1.6", "stations": made.stations}
    with Program("bench.arrival", wanted) as crowd:
        told = crowd.ask()
    print(f"  {told}", flush=True)
    return told


def choose(made: Installation) -> None:
    """Give all stations the same chosen password; hashing it for each would take minutes."""
    door.choose(made, "CHOSEN")
    with made.app.app_context():
        flask_db.session.execute(
            text(
                "UPDATE stations SET password_hash ="
                " (SELECT password_hash FROM stations WHERE identity = 'CHOSEN')"
            ),
            execution_options={"write": True},
        )
        flask_db.session.commit()
        flask_db.session.remove()
    made.stations = [(identity, door.CHOSEN, tag) for identity, _, tag in made.stations]
