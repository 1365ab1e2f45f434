"""Firmware as it is given, and what lists of a station's variables and files are asked for."""

from typing import Literal

from app.domain.ground.vocabulary import FileJobKind, FileJobState, ReservationState
from app.schemas.base import RowId, Schema, Text, left_out, needed


class FirmwareUpload(Schema, example={"version": "2.4.1", "vendor": "Alfen", "model": "NG910"}):
    """What is said of an image of the library."""

    version: Text = needed(max_length=60)
    vendor: Text | None = left_out(max_length=120)
    model: Text | None = left_out(max_length=120)
    signature: Text | None = left_out()
    signing_certificate: Text | None = left_out()


class NewFirmware(FirmwareUpload):
    """An image of the library; `name` is what its file was called."""

    name: Text = needed()


class Variables(Schema):
    """Which settings and variables are listed."""

    component: Text = left_out("In any case.", max_length=50)
    variable: Text = left_out("In any case; the key, for OCPP 1.6.", max_length=50)
    evse: RowId = left_out()
    attribute: Literal["actual", "target", "min_set", "max_set"] = left_out()


class Reservations(Schema):
    """Which reservations are listed."""

    station_id: RowId = left_out()
    evse: RowId = left_out()
    tag_id: RowId = left_out()
    state: ReservationState = left_out()


class FileJobs(Schema):
    """Which firmware updates and uploads are listed."""

    station_id: RowId = left_out()
    kind: FileJobKind = left_out()
    state: FileJobState = left_out()
