"""What versions of OCPP share in a simulated charge point, and how a call is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from worker.ocpp.fields import Fields, format_instant
from worker.ocpp.frames import Call, Payload
from worker.ocpp.schemas import violation
from worker.ocpp.versions import Fault, Version

if TYPE_CHECKING:
    from worker.simulator.chargepoint import ChargePoint
    from worker.simulator.connector import Connector, Session

#: A composite schedule is worked out for two days at most.
MOST_SECONDS = 172_800


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, and what is done once it is sent."""

    payload: Payload
    after: Callable[[], object] | None = None


Handler = Callable[["ChargePoint", Fields], Response]


class Speech(Protocol):
    """How a version of OCPP says what a charge point does, and how it takes orders.

    Statuses and reasons are those of 1.6 inside the simulator.  What belongs to a session is
    queued with `ChargePoint.send_later`, so that it comes in order.
    """

    orders: Mapping[str, Handler]

    def boot(self, station: "ChargePoint") -> Payload:
        """A BootNotification."""

    def status(self, station: "ChargePoint", connector: "Connector | None") -> Payload | None:
        """A StatusNotification; None where the version has none for the station as a whole."""

    def shown(self, status: str) -> str:
        """The word for a status; a change that shows nothing new is not reported."""

    def token(self, tag: str) -> Payload:
        """An Authorize."""

    def accepts(self, answer: Payload) -> bool:
        """Whether an answer lets the tag charge, or says nothing of a tag."""

    def begin(self, connector: "Connector", session: "Session") -> None:
        """Tell that a session began."""

    def sample(self, connector: "Connector", session: "Session") -> None:
        """Tell what the meter shows in a session."""

    def suspend(self, connector: "Connector", session: "Session") -> None:
        """Tell that the car takes no more."""

    def end(self, connector: "Connector", session: "Session") -> None:
        """Tell that a session ended."""

    def reading(self, connector: "Connector") -> tuple[str, Payload] | None:
        """Action and payload of a reading that was asked for; None where there is none to tell."""


def respond(station: "ChargePoint", call: Call) -> Response | Fault:
    """Carry out a call of the central system, or say what is wrong with it."""
    version = station.scenario.version
    problem = violation(version, call.action, "call", call.payload)
    if problem is not None:
        return problem.fault
    handler = station.speech.orders.get(call.action)
    if handler is None:
        return Fault.NOT_SUPPORTED if version is Version.V16 else Fault.NOT_IMPLEMENTED
    return handler(station, Fields(call.payload))


def answer(status: str, after: Callable[[], object] | None = None) -> Response:
    return Response({"status": status}, after)


def clear_cache(station: "ChargePoint", fields: Fields) -> Response:
    return answer("Accepted")


def data_transfer(station: "ChargePoint", fields: Fields) -> Response:
    if fields.text("vendorId") != station.scenario.hardware.vendor:
        return answer("UnknownVendorId")
    return Response({"status": "Accepted", "data": str(fields.raw("data") or "")})


def set_operative(station: "ChargePoint", number: int, operative: bool) -> Response:
    """Open or close a connector, or all of them (0)."""
    one = station.connector(number)
    if number != 0 and one is None:
        return answer("Rejected")
    chosen = station.connectors if one is None else [one]
    statuses = {connector.set_operative(operative) for connector in chosen}
    return answer("Scheduled" if "Scheduled" in statuses else "Accepted")


def trigger(station: "ChargePoint", wanted: str, number: int | None) -> Response:
    """Send a message that is asked for, of one connector or of all."""
    if number is not None and station.connector(number) is None:
        return answer("Rejected")
    one = station.connector(number or 0)
    connectors = station.connectors if one is None else [one]

    def send_readings() -> None:
        for connector in connectors:
            if (said := station.speech.reading(connector)) is not None:
                station.try_call(*said)

    def send_statuses() -> None:
        for connector in connectors:
            station.report_status(connector)

    sends: dict[str, Callable[[], object]] = {
        "BootNotification": station.boot,
        "Heartbeat": lambda: station.try_call("Heartbeat", {}),
        "StatusNotification": send_statuses,
        "MeterValues": send_readings,
    }
    send = sends.get(wanted)
    return answer("NotImplemented") if send is None else answer("Accepted", send)


def start(station: "ChargePoint", number: int | None, tag: str, asked_by: int = 0) -> Response:
    """Let a customer come to a connector, or to the first free one."""
    for connector in station.connectors:
        if connector.free and number in (None, connector.number):
            return answer("Accepted" if connector.charge(tag, asked_by) else "Rejected")
    return answer("Rejected")


def stop(station: "ChargePoint", transaction_id: int | str | None) -> Response:
    """End the session of that id."""
    for connector in station.connectors:
        if connector.session is not None and connector.session.transaction_id == transaction_id:
            return answer("Accepted" if connector.stop("Remote") else "Rejected")
    return answer("Rejected")


def schedule(station: "ChargePoint", number: int, fields: Fields) -> Payload | None:
    """The composite schedule that is asked for; None of a connector that is not there."""
    if number and station.connector(number) is None:
        return None
    at, seconds = station.clock.instant(), min(fields.integer("duration", 0), MOST_SECONDS)
    unit, most_w = fields.text("chargingRateUnit", "A"), station.scenario.hardware.max_power_w
    return {
        "duration": seconds,
        "scheduleStart": format_instant(at),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": station.profiles.composite(number, at, seconds, most_w, unit),
    }
