"""What a simulated charge point is, what happens to it, and by which clock."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

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
    subprotocols: tuple[str, ...] = ("ocpp1.6",)
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
