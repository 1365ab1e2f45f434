"""The six simulated chargers of the demo site, speaking OCPP 1.6, 2.0.1 and 2.1 to the worker.

At their very first start their clocks begin in the past and run fast until they have caught up, so
that a newcomer finds finished sessions and cars that have been charging for a while.  Afterwards
they live in the present, and tell at a start how the sessions ended that ran at the last stop.
"""

from gevent import monkey

monkey.patch_all()

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import gevent

from app.config import Settings, WrongSetting
from deploy import demo_site
from deploy.demo_site import DemoStation
from deploy.healthy import reachable
from worker.ocpp.versions import Version
from worker.simulator import Behaviour, ChargePoint, Fleet, Hardware, Scenario
from worker.simulator.scenario import Life

V16, V201, V21 = Version
#: A minute of the past takes less than half a second.
SPEED = 150.0
RECONNECT_S = 10.0
#: A meter's register only ever grows, also over a restart: watt-hours per second since 2026.
REGISTER_BEGAN = 1_767_225_600
REGISTER_W = 900

#: What happens at each station, in the order of `demo_site.STATIONS`: what a car wants, how many
#: minutes of the past are played at the first start, and what the station speaks.
LIVES: tuple[tuple[Life, int, int, Version], ...] = (
    ("charging", 9_000, 62, V16),  # a session ends just now, with its bill and its receipt
    ("charging", 30_000, 24, V16),  # charging for a while
    ("charging", 40_000, 41, V201),
    ("idle_after_full", 6_000, 48, V201),  # full, and still plugged in
    ("charging", 22_000, 75, V21),  # fast: one has ended, the next is charging
    ("faulted", 0, 0, V16),
)


def scenario(settings: Settings, station: DemoStation, number: int, first: bool) -> Scenario:
    """Return what a station is and does; `first`: its past is played."""
    life, energy_wh, backlog_min, version = LIVES[number % len(LIVES)]
    behaviour = Behaviour(
        tags=(station.tag,),
        lives=(life,),
        energy_wh=float(energy_wh),
        battery_wh=77_000.0,
        pause_s=(240.0, 900.0),
        idle_s=7_200.0,
        sample_s=60.0 if first else 30.0,
        first_pause_s=5.0 + 20.0 * number,
        register_wh=(time.time() - REGISTER_BEGAN) * REGISTER_W / 3600,
        speed=SPEED if first else 1.0,
        backlog_s=backlog_min * 60.0 if first else 0.0,
    )
    hardware = Hardware(
        model=f"Simulator {station.power_w // 1000}",
        serial=f"SIM-{number + 1:04}",
        max_power_w=float(station.power_w),
    )
    return Scenario(
        f"ws://{reachable(settings.ocpp_host)}:{settings.ocpp_port}/ocpp",
        station.identity,
        station.password,
        hardware,
        behaviour,
        version=version,
        reconnect_s=RECONNECT_S,
    )


def main() -> int:
    """Run the chargers until told to stop; return the exit status."""
    try:
        settings = Settings.from_environment()
    except WrongSetting as error:
        print(f"ampdesk: {error}", file=sys.stderr)
        return 2
    played, memory = settings.data_dir / "demo-played", settings.data_dir / "demo-memory.json"
    first = not played.exists()
    stations = demo_site.known(settings)
    fleet = Fleet([scenario(settings, s, number, first) for number, s in enumerate(stations)])
    _recall(fleet, memory)
    running = gevent.spawn(fleet.run)
    remember = gevent.spawn(_remember, fleet, played)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, running.kill, block=False)
    print(f"{len(stations)} simulated chargers", flush=True)
    running.join()
    remember.kill()
    memory.write_text(json.dumps({one.identity: _kept(one) for one in fleet.stations}), "utf-8")
    return 0 if running.successful() else 1


def _remember(fleet: Fleet, played: Path) -> None:
    """Note that the past has been told once the chargers were heard."""
    while not fleet.connected:
        gevent.sleep(0.5)
    played.touch()


def _kept(station: ChargePoint) -> dict[str, Any]:
    """What a charger that was switched off knows when it is back."""
    unsent = station.unsent()
    return {"registers": [one.meter.register_wh for one in station.connectors], "unsent": unsent}


def _recall(fleet: Fleet, memory: Path) -> None:
    """Give the chargers back what they knew when they were switched off."""
    try:
        kept = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return  # They were never switched off, or killed while they wrote.
    for station in fleet.stations:
        own = kept.get(station.identity) or {"registers": (), "unsent": ()}
        for connector, register_wh in zip(station.connectors, own["registers"], strict=False):
            connector.meter.register_wh = max(connector.meter.register_wh, register_wh)
        station.send_again(own["unsent"])
    memory.unlink()


if __name__ == "__main__":
    sys.exit(main())
