"""Faults that staff noted in front of stations, until they are done."""

from typing import Any

from flask import Response

from app.api.ground import _lists, _rows
from app.api.ground._noun import Ask, File, Noun
from app.domain.network import field
from app.models import NotedFault, Station
from app.schemas import network as schemas
from app.schemas.answers import read
from app.uow import unit_of_work
from app.web import photos

noun = Noun("faults", "What staff saw in front of stations, until somebody says that it is done.")
blueprint = noun.blueprint

FAULT = _rows.answer(
    "NotedFault",
    "Something wrong that somebody noted at a station. `done_at` is null while it is open; "
    "`has_photo`: GET /faults/{id}/photo answers.",
    NotedFault,
    without=("photo",),
    has_photo=read(bool, lambda row: row.photo is not None, "Whether there is a photo."),
)


def _fault(ask: Ask, fault_id: int) -> NotedFault:
    fault: NotedFault = ask.get(NotedFault, fault_id, "fault")
    return fault


_lists.of_station(
    noun,
    "faults",
    "List noted faults",
    "What was noted at a station, open and done, the newest first.",
    NotedFault,
    FAULT,
    asked=schemas.Faults,
    ways={
        "open": lambda wanted: (
            NotedFault.done_at.is_(None) if wanted else NotedFault.done_at.is_not(None)
        )
    },
)


@noun.post(
    "/stations/{station_id}/faults",
    "Note a fault",
    body=schemas.NewFault,
    answers={201: FAULT},
    problems=(404,),
)
def note(ask: Ask, station_id: int) -> Any:
    """Keep what is wrong with a station; photos are added at the charger, on the desk."""
    station = ask.get(Station, station_id, "station")
    with unit_of_work() as db:
        return field.note_fault(db, ask.actor, station, ask.body["text"], now=ask.now)


@noun.get("/faults/{fault_id}", "Read a noted fault", answers={200: FAULT})
def show(ask: Ask, fault_id: int) -> Any:
    """One noted fault."""
    return _fault(ask, fault_id)


@noun.get(
    "/faults/{fault_id}/photo",
    "Read the photo of a fault",
    answers={200: File("image/jpeg", "The photo, without metadata.")},
)
def photo(ask: Ask, fault_id: int) -> Response:
    """The photo that was taken at the charger; 404 where there is none."""
    return photos.answer(_fault(ask, fault_id).photo, f"fault-{fault_id}.jpg")


@noun.post(
    "/faults/{fault_id}/done",
    "Settle a fault",
    body=schemas.FaultDone,
    answers={200: FAULT},
    problems=(404, 409),
)
def done(ask: Ask, fault_id: int) -> Any:
    """Say that it is done, and maybe how."""
    with unit_of_work() as db:
        fault, note = _fault(ask, fault_id), ask.body.get("note", "")
        return field.settle_fault(db, ask.actor, fault, note, now=ask.now)
