"""What a simulated station is, by which clock, what happens to it: its car, its meter, its life."""

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from worker.ocpp.versions import Version

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


#: What happens at a connector.  `charging`: cars come and go.  `idle_after_full`: cars stay plugged
#: in after they are full.  `quiet`: nothing but what the central system asks for.  `faulted`: out
#: of order.
Life = Literal["charging", "idle_after_full", "quiet", "faulted"]


@dataclass(frozen=True, slots=True)
class Hardware:
    """The make of a station."""

    vendor: str = "Ampdesk"
    model: str = "Simulator 11"
    serial: str = ""
    firmware: str = "1.4.2"
    connectors: int = 1
    phases: int = 3
    max_power_w: float = 11_000.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a station is used.  Names with `_s` are seconds of the station's clock.

    `lives` has one entry per connector; the last one counts for those beyond.  `tags` are used in
    turn.  A session ends when `energy_wh` were delivered or the battery is full; then, with
    `idle_after_full`, the car stays for `idle_s`.  Between two sessions the plug is free for
    something between the two values of `pause_s`, and `first_pause_s` before the first.  After
    `sessions` sessions per connector nothing happens any more (None: for ever).  `plug_in_s` and
    `put_away_s` are how long customers take to plug in and show a card, and to unplug.

    The station's clock starts `backlog_s` ago and runs at `speed` until it has caught up.
    `offline_every_s` and `offline_for_s` (real seconds) cut the connection now and then.
    """

    tags: tuple[str, ...] = ("04A2B3C4",)
    lives: tuple[Life, ...] = ("charging",)
    energy_wh: float = 9_000.0
    battery_wh: float = 52_000.0
    start_soc: tuple[float, float] = (0.15, 0.55)
    first_pause_s: float = 5.0
    pause_s: tuple[float, float] = (60.0, 300.0)
    idle_s: float = 900.0
    plug_in_s: tuple[float, float] = (3.0, 8.0)
    put_away_s: tuple[float, float] = (4.0, 10.0)
    sessions: int | None = None
    sample_s: float = 60.0
    register_wh: float = 1_250_000.0
    speed: float = 1.0
    backlog_s: float = 0.0
    offline_every_s: float | None = None
    offline_for_s: float = 60.0
    fault: str = "GroundFailure"
    seed: int | None = None

    def life_of(self, connector: int) -> Life:
        """The life of connector 1, 2, …"""
        return self.lives[min(connector, len(self.lives)) - 1]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One station: where it connects, as what, and what happens to it."""

    url: str
    identity: str
    password: str | None = field(default=None, repr=False)
    hardware: Hardware = Hardware()
    behaviour: Behaviour = Behaviour()
    version: Version = Version.V16
    reconnect_s: float = 5.0


class Clock:
    """Runs at `speed` from `backlog_s` seconds ago until now, then like any clock.

    Hours of charging can so be played in a minute with timestamps that agree with the meter and
    never lie in the future: a clock that merely ran faster would soon leave the present behind.

    It stays `backlog_s` behind until `begin` is called, so that nothing is lost while a station
    still waits to be let in.  Station time is in Unix seconds.  With a speed of 1 there is no
    backlog.
    """

    __slots__ = ("_backlog_s", "_began", "speed")

    def __init__(self, speed: float = 1.0, backlog_s: float = 0.0) -> None:
        self.speed = max(1.0, speed)
        self._backlog_s = backlog_s if self.speed > 1.0 else 0.0
        self._began: float | None = None

    def begin(self) -> None:
        """Start to hurry; later calls change nothing."""
        if self._began is None:
            self._began = time.time()

    def now(self) -> float:
        """The station's time."""
        real = time.time()
        began = real if self._began is None else self._began
        return min(began - self._backlog_s + (real - began) * self.speed, real)

    def instant(self) -> datetime:
        """The station's time as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def wait_s(self, until: float) -> float:
        """Real seconds from now until the station's clock shows `until`."""
        began = time.time() if self._began is None else self._began
        if self.speed > 1.0 and until < began + self._backlog_s / (self.speed - 1.0):
            until = began + (until - began + self._backlog_s) / self.speed
        return max(0.0, until - time.time())
