"""Waiting for a condition: the only place in the tests that sleeps."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import gevent

T = TypeVar("T")

PAUSE_S = 0.05
#: Whoever waits longer than this waits in vain, however busy the computer is.
PATIENCE_S = 120


def eventually(condition: Callable[[], T], within: float = PATIENCE_S, what: str = "") -> T:
    """Return the condition's first true value; fail when there is none `within` seconds.

    An AssertionError inside the condition counts as "not yet" and is shown when time is up.
    """
    deadline = time.monotonic() + within
    last: AssertionError | None = None
    while True:
        try:
            value = condition()
            last = None
        except AssertionError as error:
            last = error
        else:
            if value:
                return value
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{name} did not come true within {within} s") from last
        time.sleep(PAUSE_S)


def passing(seconds: float) -> None:
    """Let so much time pass: for what lasts so long, not for what is waited for."""
    time.sleep(seconds)


async def resting(seconds: float) -> None:
    """Let so much time pass while others of the loop go on: a charger that rests."""
    await asyncio.sleep(seconds)


def yielding(condition: Callable[[], object]) -> None:
    """Wait within a greenlet until the condition is true; other greenlets run meanwhile."""
    while not condition():
        gevent.sleep(0.01)
