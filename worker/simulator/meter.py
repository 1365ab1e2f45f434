"""A car that takes what its battery wants, and the meter that counts it."""

import random
from dataclasses import dataclass
from typing import Any

#: Above this state of charge a battery takes less and less.
TAPER_FROM = 0.8
_LEAST_W = 1_400.0


@dataclass(slots=True)
class Car:
    """A battery at the plug.  `soc` is between 0 and 1."""

    capacity_wh: float
    soc: float
    max_w: float

    def power_w(self, offered_w: float) -> float:
        """What the car takes of what is offered: full power, then a falling line, then nothing."""
        if self.soc >= 1.0:
            return 0.0
        wanted = self.max_w
        if self.soc > TAPER_FROM:
            wanted *= 1.0 - 0.85 * (self.soc - TAPER_FROM) / (1.0 - TAPER_FROM)
        return min(offered_w, max(wanted, min(_LEAST_W, self.max_w)))

    def take(self, wh: float) -> None:
        """Store what was delivered; a tenth is lost on the way."""
        self.soc = min(1.0, self.soc + wh * 0.9 / self.capacity_wh)


@dataclass(slots=True)
class Meter:
    """An energy register in Wh that only grows, with what it measures besides."""

    register_wh: float
    phases: int = 3
    power_w: float = 0.0
    read_at: float = 0.0

    def advance(self, now: float, car: Car | None, offered_w: float, chance: random.Random) -> None:
        """Count what flowed since the last reading and look at the power anew."""
        seconds = max(0.0, now - self.read_at) if self.read_at else 0.0
        self.read_at = now
        if car is None:
            self.power_w = 0.0
            return
        # In steps of a minute, because the power falls while the battery fills.
        while seconds > 0:
            step = min(60.0, seconds)
            self.power_w = car.power_w(offered_w) * chance.uniform(0.985, 1.0)
            delivered = self.power_w * step / 3600
            self.register_wh += delivered
            car.take(delivered)
            seconds -= step
        if car.soc >= 1.0:
            self.power_w = 0.0

    def samples(self, context: str, car: Car | None, chance: random.Random) -> list[dict[str, Any]]:
        """The sampled values of one reading."""
        volts = 230.0 * chance.uniform(0.99, 1.01)
        amperes = self.power_w / (volts * self.phases)
        values = [
            _sample(f"{self.register_wh:.1f}", context, "Energy.Active.Import.Register", "Wh"),
            _sample(f"{self.power_w:.0f}", context, "Power.Active.Import", "W"),
            _sample(f"{amperes:.2f}", context, "Current.Import", "A", phase="L1"),
            _sample(f"{volts:.1f}", context, "Voltage", "V", phase="L1-N"),
        ]
        if car is not None:
            values.append(_sample(f"{car.soc * 100:.0f}", context, "SoC", "Percent", location="EV"))
        return values


def _sample(
    value: str, context: str, measurand: str, unit: str, phase: str = "", location: str = "Outlet"
) -> dict[str, Any]:
    sample = {
        "value": value,
        "context": context,
        "measurand": measurand,
        "location": location,
        "unit": unit,
    }
    return {**sample, "phase": phase} if phase else sample
