"""A station that speaks frames: what is written is what is sent, in any version."""

import base64
import itertools
import json
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.site import Site

WAIT_S = 60.0


class RawStation:
    """A socket to a running worker; answers of the worker and its calls come in order."""

    def __init__(self, site: Site, identity: str, password: str, subprotocol: str) -> None:
        login = base64.b64encode(f"{identity}:{password}".encode()).decode()
        self._numbers = itertools.count(1)
        self._calls: list[list[Any]] = []
        self.identity = identity
        self.socket: ClientConnection = connect(
            f"{site.charger_url}/{identity}",
            subprotocols=[subprotocol],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Basic {login}"},
            open_timeout=WAIT_S,
            proxy=None,
        )

    def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a call and return the payload of its answer; an error fails the test."""
        number = f"c{next(self._numbers)}"
        self.socket.send(json.dumps([2, number, action, payload]))
        while True:
            frame = json.loads(self.socket.recv(timeout=WAIT_S))
            if frame[0] == 2:
                self._calls.append(frame)
                continue
            assert frame[:2] == [3, number], frame
            answer: dict[str, Any] = frame[2]
            return answer

    def hear(self, action: str) -> tuple[str, dict[str, Any]]:
        """Return the id and the payload of the next call of the worker, which must be `action`."""
        frame = self._calls.pop(0) if self._calls else self._next_call()
        assert frame[2] == action, frame
        return frame[1], frame[3]

    def answer(self, number: str, payload: dict[str, Any]) -> None:
        """Answer a call of the worker."""
        self.socket.send(json.dumps([3, number, payload]))

    def boot(self) -> dict[str, Any]:
        """Send the BootNotification of the version."""
        if self.socket.subprotocol == "ocpp1.6":
            return self.call(
                "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "Fortress"}
            )
        about = {"vendorName": "Acme", "model": "Fortress", "serialNumber": "SN-1"}
        return self.call("BootNotification", {"reason": "PowerUp", "chargingStation": about})

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _next_call(self) -> list[Any]:
        frame: list[Any] = json.loads(self.socket.recv(timeout=WAIT_S))
        assert frame[0] == 2, frame
        return frame
