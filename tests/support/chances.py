"""Tariffs and sessions by chance, for prices that are worked out twice; a seed says which."""

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from tests.support.priced import DAYS, PLACES, Document, Span, Used

#: Zones, each with days on which its clock is changed: by an hour, by half of one, or not at all.
CHANGES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/St_Johns": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Pacific/Chatham": ("2026-04-05", "2026-09-27"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "America/Santiago": ("2026-04-05", "2026-09-06"),
    "Asia/Kathmandu": ("2026-01-01", "2026-12-31"),
    "UTC": ("2026-02-28", "2026-12-31"),
}
TIMES = ("charging_time", "connected_time", "idle")
KINDS = ("start", "energy", "energy", *TIMES, "no_show", "no_show_time")


def tariff(rng: random.Random, currency: str | None = None, day: str = "2026-03-29") -> Document:
    """A tariff of any shape that the desk takes; dates lie around a day."""
    low = rng.randrange(4_000)
    found: Document = {
        "schema": 1,
        "currency": currency or rng.choice(list(PLACES)),
        "tax": {
            "mode": rng.choice(["inclusive", "exclusive"]),
            "percent": rng.choice(["0", "7", "7.7", "19", "8.375"]),
        },
        "free_minutes": rng.choice([0, 0, 0, 17, 60, 300]),
        "components": [_component(rng, day) for _ in range(rng.randint(1, 7))],
    }
    if rng.random() < 0.3:
        found["minimum"] = _money(low)
    if rng.random() < 0.3:
        found["maximum"] = _money(low + rng.randrange(30_000))
    return found


def _money(thousandths: int) -> str:
    return f"{thousandths // 1000}.{thousandths % 1000:03}"


def _component(rng: random.Random, day: str) -> Document:
    kind = rng.choice(KINDS)
    price = rng.choice([0, rng.randrange(900), rng.randrange(900_000), rng.randrange(5_000_000)])
    part: Document = {"kind": kind, "price": f"{price // 10**6}.{price % 10**6:06}"}
    once = kind in ("start", "no_show")
    if kind == "idle":
        part["grace_minutes"] = rng.choice([0, 0, 5, 45, 240])
    if not once and rng.random() < 0.4:
        part["step"] = rng.choice([60, 900, 1_000, 7, 333])
    if rng.random() < 0.25:
        part["tax_percent"] = rng.choice(["0", "5", "19", "2.1"])
    if rng.random() < 0.6:
        part["when"] = _when(rng, day, once, kind.startswith("no_show"))
    return part


def _when(rng: random.Random, day: str, once: bool, unused: bool) -> dict[str, Any]:
    when: dict[str, Any] = {}
    if rng.random() < 0.5:
        since, until = rng.sample([*range(0, 1440, 15), 59, 121, 150, 181, 1439], 2)
        when |= {"from": _clock(since), "until": _clock(until or 1440)}
    if rng.random() < 0.3:
        when["weekdays"] = rng.sample(DAYS, rng.randint(1, 4))
    if rng.random() < 0.2:
        first = datetime.fromisoformat(day).date() + timedelta(days=rng.randint(-2, 2))
        when["date_from"] = first.isoformat()
        if rng.random() < 0.5:
            when["date_to"] = (first + timedelta(days=rng.randint(0, 2))).isoformat()
    if not once and rng.random() < 0.3:
        low = rng.randrange(0, 40_000)
        when["duration_from_min"] = low // 100
        if rng.random() < 0.5:
            when["duration_to_min"] = low // 100 + rng.randint(1, 300)
    if not once and not unused and rng.random() < 0.3:
        low = rng.randrange(0, 30_000)
        when["energy_from_kwh"] = _money(low)
        if rng.random() < 0.5:
            when["energy_to_kwh"] = _money(low + rng.randint(1, 20_000))
    return when


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def used(rng: random.Random, zone: str, day: str) -> Used:
    """A session around a day; its energy comes in any steps, also at once or none."""
    whole = rng.random() < 0.7
    began = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(
        seconds=rng.randrange(-40_000, 60_000), microseconds=0 if whole else rng.randrange(10**6)
    )
    length = timedelta(seconds=rng.choice([0, 59, 3_600, *(rng.randrange(150_000) for _ in "abc")]))
    ended = began + length
    instants = sorted(began + length * rng.random() for _ in range(rng.randint(0, 9)))
    if whole:
        instants = [at.replace(microsecond=0) for at in instants]
    wh, readings = Fraction(0), []
    for at in instants:
        wh += rng.choice([0, rng.randrange(20_000), Fraction(rng.randrange(20_000_000), 1_000)])
        readings.append((max(at, began), wh))
        if rng.random() < 0.1:  # two readings of one instant
            readings.append((max(at, began), wh := wh + rng.randrange(3_000)))
    spans = _spans(rng, began, ended)
    return Used(began, ended, zone, readings, spans[::2], spans[1::2], rng.random() < 0.1)


def _spans(rng: random.Random, began: datetime, ended: datetime) -> list[Span]:
    """Stretches, of which some follow each other at once."""
    edges = sorted(began + (ended - began) * rng.random() for _ in range(rng.randint(0, 6)))
    edges = [began, *edges, ended]
    return [
        (since, until) for since, until in pairwise(edges) if since < until and rng.random() < 0.9
    ]
