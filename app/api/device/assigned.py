"""Endpoints: what was brought to stations for a while: reservations, profiles, files."""

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, Noun, Reply, finds, made_at
from app.domain.device import files as library
from app.domain.limits import setpoints
from app.extensions import the_settings
from app.models import (
    CompositeSchedule,
    FileJob,
    FirmwareFile,
    Reservation,
    Setpoint,
    StationProfile,
)
from app.schemas import device, limits
from app.uow import unit_of_work
from app.web.file_store import FIRMWARE as FOLDER
from app.web.file_store import Store

noun = Noun("assigned", "Reservations, charging profiles, firmware and logs; made by orders.")

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


_file = finds(FirmwareFile, "firmware file")

_lists.hang(
    *(noun, "/reservations", "List reservations"),
    "Reservations in reach, the newest first; make and cancel them by the orders reserve and "
    "cancel_reservation.",
    *(Reservation, RESERVATION),
    name="reservations",
    asked=device.Reservations,
)
noun.show(
    *("/reservations/{reservation_id}", "Read a reservation"),
    "One reservation and how it ended.",
    *(RESERVATION, finds(Reservation, "reservation")),
    name="reservation",
)
_lists.of_station(
    *(noun, "charging-profiles", "List a station’s charging profiles"),
    "What a station was given, and what it says it holds; set by the order set_profile.",
    *(StationProfile, PROFILE),
    name="station_profiles",
    asked=limits.StationProfiles,
)
_lists.of_station(
    *(noun, "composite-schedules", "List composite schedules"),
    "What a station says its limits come to; asked by the order read_composite_schedule.",
    *(CompositeSchedule, SCHEDULE),
    asked=limits.CompositeSchedules,
)
_lists.of_station(
    *(noun, "setpoints", "List setpoints"),
    "The setpoint of each EVSE that ever had one.",
    *(Setpoint, SETPOINT),
)


@noun.post(
    "/stations/{station_id}/connectors/{connector}/setpoint",
    "Set a setpoint",
    body=limits.SetpointWish,
    answers={202: SETPOINT},
    problems=(404, 409),
)
def setpoint(ask: Ask, station_id: int, connector: int) -> Reply:
    """Say how much the session at an EVSE gets. It replaces what was not sent yet; no order is
    made for it, and the row tells what became of it."""
    station = _lists.STATION(ask, station_id)
    given = {"phases": None, "expires_in_s": 60, **ask.body}
    ttl_s = float(given.pop("expires_in_s"))
    with unit_of_work() as db:
        row = setpoints.want(db, ask.actor, station, connector, **given, now=ask.now, ttl_s=ttl_s)
    return Reply(202, row)


_lists.hang(
    *(noun, "/file-jobs", "List file jobs"),
    "Firmware updates and uploads of logs; begun by the orders update_firmware, fetch_logs.",
    *(FileJob, JOB),
    name="file_jobs",
    asked=device.FileJobs,
)
noun.show(
    *("/file-jobs/{job_id}", "Read a file job"),
    "One job with every step that the station told.",
    *(JOB, finds(FileJob, "file job")),
    name="file_job",
)
_lists.hang(
    *(noun, "/firmware", "List firmware files", "The firmware images that the desk keeps."),
    *(FirmwareFile, FIRMWARE),
    name="firmware",
)


@noun.post(
    "/firmware",
    "Add a firmware file",
    body=device.FirmwareUpload,
    file="file",
    answers={201: FIRMWARE},
    problems=(409,),
    everywhere=True,
)
def add_firmware(ask: Ask) -> Reply:
    """Put an image into the library: a form (`multipart/form-data`) with the file itself as `file`
    and the rest as texts beside it. A signature and its certificate go together. The same bytes
    again are refused."""
    settings, given = the_settings(), dict(ask.body)
    upload = given.pop("file")
    with (
        Store(settings, FOLDER).saved(upload.stream.read, settings.firmware_max_bytes) as stored,
        unit_of_work() as db,
    ):
        given |= {"name": upload.filename, "now": ask.now}
        row = library.add_image(db, ask.actor, ask.tenant_id, stored, **given)
    return made_at("/firmware", row)


noun.show(
    *("/firmware/{firmware_id}", "Read a firmware file", "One image with its digests."),
    *(FIRMWARE, _file),
    name="firmware_file",
)
noun.decide(
    "/firmware/{firmware_id}/archive",
    "Archive a firmware file",
    "Put a file away; refused while a station fetches it.",
    *(FIRMWARE, _file, library.archive),
    everywhere=True,
)
noun.decide(
    "/firmware/{firmware_id}/restore",
    "Restore a firmware file",
    "Take a file out of the archive.",
    *(FIRMWARE, _file, library.restore),
    everywhere=True,
)
