"""How long others wait while one charger sends as much as it may: one message of 90,000 readings.

Some 200 kB on the wire become 7 MB, so `AMPDESK_OCPP_MAX_INFLATED_BYTES` is raised.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

from bench import wire

#: Offered and accepted as chargers do.
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
READINGS = 90_000
BOOT = {
    "reason": "PowerUp",
    "chargingStation": {"vendorName": "Bench", "model": "Monster"},
}


def readings(count: int = READINGS) -> dict[str, Any]:
    """The payload of a MeterValues (2.0.1) of so many readings, a second apart, none right."""
    begin = time.time() - count
    values = [
        {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begin + number)),
            "sampledValue": [{"value": "7"}],
        }
        for number in range(count)
    ]
    return {"evseId": 1, "meterValue": values}


@dataclass(slots=True)
class Waits:
    """What the other charger met: the longest answer to a heartbeat in seconds, and how many came;
    `answered` is what the sender of the long message heard, and `took_s` after how long."""

    longest_s: float = 0.0
    heartbeats: int = 0
    answered: Any = None
    took_s: float = 0.0


def measure(port: int, sender: tuple[str, str], other: tuple[str, str], message: bytes) -> Waits:
    """Send `message` (a frame whose call has the id "long"), while another charger goes on."""
    waits, over = Waits(), threading.Event()
    large = wire.connect(port, *sender, "ocpp2.0.1", DEFLATE)
    wire.ask(large, [2, "b", "BootNotification", BOOT])
    small = wire.connect(port, *other, "ocpp2.0.1")
    wire.ask(small, [2, "b", "BootNotification", BOOT])

    def beat() -> None:
        while not over.is_set():
            begin = time.monotonic()
            wire.ask(small, [2, f"h{waits.heartbeats}", "Heartbeat", {}])
            waits.longest_s = max(waits.longest_s, time.monotonic() - begin)
            waits.heartbeats += 1
            over.wait(0.02)

    thread = threading.Thread(target=beat)
    thread.start()
    begin = time.monotonic()
    try:
        large.settimeout(120)
        large.sendall(message)
        waits.answered = wire.answer_to(large, "long")
    except OSError as error:
        waits.answered = str(error)
    finally:
        waits.took_s = time.monotonic() - begin
        over.set()
        thread.join()
        large.close()
        small.close()
    return waits
