"""What a source of energy gives, on its way to a result."""

from dataclasses import dataclass, field
from decimal import Decimal

from app.domain.charging.energy.facts import CurvePoint, EnergyFlag, Segment
from app.domain.charging.energy.frames import Point


@dataclass(slots=True)
class Work:
    """What one source of energy gives before the limits are applied.

    `before` is the part of `wh` that was estimated for the time before the
    first register.
    """

    basis: str
    wh: Decimal = Decimal(0)
    before: Decimal = Decimal(0)
    initial: Decimal | None = None
    final: Decimal | None = None
    flags: set[EnergyFlag] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    curve: list[CurvePoint] = field(default_factory=list)
    used: list[Point] = field(default_factory=list)
    ignored: list[Point] = field(default_factory=list)
