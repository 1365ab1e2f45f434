"""Endpoints: what a station has: device model, settings, monitors, display, firmware, files."""

from typing import Any

from sqlalchemy import func, select

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply
from app.api.ground._paging import Pages
from app.domain.access import local_lists
from app.domain.limits import setpoints
from app.models import (
    BatterySwap,
    CompositeSchedule,
    CustomerReport,
    DerControl,
    DeviceEvent,
    DisplayMessage,
    EvNeeds,
    FileJob,
    FirmwareFile,
    LocalList,
    Reservation,
    Setpoint,
    Settlement,
    Station,
    StationCertificate,
    StationProfile,
    StationTariff,
    StationVariable,
    VariableMonitor,
)
from app.schemas import device, limits
from app.schemas.answers import read
from app.schemas.device import Variables
from app.uow import unit_of_work

device_noun = Noun("device", "Settings, device model, monitors and what else a station holds.")

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
    device_noun,
    "variables",
    "List settings and variables",
    "The configuration (1.6) or the device model (2.x), as far as the station has told it.",
    StationVariable,
    VARIABLE,
    asked=Variables,
    ways={name: _in_any_case(name) for name in ("component", "variable")},
    newest=False,
)
_lists.of_station(
    device_noun,
    "monitors",
    "List monitors",
    "The variable monitors of a 2.x station.",
    VariableMonitor,
    MONITOR,
)
_lists.of_station(
    device_noun,
    "events",
    "List device events",
    "What a 2.x station noticed of its variables.",
    DeviceEvent,
    EVENT,
)
_lists.of_station(
    device_noun,
    "display-messages",
    "List display messages",
    "The texts on a station’s display.",
    DisplayMessage,
    DISPLAY,
)
_lists.of_station(
    device_noun,
    "local-list",
    "Read the local list",
    "The list of tags that a station knows by heart; empty until it was given one.",
    LocalList,
    LIST,
)
_lists.of_station(
    device_noun,
    "certificates",
    "List certificates",
    "The certificates that a station holds, as far as we know; no private key is told.",
    StationCertificate,
    CERTIFICATE,
)
_lists.of_station(
    device_noun,
    "tariffs",
    "List a station’s tariffs",
    "The tariffs that a 2.1 station was given or reports.",
    StationTariff,
    TARIFF,
)
_lists.of_station(
    device_noun,
    "customer-reports",
    "List customer information",
    "What a 2.x station told of a customer when it was asked.",
    CustomerReport,
    CUSTOMER,
    role="admin",
)
_lists.of_station(
    device_noun,
    "ev-needs",
    "List what cars asked",
    "The needs that cars told over ISO 15118, the plan that was made of them, and why.",
    EvNeeds,
    NEEDS,
)
_lists.of_station(
    device_noun,
    "der-controls",
    "List inverter controls",
    "The DER controls that a 2.1 station was given or reports.",
    DerControl,
    DER,
)
_lists.of_station(
    device_noun,
    "settlements",
    "List settlements",
    "The payments that were settled at a 2.1 station or by a web payment.",
    Settlement,
    SETTLEMENT,
)
_lists.of_station(
    device_noun,
    "battery-swaps",
    "List battery swaps",
    "The batteries that were put in and taken out.",
    BatterySwap,
    SWAP,
)


# What was brought to stations and stays there for a while: reservations, profiles, files.

assigned_noun = Noun(
    "assigned", "Reservations, charging profiles, firmware and logs; made by orders."
)

