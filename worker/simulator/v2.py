"""A simulated charging station of OCPP 2.0.1 and 2.1: what it says, and what it answers.

Each EVSE has one connector.  Sections are those of 2.0.1's part 2.
"""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gevent

from worker.ocpp.fields import Fields
from worker.ocpp.frames import Payload
from worker.simulator import commands, variables
from worker.simulator.commands import Handler, Response, answer

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint
    from worker.simulator.connector import Connector, Session

RESET_S = 3.0
_OCCUPIED = frozenset({"Preparing", "Charging", "SuspendedEV", "Finishing"})
#: What ended a session, as the event that tells it has it (TriggerReasonEnumType).
_TRIGGERS = {
    "DeAuthorized": "Deauthorized",
    "EVDisconnected": "EVDeparted",
    "ImmediateReset": "ResetCommand",
    "Local": "StopAuthorized",
    "Remote": "RemoteStop",
}


class Speech2:
    def __init__(self) -> None:
        self.orders: Mapping[str, Handler] = ORDERS

    def boot(self, station: "ChargePoint") -> Payload:
        hardware = station.scenario.hardware
        about = {
            "vendorName": hardware.vendor,
            "model": hardware.model,
            "firmwareVersion": hardware.firmware,
            "serialNumber": hardware.serial or station.identity[:25],
        }
        reason = "RemoteReset" if station.boots else "PowerUp"
        return {"reason": reason, "chargingStation": about}

    def status(self, station: "ChargePoint", connector: "Connector | None") -> Payload | None:
        if connector is None:
            return None
        return {
            "timestamp": connector.timestamp(),
            "connectorStatus": self.shown(connector.status),
            "evseId": connector.number,
            "connectorId": 1,
        }

    def shown(self, status: str) -> str:
        return "Occupied" if status in _OCCUPIED else status

    def token(self, tag: str) -> Payload:
        return {"idToken": {"idToken": tag, "type": "ISO14443"}}

    def accepts(self, answer: Payload) -> bool:
        return bool(answer.get("idTokenInfo", {"status": "Accepted"})["status"] == "Accepted")

    def begin(self, connector: "Connector", session: "Session") -> None:
        session.transaction_id = str(uuid.UUID(int=connector.station.chance.getrandbits(128)))
        asked = {"remoteStartId": session.asked_by} if session.asked_by else {}
        self._tell(
            *(connector, session, "Started", "RemoteStart" if asked else "Authorized"),
            "Transaction.Begin",
            info={"chargingState": "Charging", **asked},
            more=self.token(session.tag),
        )

    def sample(self, connector: "Connector", session: "Session") -> None:
        self._tell(connector, session, "Updated", "MeterValuePeriodic", "Sample.Periodic")

    def suspend(self, connector: "Connector", session: "Session") -> None:
        info = {"chargingState": "SuspendedEV"}
        self._tell(connector, session, "Updated", "ChargingStateChanged", "Other", info=info)

    def end(self, connector: "Connector", session: "Session") -> None:
        reason = session.stop_reason or "Local"
        more = self.token(session.tag) if reason == "Local" else {}
        info = {"chargingState": "EVConnected", "stoppedReason": reason}
        trigger = _TRIGGERS.get(reason, "AbnormalCondition")
        self._tell(connector, session, "Ended", trigger, "Transaction.End", info=info, more=more)

    def reading(self, connector: "Connector") -> tuple[str, Payload] | None:
        """A session's readings go with its events (J02), those of a free EVSE by themselves."""
        if connector.session is not None:
            return None
        values = [_values(connector.reading("Trigger"))]
        return "MeterValues", {"evseId": connector.number, "meterValue": values}

    def _tell(
        self,
        connector: "Connector",
        session: "Session",
        kind: str,
        trigger: str,
        context: str,
        *,
        info: Payload | None = None,
        more: Payload | None = None,
    ) -> None:
        """Queue a TransactionEvent (E01 to E12) with the meter's values of this moment."""
        station = connector.station
        event = {
            "eventType": kind,
            "timestamp": connector.timestamp(),
            "triggerReason": trigger,
            "seqNo": session.sequence,
            "offline": not station.accepted.is_set(),
            "transactionInfo": {"transactionId": session.transaction_id, **(info or {})},
            "evse": {"id": connector.number, "connectorId": 1},
            "meterValue": [_values(connector.reading(context))],
            **(more or {}),
        }
        session.sequence += 1

        def answered(answer: Payload | None) -> None:
            if kind == "Ended":
                connector.finished.append(session)
            elif answer is not None and not self.accepts(answer):
                connector.stop("DeAuthorized")

        station.send_later("TransactionEvent", lambda: event, answered)


