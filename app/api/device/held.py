"""Endpoints: what a station holds: its settings, monitors, display, list, certificates."""

from typing import Any

from sqlalchemy import func

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun
from app.domain.access import local_lists
from app.domain.device import customer_information, device_events, settings
from app.models import (
    BatterySwap,
    CustomerReport,
    DerControl,
    DeviceEvent,
    DisplayMessage,
    EvNeeds,
    LocalList,
    Settlement,
    Station,
    StationCertificate,
    StationTariff,
    StationVariable,
    VariableMonitor,
)
from app.schemas.answers import read
from app.schemas.device import Variables
from app.web.problems import Problem

noun = Noun("device", "Settings, device model, monitors and what else a station holds.")

VARIABLE = _rows.answer(
    "Variable",
    "One attribute of a variable; a configuration key of OCPP 1.6 is a variable of no component. "
    "`wanted` is what we last set: where it differs from `value`, the setting drifted.",
    StationVariable,
    without=("key",),
)
MONITOR = _rows.answer(
    "Monitor", "A monitor on a variable; `number` is the station’s id of it.", VariableMonitor
)
EVENT = _rows.answer("DeviceEvent", "What a station noticed of a variable.", DeviceEvent)
DISPLAY = _rows.answer("DisplayMessage", "A text on a station’s display.", DisplayMessage)
LIST = _rows.answer(
    "LocalList",
    "The list that a station holds: `version` is what it last accepted of us, `reported_version` "
    "what it says itself.",
    LocalList,
    drifted=read(bool, local_lists.drifted, "They differ."),
)
CERTIFICATE = _rows.answer(
    "StationCertificate", "A certificate that a station holds.", StationCertificate
)
TARIFF = _rows.answer("StationTariff", "A tariff that a 2.1 station was given.", StationTariff)
NEEDS = _rows.answer("EvNeeds", "What a car asked over ISO 15118, and our plan.", EvNeeds)
DER = _rows.answer("DerControl", "A control of a 2.1 station’s inverter.", DerControl)
SETTLEMENT = _rows.answer("Settlement", "A payment settled at a station’s terminal.", Settlement)
SWAP = _rows.answer("BatterySwap", "One step of a battery swap.", BatterySwap)
CUSTOMER = _rows.answer("CustomerReport", "What a station knows of a customer.", CustomerReport)


def _in_any_case(name: str) -> Any:
    column = getattr(StationVariable, name)
    return lambda value: func.lower(column) == value.strip().lower()


_lists.of_station(
    *(noun, "variables", "List settings and variables"),
    "The configuration (1.6) or the device model (2.x), as far as the station has told it.",
    *(StationVariable, VARIABLE),
    asked=Variables,
    ways={name: _in_any_case(name) for name in ("component", "variable")},
    newest=False,
)
_lists.of_station(
    *(noun, "monitors", "List monitors"),
    "The variable monitors of a 2.x station.",
    *(VariableMonitor, MONITOR),
)
_lists.of_station(
    *(noun, "events", "List device events"),
    "What a 2.x station noticed of its variables.",
    *(DeviceEvent, EVENT),
)
_lists.of_station(
    *(noun, "display-messages", "List display messages"),
    "The texts on a station’s display.",
    *(DisplayMessage, DISPLAY),
)
_lists.of_station(
    *(noun, "local-list", "Read the local list"),
    "The list of tags that a station knows by heart; empty until it was given one.",
    *(LocalList, LIST),
)
_lists.of_station(
    *(noun, "certificates", "List certificates"),
    "The certificates that a station holds, as far as we know; no private key is told.",
    *(StationCertificate, CERTIFICATE),
)
_lists.of_station(
    *(noun, "tariffs", "List a station’s tariffs"),
    "The tariffs that a 2.1 station was given or reports.",
    *(StationTariff, TARIFF),
)
_lists.of_station(
    *(noun, "customer-reports", "List customer information"),
    "What a 2.x station told of a customer when it was asked.",
    *(CustomerReport, CUSTOMER),
    right="write",
)
_lists.of_station(
    *(noun, "ev-needs", "List what cars asked"),
    "The needs that cars told over ISO 15118, the plan that was made of them, and why.",
    *(EvNeeds, NEEDS),
)
_lists.of_station(
    *(noun, "der-controls", "List inverter controls"),
    "The DER controls that a 2.1 station was given or reports.",
    *(DerControl, DER),
)
_lists.of_station(
    *(noun, "settlements", "List settlements"),
    "The payments that were settled at a 2.1 station or by a web payment.",
    *(Settlement, SETTLEMENT),
)
_lists.of_station(
    *(noun, "battery-swaps", "List battery swaps"),
    "The batteries that were put in and taken out.",
    *(BatterySwap, SWAP),
)


def _of(model: Any, called: str) -> Any:
    """Find a row of the station in the address."""

    def find(ask: Ask, station_id: int, **path: int) -> Any:
        (number,) = path.values()
        row = ask.get(model, number, called)
        if row.station_id != ask.get(Station, station_id, "station").id:
            raise Problem(404, f"There is no such {called}.")
        return row

    return find


noun.decide(
    "/stations/{station_id}/variables/{variable_id}/keep",
    "Keep a reported value",
    "Take what the station tells for what is wanted: the setting no longer drifts.",
    *(VARIABLE, _of(StationVariable, "setting"), settings.keep_reported),
)
noun.decide(
    "/stations/{station_id}/events/{event_id}/dismiss",
    "Dismiss an event",
    "Take an event off what needs a person: somebody has seen to it.",
    *(EVENT, _of(DeviceEvent, "event"), device_events.dismiss),
)
noun.decide(
    "/stations/{station_id}/customer-reports/{report_id}/erase",
    "Erase a report",
    "Remove what a station told of a customer; that it was told stays.",
    *(CUSTOMER, _of(CustomerReport, "report"), customer_information.erase),
)
