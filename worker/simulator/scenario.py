"""What a simulated charge point is and what happens to it."""

from dataclasses import dataclass, field
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
