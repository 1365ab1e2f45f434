"""Simulated charge points at an `OcppPort`: started, asked, switched off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.ocpp_port import OcppPort
from tests.support.wait import eventually
from worker.ocpp import schemas
from worker.ocpp.events import Answered
from worker.ocpp.frames import Payload
from worker.ocpp.versions import Version
from worker.simulator import Behaviour, ChargePoint, Hardware, Scenario

#: An hour of station time passes in a second.
FAST = Behaviour(
    sessions=1,
    speed=3600,
    backlog_s=4 * 3600,
    energy_wh=3000,
    first_pause_s=5,
    pause_s=(60, 60),
    sample_s=60,
    seed=7,
)
QUIET = Behaviour(
    lives=("quiet",), seed=7, sample_s=1, plug_in_s=(0.05, 0.1), put_away_s=(0.05, 0.1)
)

ONE = Hardware()


@contextmanager
def stations(port: OcppPort) -> Iterator[Callable[..., ChargePoint]]:
    """Yield what starts a station in the server's thread; all are stopped at the end."""
    started = []

    def start(
        behaviour: Behaviour = QUIET, hardware: Hardware = ONE, **options: Any
    ) -> ChargePoint:
        url = f"ws://127.0.0.1:{port.port}/ocpp"
        given = {"identity": "SIM-1", "password": "secret", "reconnect_s": 0.05, **options}
        cp = ChargePoint(Scenario(url, hardware=hardware, behaviour=behaviour, **given))
        started.append(cp)
        port.within(cp.start)
        return cp

    yield start
    for cp in started:
        port.within(cp.stop)


def ask(port: OcppPort, action: str, payload: Payload) -> Any:
    """Call the newest link's charge point; return how it settled."""
    eventually(lambda: port.desk.links)
    link = port.desk.links[-1]
    ours = port.within(lambda: link.send_call(action, payload))
    return eventually(
        lambda: next((each for each in port.desk.settlements if each.call is ours), None)
    )


def answer_of(port: OcppPort, action: str, payload: Payload, version: Version) -> Payload:
    """What it answers, held against its schema."""
    settled = ask(port, action, payload)
    assert isinstance(settled, Answered), settled
    assert schemas.violation(version, action, "result", settled.payload) is None
    answer: Payload = settled.payload
    return answer
