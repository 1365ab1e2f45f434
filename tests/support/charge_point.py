"""A charge point written by others: the client of the PyPI package `ocpp`, used step by step.

The package is asynchronous; here it lives in a thread of its own, so that a test reads as a
sequence of sentences.  What a real charger does about a lost answer is done here too: the message
is sent again, after a new connection when the old one is gone.
"""

import asyncio
import base64
import contextlib
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint as LibraryChargePoint
from ocpp.v16 import call, call_result
from ocpp.v16.enums import Action
from websockets.exceptions import WebSocketException

from tests.support.wait import eventually

T = TypeVar("T")

ANSWER_S = 5.0


class Twice:
    """A socket that sends every text two times, as chargers do whose answers get lost."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket

    async def recv(self) -> Any:
        return await self._socket.recv()

    async def send(self, text: str) -> None:
        await self._socket.send(text)
        await self._socket.send(text)


class Client(LibraryChargePoint):
    """The library's charge point with friendly answers to commands; it notes what it was asked."""

    def __init__(self, *arguments: Any, asked: list[tuple[str, dict[str, Any]]], **named: Any):
        super().__init__(*arguments, **named)
        self.asked = asked

    @on(Action.remote_start_transaction)
    def on_remote_start(self, **payload: Any) -> Any:
        self.asked.append(("RemoteStartTransaction", payload))
        return call_result.RemoteStartTransaction(status="Accepted")

    @on(Action.remote_stop_transaction)
    def on_remote_stop(self, **payload: Any) -> Any:
        self.asked.append(("RemoteStopTransaction", payload))
        return call_result.RemoteStopTransaction(status="Accepted")

    @on(Action.reset)
    def on_reset(self, **payload: Any) -> Any:
        self.asked.append(("Reset", payload))
        return call_result.Reset(status="Accepted")

    @on(Action.unlock_connector)
    def on_unlock(self, **payload: Any) -> Any:
        self.asked.append(("UnlockConnector", payload))
        return call_result.UnlockConnector(status="Unlocked")

    @on(Action.change_availability)
    def on_change_availability(self, **payload: Any) -> Any:
        self.asked.append(("ChangeAvailability", payload))
        return call_result.ChangeAvailability(status="Accepted")

    @on(Action.trigger_message)
    def on_trigger(self, **payload: Any) -> Any:
        self.asked.append(("TriggerMessage", payload))
        return call_result.TriggerMessage(status="Accepted")


class ChargePoint:
    """One charger: identity, password, and the steps of a charging session.

    `twice`: every frame is sent two times.  Times are aware; energies are Wh.
    """

    subprotocol = "ocpp1.6"
    client: Any = Client

    def __init__(self, url: str, identity: str, password: str, *, twice: bool = False) -> None:
        self.url = f"{url}/{identity}"
        self.identity = identity
        self.password = password
        self.twice = twice
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._socket: Any = None
        self._client: Any = None
        self._reading: asyncio.Task[None] | None = None

    # The connection

    def connect(self, within: float = 120) -> None:
        """Connect and keep trying, as a charger does while its server restarts."""
        eventually(self._try_to_connect, within=within, what=f"{self.identity} connects")

    def disconnect(self) -> None:
        """Close the socket."""
        self._run(self._close())

    def close(self) -> None:
        """Close the socket and end the thread."""
        self.disconnect()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connected(self) -> bool:
        """Tell whether the socket is open."""
        return self._reading is not None and not self._reading.done()

    # The steps of a charging session

    def boot(self) -> Any:
        """Send BootNotification; return its answer."""
        return self.send(
            call.BootNotification(charge_point_model="Fortress", charge_point_vendor="Acme")
        )

    def status(self, status: str, connector: int = 1) -> Any:
        """Send StatusNotification without an error."""
        return self.send(
            call.StatusNotification(
                connector_id=connector,
                error_code="NoError",
                status=status,
                timestamp=stamp(datetime.now(UTC)),
            )
        )

    def authorize(self, tag: str) -> Any:
        """Send Authorize; return its answer."""
        return self.send(call.Authorize(id_tag=tag))

    def start(self, tag: str, meter_start_wh: int, at: datetime, connector: int = 1) -> Any:
        """Send StartTransaction; return its answer."""
        return self.send(
            call.StartTransaction(
                connector_id=connector, id_tag=tag, meter_start=meter_start_wh, timestamp=stamp(at)
            )
        )

    def meter(self, transaction: int, energy_wh: int, at: datetime, connector: int = 1) -> Any:
        """Send MeterValues with the energy register; return its answer."""
        sampled = {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register"}
        values = [{"timestamp": stamp(at), "sampledValue": [{**sampled, "unit": "Wh"}]}]
        return self.send(
            call.MeterValues(connector_id=connector, transaction_id=transaction, meter_value=values)
        )

    def stop(self, transaction: int, meter_stop_wh: int, at: datetime, tag: str = "") -> Any:
        """Send StopTransaction; return its answer."""
        return self.send(
            call.StopTransaction(
                transaction_id=transaction,
                meter_stop=meter_stop_wh,
                timestamp=stamp(at),
                id_tag=tag or None,
                reason="EVDisconnected",
            )
        )

    def send(self, message: Any, within: float = 180) -> Any:
        """Send a message until it is answered, connecting anew when need be; return the answer."""
        answers: list[Any] = []

        def answered() -> bool:
            if not self.connected:
                self._try_to_connect()
            try:
                answers.append(self._run(self._ask(message)))
            except (TimeoutError, ConnectionError):
                return False
            return True

        eventually(answered, within=within, what=f"{self.identity}: {type(message).__name__}")
        return answers[0]

    def begin(self, message: Any) -> "asyncio.Future[Any]":
        """Send a message and do not wait; the answer is lost when the connection is."""
        return asyncio.run_coroutine_threadsafe(self._ask(message), self._loop)  # type: ignore[return-value]

    # In the thread

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S * 4)

    def _try_to_connect(self) -> bool:
        try:
            self._run(self._open())
        except (OSError, TimeoutError, WebSocketException):
            return False
        return True

    async def _open(self) -> None:
        await self._close()
        login = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        self._socket = await websockets.connect(
            self.url,
            subprotocols=[websockets.Subprotocol(self.subprotocol)],
            additional_headers={"Authorization": f"Basic {login}"},
            open_timeout=ANSWER_S,
            close_timeout=1,
            proxy=None,
        )
        socket = Twice(self._socket) if self.twice else self._socket
        given = {"response_timeout": ANSWER_S, "asked": self.asked}
        self._client = self.client(self.identity, socket, **given)
        self._reading = asyncio.create_task(self._client.start())

    async def _close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketException, OSError):
                await self._reading
            self._reading = None
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    async def _ask(self, message: Any) -> Any:
        """Send and wait for the answer; ConnectionError when the socket closes before it came."""
        if self._client is None or self._reading is None or self._reading.done():
            raise ConnectionError("not connected")
        asking = asyncio.create_task(self._client.call(message, suppress=False))
        await asyncio.wait({asking, self._reading}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            asking.cancel()
            raise ConnectionError("the connection was lost before the answer came")
        try:
            return asking.result()
        except WebSocketException as error:
            raise ConnectionError(str(error)) from error


def stamp(at: datetime) -> str:
    """Return a time the way OCPP writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
