"""A session's readings as drawings (for templates/macros/chart.html) and as a table.  Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from app.domain.money.tariffs import Interval
from app.models import Bill, ChargingSession, MeterReading

#: Points drawn at most: more than a screen has columns shows nothing more.
MOST_POINTS = 700
#: Rows of the table that stands in for the chart.
MOST_ROWS = 150


@dataclass(frozen=True, slots=True)
class Chart:
    """Data for the two drawings, and the readings as rows for those who see no chart."""

    power: dict[str, Any]
    electric: dict[str, Any]
    rows: list[MeterReading]
    count: int
    marked: Interval | None = None

    def behind(self, reading: MeterReading) -> bool:
        """Whether a reading is one of those that are looked for."""
        return self.marked is not None and self.marked[0] <= reading.taken_at <= self.marked[1]


def of(
    session: ChargingSession,
    readings: Sequence[MeterReading],
    idle: Sequence[Interval],
    words: Callable[[Interval], str],
    zone: str,
    marked: Interval | None = None,
) -> Chart:
    """Draw a session; `words` says an idle stretch (`idle 26 min`).

    `marked` is a stretch that somebody looks for: its readings are all among the rows.
    """
    drawn = [_point(reading) for reading in thinned(readings, MOST_POINTS)]
    base = session.meter_start_wh
    if base is None:
        base = next((r.register_wh for r in readings if r.register_wh is not None), None)
    if drawn:
        drawn = _with_ends(session, drawn)
    shaded = [
        [since.timestamp(), until.timestamp(), words((since, until))] for since, until in idle
    ]
    frame: dict[str, Any] = {"times": [p.at.timestamp() for p in drawn], "idle": shaded}
    frame |= {"zone": zone, "marked": [at.timestamp() for at in marked] if marked else []}
    power = [
        _series("kW", "power", "kW", [_scaled(p.power_w) for p in drawn]),
        _series("kWh", "energy", "kWh", [_gained(p.register_wh, base) for p in drawn]),
        _series("state of charge", "soc", "%", [p.soc_percent for p in drawn]),
    ]
    electric = [
        _series("electric current", "current", "A", [p.current_a for p in drawn]),
        _series("phase voltage", "voltage", "V", [p.voltage_v for p in drawn]),
    ]
    return Chart(
        {**frame, "series": _with_values(power)},
        {**frame, "series": _with_values(electric)},
        _rows(readings, marked),
        len(readings),
        marked,
    )


def _rows(readings: Sequence[MeterReading], marked: Interval | None) -> list[MeterReading]:
    rows = thinned(readings, MOST_ROWS)
    if marked is None or len(rows) == len(readings):
        return rows
    inside = [one for one in readings if marked[0] <= one.taken_at <= marked[1]]
    kept = {one.id for one in (*rows, *thinned(inside, MOST_ROWS))}
    return [one for one in readings if one.id in kept]


def of_bill(bill: Bill, readings: Sequence[MeterReading]) -> Chart:
    """Draw the session of a bill, with the stretches that the bill counts as idle."""
    idle = [
        (datetime.fromisoformat(part["from_at"]), datetime.fromisoformat(part["to_at"]))
        for line in bill.lines
        if line.kind == "idle"
        for part in (line.evidence or {}).get("parts", ())
    ]
    return of(bill.session, readings, idle, lambda _: "", bill.facts["timezone"])


@dataclass(frozen=True, slots=True)
class _Point:
    """What is drawn at one instant; the ends of a session know their register alone."""

    at: datetime
    register_wh: Decimal | None
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None


def _point(r: MeterReading) -> _Point:
    return _Point(r.taken_at, r.register_wh, r.power_w, r.current_a, r.voltage_v, r.soc_percent)


def _with_ends(session: ChargingSession, drawn: list[_Point]) -> list[_Point]:
    """Let the drawing begin and end where the session does, by its own two registers."""
    if session.started_at < drawn[0].at:
        drawn = [_Point(session.started_at, session.meter_start_wh), *drawn]
    if session.ended_at is not None and session.ended_at > drawn[-1].at:
        drawn = [*drawn, _Point(session.ended_at, session.meter_stop_wh)]
    return drawn


def thinned(readings: Sequence[MeterReading], most: int) -> list[MeterReading]:
    """Every n-th reading, the first and the last always."""
    if len(readings) <= most:
        return list(readings)
    step = (len(readings) - 1) / (most - 1)
    return [readings[round(place * step)] for place in range(most)]


def _series(label: str, kind: str, unit: str, values: list[Any]) -> dict[str, Any]:
    return {"label": label, "kind": kind, "unit": unit, "values": values}


def _with_values(series: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in series if any(value is not None for value in one["values"])]


def _scaled(watts: float | None) -> float | None:
    return None if watts is None else round(watts / 1000, 3)


def _gained(register_wh: Decimal | None, base: Decimal | None) -> float | None:
    """The kWh since the start; registers that count from zero are taken as they are."""
    if register_wh is None or base is None:
        return None
    gained = register_wh - base if register_wh >= base else register_wh
    return round(float(gained / 1000), 3)


def seconds(intervals: Sequence[Interval]) -> int:
    """Whole seconds of some stretches."""
    return int(sum((until - since).total_seconds() for since, until in intervals))


def span(session: ChargingSession, now: datetime) -> int:
    """Seconds from the start to the end, or to now."""
    return max(0, int(((session.ended_at or now) - session.started_at).total_seconds()))