def _values(reading: dict[str, Any]) -> Payload:
    """A reading of 1.6 in the form of 2.x: numbers, and their unit beside them."""
    sampled = []
    for sample in reading["sampledValue"]:
        rest = {name: value for name, value in sample.items() if name not in ("value", "unit")}
        unit = {"unitOfMeasure": {"unit": sample["unit"]}}
        sampled.append({"value": float(sample["value"]), **rest, **unit})
    return {**reading, "sampledValue": sampled}


def request_start(station: "ChargePoint", fields: Fields) -> Response:
    tag = fields.child("idToken").text("idToken", default="")
    asked_by = fields.integer("remoteStartId", default=0)
    return commands.start(station, fields.integer("evseId"), tag, asked_by)


def request_stop(station: "ChargePoint", fields: Fields) -> Response:
    return commands.stop(station, fields.text("transactionId"))


def transaction_status(station: "ChargePoint", fields: Fields) -> Response:
    wanted = fields.text("transactionId")
    if wanted is None:
        return Response({"messagesInQueue": bool(station.outbox)})
    running = [each.session for each in station.connectors if each.session is not None]
    ongoing = any(session.transaction_id == wanted for session in running)
    return Response({"ongoingIndicator": ongoing, "messagesInQueue": bool(station.outbox)})


def reset(station: "ChargePoint", fields: Fields) -> Response:
    if "evseId" in fields:
        return answer("Rejected")
    idle = fields.text("type") == "OnIdle"
    busy = [connector for connector in station.connectors if connector.session is not None]

    def restart() -> None:
        while idle and any(connector.session is not None for connector in station.connectors):
            gevent.sleep(1.0)
        for connector in station.connectors:
            connector.stop("ImmediateReset")
        station.disconnect(RESET_S, reboot=True)

    return answer("Scheduled" if idle and busy else "Accepted", restart)


def unlock(station: "ChargePoint", fields: Fields) -> Response:
    connector = station.connector(fields.integer("evseId", default=0))
    if connector is None or fields.integer("connectorId") != 1:
        return answer("UnknownConnector")
    return answer("Unlocked" if connector.session is None else "OngoingAuthorizedTransaction")


def change_availability(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.child("evse").integer("id", default=0)
    operative = fields.text("operationalStatus") == "Operative"
    return commands.set_operative(station, number, operative)


def trigger(station: "ChargePoint", fields: Fields) -> Response:
    wanted = fields.text("requestedMessage", default="")
    return commands.trigger(station, wanted, fields.child("evse").integer("id"))


def set_profile(station: "ChargePoint", fields: Fields) -> Response:
    """Keep a profile in the form of 1.6, the first of its schedules."""
    profile = fields.child("chargingProfile").payload
    words = {
        "chargingProfileId": profile["id"],
        "chargingProfilePurpose": _purpose(profile["chargingProfilePurpose"]),
        "chargingSchedule": profile["chargingSchedule"][0],
    }
    kept = station.profiles.put(fields.integer("evseId", default=0), {**profile, **words})
    return answer("Accepted" if kept else "Rejected")


def clear_profile(station: "ChargePoint", fields: Fields) -> Response:
    wanted: dict[str, Any] = {}
    if (number := fields.integer("chargingProfileId")) is not None:
        wanted["chargingProfileId"] = number
    criteria = fields.child("chargingProfileCriteria")
    if (purpose := criteria.text("chargingProfilePurpose")) is not None:
        wanted["chargingProfilePurpose"] = _purpose(purpose)
    if (level := criteria.integer("stackLevel")) is not None:
        wanted["stackLevel"] = level
    gone = station.profiles.clear(wanted, criteria.integer("evseId"))
    return answer("Accepted" if gone else "Unknown")


def composite_schedule(station: "ChargePoint", fields: Fields) -> Response:
    number = fields.integer("evseId", default=0)
    found = commands.schedule(station, number, fields)
    if found is None:
        return answer("Rejected")
    return Response({"status": "Accepted", "schedule": {"evseId": number, **found}})


def _purpose(name: str) -> str:
    return "ChargePointMaxProfile" if name == "ChargingStationMaxProfile" else name


ORDERS: dict[str, Handler] = {
    "ChangeAvailability": change_availability,
    "ClearCache": commands.clear_cache,
    "ClearChargingProfile": clear_profile,
    "DataTransfer": commands.data_transfer,
    "GetBaseReport": variables.get_base_report,
    "GetCompositeSchedule": composite_schedule,
    "GetTransactionStatus": transaction_status,
    "GetVariables": variables.get_variables,
    "RequestStartTransaction": request_start,
    "RequestStopTransaction": request_stop,
    "Reset": reset,
    "SetChargingProfile": set_profile,
    "SetVariables": variables.set_variables,
    "TriggerMessage": trigger,
    "UnlockConnector": unlock,
}
