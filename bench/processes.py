"""How throughput grows with the number of worker processes; on PostgreSQL, as SQLite has one."""

from contextlib import ExitStack
from dataclasses import fields
from functools import partial
from statistics import median

from app.config import Settings
from bench.cost import UNIT, in_turns
from bench.plan import Plan, Row
from bench.systems import ours

PROCESSES = (1, 2, 4)


def rows(plan: Plan) -> list[Row]:
    """Messages a second and their cost with one worker process and with more."""
    if "postgresql" not in plan.databases or "ocpp_processes" not in {
        field.name for field in fields(Settings)
    }:
        return []
    made = []
    with ExitStack() as stack:
        running = []
        for count in PROCESSES:
            start = partial(ours, AMPDESK_OCPP_PROCESSES=str(count), name=f"{count} processes")
            running.append(stack.enter_context(start("postgresql", plan.chargers)))
        found = in_turns(plan, "sessions-16", running)
    for name, told in found.items():
        about = f"whole sessions 1.6, {name.removesuffix('-postgresql')}, PostgreSQL"
        made.append(Row(about, "messages/s", median(told.rates)))
        made.append(Row(about, UNIT, told.cost_ms))
    return made