RESERVATION = _rows.answer(
    "Reservation",
    "A plug (`evse` 0: any) kept for a tag; its id is OCPP’s reservationId.",
    Reservation,
    renamed={"token": "id_tag", "command_id": "order_id"},
)
PROFILE = _rows.answer(
    "StationProfile",
    "A charging profile at a station; its id is OCPP’s chargingProfileId. `document` is what was "
    "asked, `sent` what went out, `reported` what the station says.",
    StationProfile,
    renamed={"command_id": "order_id"},
)
SCHEDULE = _rows.answer(
    "CompositeSchedule",
    "The limits that a station says result from all its profiles; `periods` are "
    "[start_s, limit, phases].",
    CompositeSchedule,
)
SETPOINT = _rows.answer(
    "Setpoint",
    "How much an EVSE gives to the session that runs there: one row per EVSE, the newest wish "
    "wins. `state` is waiting, sent, or how it ended; `accepted` what the station took last.",
    Setpoint,
)
JOB = _rows.answer(
    "FileJob",
    "A firmware update, log or diagnostics upload; its id is OCPP’s requestId. `word` is the "
    "station’s last status as it spelled it, `steps` are all of them.",
    FileJob,
    without=("stored_as", "arguments"),
    renamed={"command_id": "order_id"},
)
FIRMWARE = _rows.answer(
    "FirmwareFile", "A firmware image that the desk keeps.", FirmwareFile, without=("stored_as",)
)


@assigned_noun.get(
    "/reservations",
    "viewer",
    "List reservations",
    answers={200: Pages(RESERVATION)},
    query=device.Reservations,
)
def reservations(ask: Ask) -> Any:
    """Reservations in reach, the newest first; make and cancel them by the orders
    reserve and cancel_reservation."""
    return _lists.narrowed(ask, select(Reservation), Reservation)


@assigned_noun.get(
    "/reservations/{reservation_id}",
    "viewer",
    "Read a reservation",
    answers={200: RESERVATION},
)
def reservation(ask: Ask, reservation_id: int) -> Any:
    """One reservation and how it ended."""
    return ask.get(Reservation, reservation_id, "reservation")


_lists.of_station(
    assigned_noun,
    "charging-profiles",
    "List a station’s charging profiles",
    "What a station was given, and what it says it holds; set by the order set_profile.",
    StationProfile,
    PROFILE,
    name="station_profiles",
    asked=limits.StationProfiles,
)


_lists.of_station(
    assigned_noun,
    "composite-schedules",
    "List composite schedules",
    "What a station says its limits come to; asked by the order read_composite_schedule.",
    CompositeSchedule,
    SCHEDULE,
    asked=limits.CompositeSchedules,
)


_lists.of_station(
    assigned_noun,
    "setpoints",
    "List setpoints",
    "The setpoint of each EVSE that ever had one.",
    Setpoint,
    SETPOINT,
)


@assigned_noun.post(
    "/stations/{station_id}/connectors/{connector}/setpoint",
    "operator",
    "Set a setpoint",
    body=limits.SetpointWish,
    answers={202: SETPOINT},
    problems=(404, 409),
)
def setpoint(ask: Ask, station_id: int, connector: int) -> Any:
    """Say how much the session at an EVSE gets. It replaces what was not sent yet; no order is
    made for it, and the row tells what became of it."""
    station = ask.get(Station, station_id, "station")
    given = {"phases": None, "expires_in_s": 60, **ask.body}
    ttl_s = float(given.pop("expires_in_s"))
    with unit_of_work() as db:
        row = setpoints.want(db, ask.actor, station, connector, **given, now=ask.now, ttl_s=ttl_s)
    return Reply(202, row)


@assigned_noun.get(
    "/file-jobs",
    "viewer",
    "List file jobs",
    answers={200: Pages(JOB)},
    query=device.FileJobs,
)
def file_jobs(ask: Ask) -> Any:
    """Firmware updates and uploads of logs; begun by the orders update_firmware, fetch_logs."""
    return _lists.narrowed(ask, select(FileJob), FileJob)


@assigned_noun.get("/file-jobs/{job_id}", "viewer", "Read a file job", answers={200: JOB})
def file_job(ask: Ask, job_id: int) -> Any:
    """One job with every step that the station told."""
    return ask.get(FileJob, job_id, "file job")


@assigned_noun.get("/firmware", "viewer", "List firmware files", answers={200: Pages(FIRMWARE)})
def firmware(ask: Ask) -> Any:
    """The firmware images that the desk keeps."""
    return _lists.narrowed(ask, select(FirmwareFile), FirmwareFile)


blueprints = [device_noun.blueprint, assigned_noun.blueprint]
