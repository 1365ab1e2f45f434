"""What a station is made of and holds: settings, device model, monitors, lists, certificates."""

from typing import Any

from sqlalchemy import func, select

from app.api.ground import _rows
from app.api.ground._noun import Ask, Noun
from app.api.ground._paging import Pages
from app.domain.access import local_lists
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

noun = Noun("device", "Settings, device model, monitors and what else a station holds.")
blueprint = noun.blueprint

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


@noun.get(
    "/stations/{station_id}/variables",
    "viewer",
    "List settings and variables",
    answers={200: Pages(VARIABLE)},
    query=Variables,
)
def variables(ask: Ask, station_id: int) -> Any:
    """The configuration (1.6) or the device model (2.x), as far as the station has told it."""
    query = _of(ask, StationVariable, station_id)
    for name in ("component", "variable"):
        if name in ask.query:
            column = getattr(StationVariable, name)
            query = query.where(func.lower(column) == ask.query[name].strip().lower())
    for name in ("evse", "attribute"):
        if name in ask.query:
            query = query.where(getattr(StationVariable, name) == ask.query[name])
    return ask.page(query, StationVariable.id, newest=False)


@noun.get(
    "/stations/{station_id}/monitors", "viewer", "List monitors", answers={200: Pages(MONITOR)}
)
def monitors(ask: Ask, station_id: int) -> Any:
    """The variable monitors of a 2.x station."""
    return ask.page(_of(ask, VariableMonitor, station_id), VariableMonitor.id)


@noun.get(
    "/stations/{station_id}/events", "viewer", "List device events", answers={200: Pages(EVENT)}
)
def events(ask: Ask, station_id: int) -> Any:
    """What a 2.x station noticed of its variables."""
    return ask.page(_of(ask, DeviceEvent, station_id), DeviceEvent.id)


@noun.get(
    "/stations/{station_id}/display-messages",
    "viewer",
    "List display messages",
    answers={200: Pages(DISPLAY)},
)
def display_messages(ask: Ask, station_id: int) -> Any:
    """The texts on a station’s display."""
    return ask.page(_of(ask, DisplayMessage, station_id), DisplayMessage.id)


@noun.get(
    "/stations/{station_id}/local-list",
    "viewer",
    "Read the local list",
    answers={200: Pages(LIST)},
)
def local_list(ask: Ask, station_id: int) -> Any:
    """The list of tags that a station knows by heart; empty until it was given one."""
    return ask.page(_of(ask, LocalList, station_id), LocalList.id)


@noun.get(
    "/stations/{station_id}/certificates",
    "viewer",
    "List certificates",
    answers={200: Pages(CERTIFICATE)},
)
def certificates(ask: Ask, station_id: int) -> Any:
    """The certificates that a station holds, as far as we know; no private key is told."""
    return ask.page(_of(ask, StationCertificate, station_id), StationCertificate.id)


@noun.get(
    "/stations/{station_id}/tariffs",
    "viewer",
    "List a station’s tariffs",
    answers={200: Pages(TARIFF)},
)
def tariffs(ask: Ask, station_id: int) -> Any:
    """The tariffs that a 2.1 station was given or reports."""
    return ask.page(_of(ask, StationTariff, station_id), StationTariff.id)


@noun.get(
    "/stations/{station_id}/customer-reports",
    "admin",
    "List customer information",
    answers={200: Pages(CUSTOMER)},
)
def customer_reports(ask: Ask, station_id: int) -> Any:
    """What a 2.x station told of a customer when it was asked."""
    return ask.page(_of(ask, CustomerReport, station_id), CustomerReport.id)


@noun.get(
    "/stations/{station_id}/ev-needs", "viewer", "List what cars asked", answers={200: Pages(NEEDS)}
)
def ev_needs(ask: Ask, station_id: int) -> Any:
    """The needs that cars told over ISO 15118, the plan that was made of them, and why."""
    return ask.page(_of(ask, EvNeeds, station_id), EvNeeds.id)


@noun.get(
    "/stations/{station_id}/der-controls",
    "viewer",
    "List inverter controls",
    answers={200: Pages(DER)},
)
def der_controls(ask: Ask, station_id: int) -> Any:
    """The DER controls that a 2.1 station was given or reports."""
    return ask.page(_of(ask, DerControl, station_id), DerControl.id)


@noun.get(
    "/stations/{station_id}/settlements",
    "viewer",
    "List settlements",
    answers={200: Pages(SETTLEMENT)},
)
def settlements(ask: Ask, station_id: int) -> Any:
    """The payments that were settled at a 2.1 station or by a web payment."""
    return ask.page(_of(ask, Settlement, station_id), Settlement.id)


@noun.get(
    "/stations/{station_id}/battery-swaps",
    "viewer",
    "List battery swaps",
    answers={200: Pages(SWAP)},
)
def battery_swaps(ask: Ask, station_id: int) -> Any:
    """The batteries that were put in and taken out."""
    return ask.page(_of(ask, BatterySwap, station_id), BatterySwap.id)


def _of(ask: Ask, model: Any, station_id: int) -> Any:
    station = ask.get(Station, station_id, "station")
    return select(model).where(model.station_id == station.id)
