"""Charge points in software that speak real OCPP 1.6J over real sockets.

They serve the demo, load tests and anyone who wants to try a central system: as a library
(`ChargePoint`, `Fleet`), and as `python -m worker.simulator`.  They drive the same protocol core
as the worker, from the other side, in greenlets.
"""

from worker.simulator.chargepoint import ChargePoint, NoAnswer, Offline, RefusedCall
from worker.simulator.dial import HandshakeRefused, dial
from worker.simulator.fleet import Fleet
from worker.simulator.scenario import Behaviour, Hardware, Scenario

__all__ = [
    "Behaviour",
    "ChargePoint",
    "Fleet",
    "HandshakeRefused",
    "Hardware",
    "NoAnswer",
    "Offline",
    "RefusedCall",
    "Scenario",
    "dial",
]
