"""Faults that staff noted at a station: their photos, and that they are done."""

from io import BytesIO

from flask import Blueprint, Response, abort, flash, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.clock import utc_now
from app.domain.network import field
from app.extensions import db
from app.models import NotedFault, Station
from app.uow import unit_of_work
from app.web import photos
from app.web.security import actor, back, needs

blueprint = Blueprint("faults", __name__, url_prefix="/faults/<int:fault_id>")


@blueprint.get("/photo")
@needs("read")
def photo(fault_id: int) -> Response:
    """The photo of a fault."""
    return photos.answer(_fault(fault_id).photo, f"fault-{fault_id}.jpg")


@blueprint.post("/done")
@needs("write")
def done(fault_id: int) -> ResponseReturnValue:
    """Say that a fault is done, and maybe how."""
    fault, note = _fault(fault_id), request.form.get("note", "")
    with unit_of_work() as work:
        field.settle_fault(work, actor(), fault, note, now=utc_now())
    flash(_("Done."), "success")
    if request.form.get("at") == "charger" and fault.station.field_code:
        return back("field.show", code=fault.station.field_code)
    return back("stations.show", station_id=fault.station_id)


def note(station: Station, text: str, photo: bytes | None) -> None:
    """Note a fault for whoever is signed in; its photo is kept only when it is."""
    now = utc_now()
    if photo is None:
        with unit_of_work() as work:
            field.note_fault(work, actor(), station, text, now=now)
        return
    with photos.store().saved(BytesIO(photo).read, len(photo)) as stored, unit_of_work() as work:
        field.note_fault(work, actor(), station, text, now=now, photo=stored.stored_as)


def _fault(fault_id: int) -> NotedFault:
    return db.session.get(NotedFault, fault_id) or abort(404, "There is no such fault.")
