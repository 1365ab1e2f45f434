"""Charge points in software that speak real OCPP-J (1.6, 2.0.1, 2.1) over real sockets.

They serve the demo, load tests and anyone who wants to try a central system: as a library
(`ChargePoint`, `Fleet`), and as `python -m worker.simulator`.  They drive the same protocol core
as the worker, from the other side, in greenlets.
"""

from collections.abc import Sequence

import gevent

from worker.simulator.chargepoint import ChargePoint, NoAnswer, Offline, RefusedCall
from worker.simulator.dial import HandshakeRefused, dial
from worker.simulator.scenario import Behaviour, Hardware, Scenario


class Fleet:
    """Stations that are started one after another, so that they do not all knock at once."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self.stations = [ChargePoint(scenario) for scenario in scenarios]

    def start(self, gap_s: float = 0.05) -> None:
        """Start all stations, one every `gap_s` seconds."""
        for station in self.stations:
            station.start()
            gevent.sleep(gap_s)

    def stop(self) -> None:
        """Switch all stations off."""
        gevent.joinall([gevent.spawn(station.stop) for station in self.stations], timeout=10)

    def run(self, gap_s: float = 0.05) -> None:
        """Start all stations and stay; ends when the greenlet is killed or interrupted."""
        try:
            self.start(gap_s)
            while True:
                gevent.sleep(3600)
        finally:
            self.stop()

    @property
    def connected(self) -> int:
        """How many stations are connected."""
        return sum(station.connected.is_set() for station in self.stations)
