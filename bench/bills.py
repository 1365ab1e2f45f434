"""What a bill with its receipt costs: Celery as it runs, and a mail server that takes what comes.

Celery is held still while chargers end their sessions, so that what is measured is the billing of
so many at once and nothing else.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from aiosmtpd.controller import Controller

from bench import cost
from bench.installation import Installation
from bench.plan import DATABASES, Plan, Row
from bench.systems import INSTALLATIONS, System
from deploy.redis_server import free_port

#: Sessions that are billed, and before them those that warm Celery up.
SESSIONS, FIRST = 400, 20
CHARGERS = 40
WAIT_S = 180.0
GOAL_MS = 5.0


class Sink:
    """Takes every mail and keeps none; `count` is how many have come."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        """Take one mail (the name is aiosmtpd's)."""
        self.count += 1
        await asyncio.sleep(0)
        return "250 taken"


def rows(plan: Plan) -> list[Row]:
    """CPU-ms of Celery and its database for each session that is billed and mailed."""
    made = []
    for on in plan.databases:
        with INSTALLATIONS[on](CHARGERS) as installation, mail_server(installation) as sink:
            used, sessions, took_s = measure(plan, installation, sink)
        celery, database, redis = (each * 1000 / sessions for each in used)
        print(
            f"  {on}: {sessions} bills and receipts in {took_s:.1f} s; Celery {celery:.1f} + "
            f"database {database:.1f} ms each; Redis {redis:.1f} ms apart",
            flush=True,
        )
        name = f"a bill with its receipt, {DATABASES[on]}"
        made.append(Row(name, "CPU-ms", celery + database, goal=GOAL_MS))
    return made


def measure(
    plan: Plan, made: Installation, sink: Sink
) -> tuple[tuple[float, float, float], int, float]:
    """Return the CPU of Celery, database and Redis in s, for how many sessions, and how long."""
    with made.running("worker", "celery") as (redis, _, celery):
        system = System(
            *("ours", made.settings.ocpp_port, made.stations, [celery]),
            *(made.database, redis, made.count),
        )
        with cost.load("past-16", system) as load:
            end_sessions(load, FIRST)
            wait_until_mailed(made, sink)
            with held(celery):
                end_sessions(load, plan.scaled(SESSIONS))
        earlier, before, begin = sink.count, system.cpu_s(), time.monotonic()
        wait_until_mailed(made, sink)
        took_s = time.monotonic() - begin
        used = tuple(now - then for now, then in zip(system.cpu_s(), before, strict=True))
        return (used[0], used[1], used[2]), sink.count - earlier, took_s


def end_sessions(load: Any, wanted: int) -> None:
    """Have chargers end at least so many sessions."""
    ended = 0
    while ended < wanted:
        ended += load.ask(0.5)["waits_ms"].get("StopTransaction", {}).get("count", 0)


def wait_until_mailed(made: Installation, sink: Sink) -> None:
    """Wait until every ended session has a bill, and every bill's receipt is in the post."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        ended = made.count("charging_sessions WHERE state = 'ended'")
        billed = made.count("bills")
        sent = made.count("receipts WHERE state = 'sent'")
        if billed >= ended and sent >= billed and sink.count >= sent:
            return
        time.sleep(0.25)
    raise RuntimeError(f"{ended} sessions ended, {billed} billed, {sent} receipts sent")


@contextmanager
def held(process: psutil.Process) -> Iterator[None]:
    """Hold a process and its children still."""
    stopped = [process, *process.children(recursive=True)]
    for each in stopped:
        each.suspend()
    try:
        yield
    finally:
        for each in stopped:
            each.resume()


@contextmanager
def mail_server(made: Installation) -> Iterator[Sink]:
    """Run a mail server, and have the installation send its mails there."""
    sink, port = Sink(), free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    made.environment["AMPDESK_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()
