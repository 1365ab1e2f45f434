"""The rounds of tasks that beat asks for."""

from app.tasks.rounds import bill_ended, send_post
from app.tasks.sweeps import sweep


def all_rounds() -> None:
    """Do what beat asks for with each sweep, one after another."""
    sweep()
    bill_ended()
    send_post()
