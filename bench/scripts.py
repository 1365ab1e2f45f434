"""What chargers say under load: a script is a generator of calls that is sent their answers.

All times are those at which a message is sent, and registers grow as 11 kW have it, so nothing of
what is told is odd, and the load measures what honest chargers cost.
"""

import itertools
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

Payload = dict[str, Any]
Script = Generator[tuple[str, Payload], Any, None]

#: Meter values between the start and the end of a session.
READINGS = 10
POWER_W = 11_040.0


def boot() -> dict[str, str]:
    return {"chargePointVendor": "Bench", "chargePointModel": "Load"}


def boot_2x() -> Payload:
    station = {"vendorName": "Bench", "model": "Load"}
    return {"reason": "PowerUp", "chargingStation": station}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Meter:
    """A charger's meter: Wh since it was installed, at the pace of the clock."""

    def __init__(self) -> None:
        self._since = datetime.now(UTC)

    def wh(self) -> float:
        return (datetime.now(UTC) - self._since).total_seconds() * POWER_W / 3600


def sampled_16(register: str) -> list[Payload]:
    """Four samples of one instant, about 550 bytes (OCPP 1.6 section 7.43)."""
    shared = {"context": "Sample.Periodic", "location": "Outlet"}
    energy = {"measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    return [
        {"value": register, **energy, **shared},
        {"value": "11040.0", "measurand": "Power.Active.Import", "unit": "W", **shared},
        {"value": "16.0", "measurand": "Current.Import", "unit": "A", "phase": "L1", **shared},
        {"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N", **shared},
    ]


def meter_values(transaction: int, number: int, begin: datetime) -> Payload:
    """The payload of the n-th MeterValues of a session, a second after the one before."""
    at = stamp(begin + timedelta(seconds=number))
    return _meter_values(transaction, at, str(number * 3))


def _meter_values(transaction: int, at: str, register: str) -> Payload:
    values = [{"timestamp": at, "sampledValue": sampled_16(register)}]
    return {"connectorId": 1, "transactionId": transaction, "meterValue": values}


def sampled_2x(register: float, context: str) -> list[Payload]:
    """The same four samples as 2.0.1 has them."""
    energy = {"measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh"}}
    shared = {"context": context, "location": "Outlet"}
    return [
        {"value": round(register, 3), **energy, **shared},
        {"value": POWER_W, "measurand": "Power.Active.Import", **shared},
        {"value": 16.0, "measurand": "Current.Import", "phase": "L1", **shared},
        {"value": 230.1, "measurand": "Voltage", "phase": "L1-N", **shared},
    ]


def meter_16(tag: str, first: int) -> Script:
    """One session that never ends: MeterValues of four samples, one after another."""
    yield "BootNotification", boot()
    meter = Meter()
    start = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": now_text()}
    transaction = (yield "StartTransaction", start)["transactionId"]
    while True:
        yield "MeterValues", _meter_values(transaction, now_text(), f"{meter.wh():.3f}")


def sessions_16(tag: str, first: int) -> Script:
    """Whole sessions: authorised, started, metered, stopped; the first one is shorter.

    `first` tells how many meter values it has, so that not all chargers start at once.
    """
    yield "BootNotification", boot()
    meter = Meter()
    for readings in itertools.chain([first], itertools.repeat(READINGS)):
        yield "Authorize", {"idTag": tag}
        start = {"connectorId": 1, "idTag": tag, "meterStart": int(meter.wh())}
        started = yield "StartTransaction", {**start, "timestamp": now_text()}
        transaction = started["transactionId"]
        for _ in range(readings):
            yield "MeterValues", _meter_values(transaction, now_text(), f"{meter.wh():.3f}")
        stop = {"transactionId": transaction, "idTag": tag, "meterStop": int(meter.wh()) + 1}
        yield "StopTransaction", {**stop, "timestamp": now_text(), "reason": "Local"}


