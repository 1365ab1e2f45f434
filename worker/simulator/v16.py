"""A simulated charge point of OCPP 1.6: what it says, and what it answers (sections 4 and 5)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from worker.ocpp.fields import Fields, format_instant
from worker.ocpp.frames import Payload
from worker.simulator import commands
from worker.simulator.commands import Handler, Response, answer

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint
    from worker.simulator.connector import Connector, Session

#: How long a reset takes, in real seconds.
RESET_S = {"Soft": 2.0, "Hard": 4.0}


class Speech16:
    def __init__(self) -> None:
        self.orders: Mapping[str, Handler] = ORDERS

    def boot(self, station: "ChargePoint") -> Payload:
        hardware = station.scenario.hardware
        return {
            "chargePointVendor": hardware.vendor,
            "chargePointModel": hardware.model,
            "firmwareVersion": hardware.firmware,
            "chargePointSerialNumber": hardware.serial or station.identity[:25],
        }

    def status(self, station: "ChargePoint", connector: "Connector | None") -> Payload:
        if connector is None:
            words = {"connectorId": 0, "errorCode": "NoError", "status": "Available"}
            return {**words, "timestamp": format_instant(station.clock.instant())}
        return {
            "connectorId": connector.number,
            "errorCode": connector.error_code,
            "status": connector.status,
            "timestamp": connector.timestamp(),
        }

    def shown(self, status: str) -> str:
        return status

    def token(self, tag: str) -> Payload:
        return {"idTag": tag}

    def accepts(self, answer: Payload) -> bool:
        return bool(answer["idTagInfo"]["status"] == "Accepted")

    def begin(self, connector: "Connector", session: "Session") -> None:
        payload = {
            "connectorId": connector.number,
            "idTag": session.tag,
            "meterStart": session.meter_start_wh,
            "timestamp": connector.timestamp(),
        }

        def answered(answer: Payload | None) -> None:
            # Without an answer there is no id; -1 says so in the stop (1.6 errata 3.18).
            session.transaction_id = -1 if answer is None else answer["transactionId"]
            if answer is not None and not self.accepts(answer):
                connector.stop("DeAuthorized")

        connector.station.send_later("StartTransaction", lambda: payload, answered)

    def sample(self, connector: "Connector", session: "Session") -> None:
        values: Payload = {
            "connectorId": connector.number,
            "meterValue": [connector.reading("Sample.Periodic")],
        }
        connector.station.send_later(
            "MeterValues",
            lambda: {**values, "transactionId": session.transaction_id},
            lambda _: None,
        )

    def suspend(self, connector: "Connector", session: "Session") -> None:
        """The connector's status says it."""

    def end(self, connector: "Connector", session: "Session") -> None:
        payload = {
            "meterStop": session.meter_stop_wh,
            "timestamp": connector.timestamp(),
            "reason": session.stop_reason,
        }
        if session.stop_reason in ("Local", "EVDisconnected"):
            payload["idTag"] = session.tag
        connector.station.send_later(
            "StopTransaction",
            lambda: {**payload, "transactionId": session.transaction_id},
            lambda _: connector.finished.append(session),
        )

    def reading(self, connector: "Connector") -> tuple[str, Payload]:
        payload: Payload = {
            "connectorId": connector.number,
            "meterValue": [connector.reading("Trigger")],
        }
        if connector.session is not None and connector.session.transaction_id is not None:
            payload["transactionId"] = connector.session.transaction_id
        return "MeterValues", payload


def remote_start(station: "ChargePoint", fields: Fields) -> Response:
    return commands.start(station, fields.integer("connectorId"), fields.text("idTag", default=""))


def remote_stop(station: "ChargePoint", fields: Fields) -> Response:
    return commands.stop(station, fields.integer("transactionId"))


def reset(station: "ChargePoint", fields: Fields) -> Response:
    kind = fields.text("type", default="Soft")

    def restart() -> None:
        for connector in station.connectors:
            connector.stop(f"{kind}Reset")
        station.disconnect(RESET_S.get(kind, 2.0), reboot=True)

    return answer("Accepted", restart)


def unlock(station: "ChargePoint", fields: Fields) -> Response:
    connector = station.connector(fields.integer("connectorId", default=0))
    if connector is None:
        return answer("NotSupported")
    connector.stop("UnlockCommand")
    return answer("Unlocked")


def change_availability(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.integer("connectorId", default=0)
    return commands.set_operative(station, number, fields.text("type") == "Operative")


def get_configuration(station: "ChargePoint", fields: Fields) -> Response:
    return Response(station.configuration.report(list(fields.texts("key"))))


def change_configuration(station: "ChargePoint", fields: Fields) -> Response:
    key, value = fields.text("key", default=""), str(fields.raw("value"))
    status = station.configuration.change(key, value)
    if key == "AuthorizationKey" and status == "Accepted":
        try:  # the key is written in hexadecimal digits (1.6 security whitepaper)
            station.password = bytes.fromhex(value)
        except ValueError:
            return answer("Rejected")
    return answer(status)


def trigger(station: "ChargePoint", fields: Fields) -> Response:
    wanted = fields.text("requestedMessage", default="")
    return commands.trigger(station, wanted, fields.integer("connectorId"))


def set_profile(station: "ChargePoint", fields: Fields) -> Response:
    profile = dict(fields.child("csChargingProfiles").payload)
    kept = station.profiles.put(fields.integer("connectorId", default=0), profile)
    return answer("Accepted" if kept else "Rejected")


def clear_profile(station: "ChargePoint", fields: Fields) -> Response:
    names = {"id": "chargingProfileId"}
    wanted = {names.get(name, name): value for name, value in fields.payload.items()}
    connector = wanted.pop("connectorId", None)
    return answer("Accepted" if station.profiles.clear(wanted, connector) else "Unknown")


def composite_schedule(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.integer("connectorId", default=0)
    found = commands.schedule(station, number, fields)
    if found is None:
        return answer("Rejected")
    begins = {"connectorId": number, "scheduleStart": found.pop("scheduleStart")}
    return Response({"status": "Accepted", **begins, "chargingSchedule": found})


ORDERS: dict[str, Handler] = {
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": commands.clear_cache,
    "ClearChargingProfile": clear_profile,
    "DataTransfer": commands.data_transfer,
    "GetCompositeSchedule": composite_schedule,
    "GetConfiguration": get_configuration,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "Reset": reset,
    "SetChargingProfile": set_profile,
    "TriggerMessage": trigger,
    "UnlockConnector": unlock,
}
