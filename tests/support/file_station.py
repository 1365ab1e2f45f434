"""Stations written by others (the package `ocpp`) that really fetch firmware and bring logs."""

import asyncio
import base64
import urllib.request
from typing import Any

import websockets
from ocpp.routing import after, on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as result21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201

LOG = b"2026-03-02 09:00 all is well\n" * 1000


def download(url: str) -> bytes:
    """Fetch a file in two pieces, as stations do whose line breaks."""
    first = urllib.request.Request(url, headers={"Range": "bytes=0-999"})
    with urllib.request.urlopen(first, timeout=30) as answer:
        begun: bytes = answer.read()
    rest = urllib.request.Request(url, headers={"Range": f"bytes={len(begun)}-"})
    with urllib.request.urlopen(rest, timeout=30) as answer:
        return begun + bytes(answer.read())


def upload(url: str) -> int:
    """Bring the log."""
    request = urllib.request.Request(url, data=LOG, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


class Station16(ChargePoint16):
    """A 1.6 station without the security extension."""

    version = "ocpp1.6"
    image = b""

    async def boot(self, firmware: str = "1.0") -> Any:
        """Say who it is."""
        return await self.call(
            call16.BootNotification(
                charge_point_vendor="Acme", charge_point_model="One", firmware_version=firmware
            )
        )

    @on("UpdateFirmware")
    def on_update(self, **payload: Any) -> Any:
        return result16.UpdateFirmware()

    @after("UpdateFirmware")
    async def update(self, location: str, **payload: Any) -> None:
        """Fetch and install, saying so at each step; the end is seen by its next boot."""
        await self.call(call16.FirmwareStatusNotification(status="Downloading"))
        self.image = await asyncio.to_thread(download, location)
        for status in ("Downloaded", "Installing"):
            await self.call(call16.FirmwareStatusNotification(status=status))
        await self.boot("2.0")

    @on("GetDiagnostics")
    def on_diagnostics(self, **payload: Any) -> Any:
        return result16.GetDiagnostics(file_name="diag.txt")

    @after("GetDiagnostics")
    async def diagnostics(self, location: str, **payload: Any) -> None:
        """Append the file's name to the address, as most stations do."""
        await self.call(call16.DiagnosticsStatusNotification(status="Uploading"))
        await asyncio.to_thread(upload, f"{location}/diag.txt")
        await self.call(call16.DiagnosticsStatusNotification(status="Uploaded"))


class Modern:
    """What stations of 2.x do; `messages` and `results` are the messages of their version."""

    messages: Any
    results: Any
    image = b""

    async def boot(self) -> Any:
        """Say who it is."""
        return await self.call(
            self.messages.BootNotification(
                charging_station={"model": "Two", "vendorName": "Acme"}, reason="PowerUp"
            )
        )

    @on("UpdateFirmware")
    def on_update(self, **payload: Any) -> Any:
        return self.results.UpdateFirmware(status="Accepted")

    @after("UpdateFirmware")
    async def update(self, request_id: int, firmware: dict[str, Any], **payload: Any) -> None:
        """Fetch and install, saying so at each step."""

        async def say(status: str) -> None:
            await self.call(
                self.messages.FirmwareStatusNotification(status=status, request_id=request_id)
            )

        await say("Downloading")
        self.image = await asyncio.to_thread(download, firmware["location"])
        for status in ("Downloaded", "Installing", "Installed"):
            await say(status)

    @on("GetLog")
    def on_log(self, **payload: Any) -> Any:
        return self.results.GetLog(status="Accepted", filename="diag.txt")

    @after("GetLog")
    async def log(self, request_id: int, log: dict[str, Any], **payload: Any) -> None:
        """Bring it to the very address that was named."""
        await self.call(
            self.messages.LogStatusNotification(status="Uploading", request_id=request_id)
        )
        await asyncio.to_thread(upload, log["remote_location"])
        await self.call(
            self.messages.LogStatusNotification(status="Uploaded", request_id=request_id)
        )


class Station201(Modern, ChargePoint201):
    """A 2.0.1 station."""

    version, messages, results = "ocpp2.0.1", call201, result201


class Station21(Modern, ChargePoint21):
    """A 2.1 station."""

    version, messages, results = "ocpp2.1", call21, result21


async def connected(kind: type[Any], url: str, identity: str, password: str) -> tuple[Any, Any]:
    """Connect and boot a station; returns it and what has to be closed in the end."""
    login = base64.b64encode(f"{identity}:{password}".encode()).decode()
    socket = await websockets.connect(
        f"{url}/{identity}",
        subprotocols=[websockets.Subprotocol(kind.version)],
        additional_headers={"Authorization": f"Basic {login}"},
        proxy=None,
    )
    station = kind(identity, socket)
    reading = asyncio.create_task(station.start())
    await station.boot()

    async def close() -> None:
        reading.cancel()
        await socket.close()

    return station, close