def starts_16(tag: str, first: int) -> Script:
    """Starts and stops, one after another."""
    yield "BootNotification", boot()
    meter = Meter()
    while True:
        start = {"connectorId": 1, "idTag": tag, "meterStart": int(meter.wh())}
        started = yield "StartTransaction", {**start, "timestamp": now_text()}
        stop = {"transactionId": started["transactionId"], "meterStop": int(meter.wh()) + 1}
        yield "StopTransaction", {**stop, "timestamp": now_text(), "reason": "Local"}


def past_16(tag: str, first: int) -> Script:
    """Sessions as they would be billed: an hour each, one after another since 20 days ago."""
    yield "BootNotification", boot()
    at, register_wh = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20), 0
    while True:
        start = {"connectorId": 1, "idTag": tag, "meterStart": register_wh, "timestamp": stamp(at)}
        transaction = (yield "StartTransaction", start)["transactionId"]
        for _ in range(READINGS):
            at, register_wh = at + timedelta(minutes=6), register_wh + round(POWER_W / 10)
            yield "MeterValues", _meter_values(transaction, stamp(at), str(register_wh))
        stop = {"transactionId": transaction, "idTag": tag, "meterStop": register_wh}
        yield "StopTransaction", {**stop, "timestamp": stamp(at), "reason": "Local"}
        at += timedelta(minutes=6)


class Transaction:
    """A transaction of 2.0.1, told event by event with chargingState and readings."""

    def __init__(self, tag: str, meter: Meter) -> None:
        self._reference = f"{tag}-{datetime.now(UTC).timestamp():.3f}"
        self._sequence = itertools.count()
        self._meter = meter
        self._token = {"idToken": tag, "type": "ISO14443"}

    def event(self, kind: str, state: str = "Charging") -> tuple[str, Payload]:
        """The next event: "Started", "Updated" or "Ended"."""
        trigger, context = _EVENTS[kind]
        at = now_text()
        about = {"transactionId": self._reference, "chargingState": state}
        told: Payload = {
            "eventType": kind,
            "triggerReason": trigger,
            "timestamp": at,
            "seqNo": next(self._sequence),
            "transactionInfo": about,
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [
                {"timestamp": at, "sampledValue": sampled_2x(self._meter.wh(), context)}
            ],
        }
        if kind != "Updated":
            told["idToken"] = self._token
        if kind == "Ended":
            about["stoppedReason"] = "Local"
        return "TransactionEvent", told


_EVENTS = {
    "Started": ("Authorized", "Transaction.Begin"),
    "Updated": ("MeterValuePeriodic", "Sample.Periodic"),
    "Ended": ("StopAuthorized", "Transaction.End"),
}


def sessions_201(tag: str, first: int) -> Script:
    """Whole sessions with TransactionEvent."""
    yield "BootNotification", boot_2x()
    meter = Meter()
    for readings in itertools.chain([first], itertools.repeat(READINGS)):
        yield "Authorize", {"idToken": {"idToken": tag, "type": "ISO14443"}}
        transaction = Transaction(tag, meter)
        yield transaction.event("Started")
        for _ in range(readings):
            yield transaction.event("Updated")
        yield transaction.event("Ended", "Idle")


def long_201(tag: str, first: int) -> Script:
    """One transaction that never ends; the car takes a break every now and then."""
    yield "BootNotification", boot_2x()
    transaction = Transaction(tag, Meter())
    yield transaction.event("Started")
    for number in itertools.count():
        yield transaction.event("Updated", "Charging" if number // 20 % 3 else "SuspendedEV")


#: name -> (sub-protocol, script)
SCRIPTS: dict[str, tuple[str, Callable[[str, int], Script]]] = {
    "meter-16": ("ocpp1.6", meter_16),
    "sessions-16": ("ocpp1.6", sessions_16),
    "starts-16": ("ocpp1.6", starts_16),
    "past-16": ("ocpp1.6", past_16),
    "long-201": ("ocpp2.0.1", long_201),
    "sessions-201": ("ocpp2.0.1", sessions_201),
}
