"""What a simulated charge point answers to the central system's calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.ocpp.fields import Fields, format_instant
from worker.ocpp.frames import Call, Payload
from worker.ocpp.schemas import violation
from worker.ocpp.versions import Fault, Version

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint
    from worker.simulator.connector import Connector

#: How long a reset takes, in real seconds.
RESET_S = {"Soft": 2.0, "Hard": 4.0}
#: A composite schedule is worked out for two days at most.
MOST_SECONDS = 172_800


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, and what is done once it is sent."""

    payload: Payload
    after: Callable[[], object] | None = None


def respond(station: "ChargePoint", call: Call) -> Response | Fault:
    """Carry out a call of the central system, or say what is wrong with it."""
    handler = HANDLERS.get(call.action)
    problem = violation(Version.V16, call.action, "call", call.payload)
    if problem is not None:
        return problem.fault
    return Fault.NOT_SUPPORTED if handler is None else handler(station, Fields(call.payload))


def remote_start(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.integer("connectorId")
    tag = fields.text("idTag", default="")
    chosen = [
        connector
        for connector in station.connectors
        if connector.free and number in (None, connector.number)
    ]
    return _status("Accepted" if chosen and chosen[0].charge(tag) else "Rejected")


def remote_stop(station: "ChargePoint", fields: Fields) -> Response:
    wanted = fields.integer("transactionId")
    for connector in station.connectors:
        if connector.session is not None and connector.session.transaction_id == wanted:
            return _status("Accepted" if connector.stop("Remote") else "Rejected")
    return _status("Rejected")


def reset(station: "ChargePoint", fields: Fields) -> Response:
    kind = fields.text("type", default="Soft")

    def restart() -> None:
        for connector in station.connectors:
            connector.stop(f"{kind}Reset")
        station.disconnect(RESET_S.get(kind, 2.0), reboot=True)

    return _status("Accepted", restart)


def unlock(station: "ChargePoint", fields: Fields) -> Response:
    connector = station.connector(fields.integer("connectorId", default=0))
    if connector is None:
        return _status("NotSupported")
    connector.stop("UnlockCommand")
    return _status("Unlocked")


def change_availability(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.integer("connectorId", default=0)
    one = station.connector(number)
    if number != 0 and one is None:
        return _status("Rejected")
    chosen = station.connectors if one is None else [one]
    operative = fields.text("type") == "Operative"
    statuses = {connector.set_operative(operative) for connector in chosen}
    return _status("Scheduled" if "Scheduled" in statuses else "Accepted")


def get_configuration(station: "ChargePoint", fields: Fields) -> Response:
    return Response(station.configuration.report(list(fields.texts("key"))))


def change_configuration(station: "ChargePoint", fields: Fields) -> Response:
    key, value = fields.text("key", default=""), str(fields.raw("value"))
    status = station.configuration.change(key, value)
    if key == "AuthorizationKey" and status == "Accepted":
        try:  # the key is written in hexadecimal digits (1.6 security whitepaper)
            station.password = bytes.fromhex(value)
        except ValueError:
            return _status("Rejected")
    return _status(status)


def clear_cache(station: "ChargePoint", fields: Fields) -> Response:
    return _status("Accepted")


def trigger(station: "ChargePoint", fields: Fields) -> Response:
    wanted = fields.text("requestedMessage", default="")
    number = fields.integer("connectorId")
    if number is not None and station.connector(number) is None:
        return _status("Rejected")
    one = station.connector(number or 0)
    connectors = station.connectors if one is None else [one]

    def each(action: Callable[["Connector"], object]) -> Callable[[], object]:
        return lambda: [action(connector) for connector in connectors]

    def send_readings(connector: "Connector") -> None:
        station.try_call("MeterValues", connector.read_meter("Trigger"))

    sends: dict[str, Callable[[], object]] = {
        "BootNotification": station.boot,
        "Heartbeat": lambda: station.try_call("Heartbeat", {}),
        "StatusNotification": each(station.report_status),
        "MeterValues": each(send_readings),
    }
    send = sends.get(wanted)
    if send is None:
        return _status("NotImplemented")
    return _status("Accepted", send)


def data_transfer(station: "ChargePoint", fields: Fields) -> Response:
    if fields.text("vendorId") != station.scenario.hardware.vendor:
        return _status("UnknownVendorId")
    return Response({"status": "Accepted", "data": str(fields.raw("data") or "")})


def set_profile(station: "ChargePoint", fields: Fields) -> Response:
    profile = dict(fields.child("csChargingProfiles").payload)
    kept = station.profiles.put(fields.integer("connectorId", default=0), profile)
    return _status("Accepted" if kept else "Rejected")


def clear_profile(station: "ChargePoint", fields: Fields) -> Response:
    names = {"id": "chargingProfileId"}
    wanted = {names.get(name, name): value for name, value in fields.payload.items()}
    connector = wanted.pop("connectorId", None)
    return _status("Accepted" if station.profiles.clear(wanted, connector) else "Unknown")


def composite_schedule(station: "ChargePoint", fields: Fields) -> Response:
    number, at = fields.integer("connectorId", default=0), station.clock.instant()
    if number and station.connector(number) is None:
        return _status("Rejected")
    seconds = min(fields.integer("duration", default=0), MOST_SECONDS)
    unit, most_w = fields.text("chargingRateUnit", "A"), station.scenario.hardware.max_power_w
    schedule = {
        "duration": seconds,
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": station.profiles.composite(number, at, seconds, most_w, unit),
    }
    begins = {"scheduleStart": format_instant(at), "chargingSchedule": schedule}
    return Response({"status": "Accepted", "connectorId": number, **begins})


HANDLERS: dict[str, Callable[["ChargePoint", Fields], Response]] = {
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_profile,
    "DataTransfer": data_transfer,
    "GetCompositeSchedule": composite_schedule,
    "GetConfiguration": get_configuration,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "Reset": reset,
    "SetChargingProfile": set_profile,
    "TriggerMessage": trigger,
    "UnlockConnector": unlock,
}


def _status(status: str, after: Callable[[], object] | None = None) -> Response:
    return Response({"status": status}, after)
