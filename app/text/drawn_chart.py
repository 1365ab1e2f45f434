"""A session's power and energy drawn on the server, without a script: shapes, no colours.

`of` takes what `app.queries.charging.session_chart` gathers; templates/money/receipts/_chart.html
writes the shapes as SVG.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from math import floor, log10
from typing import Any

from app.text.writers import Writer

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 596, 14, 208
#: Lines across the chart, and moments under it, at most.
_STEPS, _MOMENTS = 4, 5
#: A curve that stays below this is drawn flat: a part of 5e-324 kW is zero and has no logarithm.
_LEAST = 0.001
#: What is drawn, and from which edge it is read.
_DRAWN = {"power": "left", "energy": "right"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A value at an edge of the chart, or a moment under it."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class Curve:
    """One of the lines; `area` is what lies under it."""

    kind: str
    unit: str
    path: str
    area: str
    side: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All shapes of a chart."""

    curves: tuple[Curve, ...]
    moments: tuple[Mark, ...]
    idle: tuple[tuple[float, float], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM


def of(chart: dict[str, Any], writer: Writer) -> Drawing | None:
    """Draw a chart; None where there is nothing to draw a line through."""
    times: Sequence[float] = chart["times"]
    if len(times) < 2 or times[-1] <= times[0]:
        return None
    across = _scale(times[0], times[-1], _LEFT, _RIGHT)
    curves = [
        _curve(one, times, across, writer) for one in chart["series"] if one["kind"] in _DRAWN
    ]
    if not curves:
        return None
    return Drawing(
        curves=tuple(curves),
        moments=tuple(_moments(times, across, writer)),
        idle=tuple(_spans(chart["idle"], across)),
    )


def _scale(low: float, high: float, first: float, last: float) -> Any:
    def place(value: float) -> float:
        return round(first + (value - low) / (high - low) * (last - first), 1)

    return place


def _curve(series: dict[str, Any], times: Sequence[float], across: Any, writer: Writer) -> Curve:
    values = series["values"]
    step = _step(max((value for value in values if value is not None), default=0.0))
    top = step * _STEPS
    down = _scale(0.0, top, _BOTTOM, _TOP)
    points = [
        None if value is None else (across(at), down(max(value, 0.0)))
        for at, value in zip(times, values, strict=True)
    ]
    pieces = list(_pieces(points))
    return Curve(
        kind=series["kind"],
        unit=series["unit"],
        path=" ".join(_line(piece) for piece in pieces),
        area=" ".join(
            f"{_line(piece)} L{piece[-1][0]} {_BOTTOM} L{piece[0][0]} {_BOTTOM} Z"
            for piece in pieces
        ),
        side=_DRAWN[series["kind"]],
        marks=tuple(
            Mark(down(value), writer.number(Decimal(str(value))))
            for value in (step * number for number in range(_STEPS + 1))
        ),
    )


def _step(most: float) -> float:
    """A round step, so that some of them reach the greatest value."""
    if most < _LEAST:
        return 1.0
    raw = most / _STEPS
    unit = 10.0 ** floor(log10(raw))
    return next(size * unit for size in (1, 2, 2.5, 5, 10) if size * unit >= raw * 0.999)


def _pieces(points: Sequence[tuple[float, float] | None]) -> Iterator[list[tuple[float, float]]]:
    """Stretches without a gap: nothing is drawn where nothing was measured."""
    piece: list[tuple[float, float]] = []
    for point in points:
        if point is not None:
            piece.append(point)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _line(piece: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in piece)


def _moments(times: Sequence[float], across: Any, writer: Writer) -> Iterator[Mark]:
    """The first moment, the last, and some between, on the site's clock."""
    span = times[-1] - times[0]
    for number in range(_MOMENTS):
        at = times[0] + span * number / (_MOMENTS - 1)
        local = datetime.fromtimestamp(at, UTC).astimezone(writer.zone)
        yield Mark(across(at), f"{local:%H:%M}")


def _spans(idle: Sequence[Sequence[Any]], across: Any) -> Iterator[tuple[float, float]]:
    for since, until, _ in idle:
        left, right = (min(max(across(at), _LEFT), _RIGHT) for at in (since, until))
        if right > left:
            yield left, round(right - left, 1)
