"""`python -m worker.simulator`: charge points in software against any central system."""

from gevent import monkey

monkey.patch_all()

import argparse
import logging
import signal
import sys

import gevent

from worker.ocpp.versions import Version
from worker.simulator import Fleet
from worker.simulator.scenario import Behaviour, Hardware, Scenario

LIVES = ("charging", "idle_after_full", "quiet", "faulted")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(prog="python -m worker.simulator", description=__doc__)
    add = options.add_argument
    add("--url", required=True, help="ws:// or wss:// address, without the identity")
    add("--identity", required=True, help="with --count a number is added: CP-1, CP-2, …")
    versions = [version.value for version in Version]
    add("--ocpp", choices=versions, default="1.6", help="version of OCPP")
    add("--password", help="HTTP Basic password, the same for all")
    add("--tag", action="append", help="idTag; may be given several times")
    add("--count", type=int, default=1, help="how many stations")
    add("--connectors", type=int, default=1, help="connectors per station")
    add("--life", choices=LIVES, default="charging", help="what happens at the connectors")
    add("--power-kw", type=float, default=11.0, help="what a connector can deliver")
    add("--energy-kwh", type=float, default=9.0, help="what a car wants")
    add("--pause", type=float, default=60.0, help="seconds between two sessions")
    add("--sessions", type=int, help="stop charging after so many sessions per connector")
    add("--sample", type=float, default=60.0, help="seconds between two meter values")
    add("--speed", type=float, default=1.0, help="play the past this fast, until it is now")
    add("--backlog", type=float, help="seconds of past to play; default: one session")
    add("--seed", type=int, help="makes a run repeatable")
    add("--verbose", action="store_true")
    return options


def scenarios(given: argparse.Namespace) -> list[Scenario]:
    """One scenario per station."""
    session_s = given.energy_kwh / given.power_kw * 3600 * 1.3 + 300
    behaviour = Behaviour(
        tags=tuple(given.tag or ["04A2B3C4"]),
        lives=(given.life,),
        energy_wh=given.energy_kwh * 1000,
        pause_s=(given.pause * 0.8, given.pause * 1.2),
        sessions=given.sessions,
        sample_s=given.sample,
        speed=given.speed,
        backlog_s=session_s if given.backlog is None else given.backlog,
        seed=given.seed,
    )
    hardware = Hardware(connectors=given.connectors, max_power_w=given.power_kw * 1000)
    names = [given.identity]
    if given.count > 1:
        names = [f"{given.identity}-{number + 1}" for number in range(given.count)]
    version = Version(given.ocpp)
    return [
        Scenario(given.url, name, given.password, hardware, behaviour, version) for name in names
    ]


def main(arguments: list[str] | None = None) -> int:
    """Run until interrupted; return the exit code."""
    given = parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if given.verbose else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
    )
    running = gevent.spawn(Fleet(scenarios(given)).run)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, running.kill, block=False)
    running.join()
    return 0 if running.successful() else 1


if __name__ == "__main__":
    sys.exit(main())
