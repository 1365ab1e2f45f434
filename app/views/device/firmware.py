"""The firmware library, and all firmware and log jobs with their progress."""

from typing import Any

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session

from app.domain.device import files
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import FileJobState, Order
from app.extensions import db, the_settings
from app.forms.device import FirmwareForm
from app.forms.ground import refusals
from app.models import FileJob, FirmwareFile
from app.process.clock import utc_now
from app.queries.device import files as queries
from app.queries.ground import picks
from app.queries.ground.paging import Page, Wish
from app.schemas.device import NewFirmware
from app.text.setup_guide import leads_here_only
from app.uow import unit_of_work
from app.views.ground import _doing
from app.web import listing
from app.web.file_store import FIRMWARE, Store
from app.web.security import Pages, actor, back

blueprint = Pages("firmware", __name__, url_prefix="/firmware")
_found = _doing.by_number(FirmwareFile, "There is no such firmware.")
blueprint.add_app_template_global(queries.steps_of, "steps_of")

STATES = [("open", "under way"), *((state.value, state.value) for state in FileJobState)]
#: What surrounds a file in a form.
_WRAPPING = 64 * 1024


@blueprint.url_value_preprocessor
def make_room(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Let a whole image in, before its form is first read, from those who may add one."""
    del values
    if endpoint != "firmware.create" or not current_user.is_authenticated:
        return
    if current_user.can("write", everywhere=True):
        settings = the_settings()
        request.max_content_length = settings.firmware_max_bytes + _WRAPPING


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The library, and the jobs of all stations in reach."""
    session = db.session()
    q, archived = listing.text("q"), listing.text("show") == "archived"
    here_only = leads_here_only(the_settings().files_base)

    def library(wish: Wish) -> Page:
        return queries.library(session, q, wish, archived=archived)

    return listing.shown(
        *("firmware", COLUMNS, library, "device/firmware/index.html"),
        lambda page: {"here_only": here_only, "recent": _recent(session)},
    )


COLUMNS = [
    *read("id version name vendor model size_bytes sha256"),
    ("signed", lambda row: row.signature is not None),
    *read("added=created_at"),
]


def _recent(session: Session) -> list[Any]:
    found = queries.jobs(session, queries.JobFilter(), Wish(size=queries.RECENT))
    return found.rows


@blueprint.get("/jobs")
def jobs() -> ResponseReturnValue:
    """All jobs, narrowed by the URL."""
    wanted = listing.asked(queries.JobFilter)
    return listing.shown(
        *("file_jobs", JOB_COLUMNS, lambda wish: queries.jobs(db.session(), wanted, wish)),
        "device/firmware/jobs.html",
        lambda page: {"states": STATES},
    )


JOB_COLUMNS = [
    *read("id asked_at=created_at station=station.identity kind=kind.value"),
    ("version", lambda row: row.arguments.get("version")),
    *read("state=state.value word sentence file_name size_bytes settled_at"),
    *read("asked_by=created_by"),
]


@blueprint.get("/<int:firmware_id>")
def show(firmware_id: int) -> ResponseReturnValue:
    """One image: its facts, and where it went."""
    image = _found(firmware_id)
    return render_template(
        "device/firmware/show.html",
        image=image,
        jobs=queries.newest(db.session(), FileJob.firmware_id == image.id),
    )


@blueprint.route("/new", methods=["GET", "POST"], everywhere=True)
def create() -> ResponseReturnValue:
    """Put an image into the library."""
    settings = the_settings()
    form = FirmwareForm()
    if form.validate_on_submit():
        upload = request.files.get("file")
        if upload is None or not upload.filename:
            form.file.errors = ["Choose the file."]
        else:
            with refusals.on(form):
                return back("firmware.show", firmware_id=_add(form, upload))
    page = render_template("device/firmware/form.html", form=form, most=settings.firmware_max_bytes)
    return page, 422 if form.is_submitted() else 200


def _add(form: FirmwareForm, upload: Any) -> int:
    """Store the file, then its row; a row that is refused leaves no file behind."""
    settings = the_settings()
    given = {name: form[name].data for name in NewFirmware.model_fields if name in form}
    with (
        Store(settings, FIRMWARE).saved(upload.stream.read, settings.firmware_max_bytes) as stored,
        unit_of_work() as work,
    ):
        given |= {"name": upload.filename, "now": utc_now()}
        row = files.add_image(work, actor(), current_user.tenant_id, stored, **given)
    flash(_("Added version %(version)s to the library.", version=row.version), "success")
    return row.id


for _word, _act, _said in (
    ("archive", files.archive, N_("Version %(version)s is archived.")),
    ("restore", files.restore, N_("Version %(version)s is restored.")),
):
    _doing.does(
        *(blueprint, f"/<int:firmware_id>/{_word}", _act),
        *(_found, _said),
        called="version",
        everywhere=True,
    )


@blueprint.get("/<int:firmware_id>/send", right="write")
def send(firmware_id: int) -> ResponseReturnValue:
    """Go to the form that updates the chosen station with this image."""
    image = _found(firmware_id)
    station = picks.station(db.session(), listing.text("station_name"), in_use=True)
    order = Order.UPDATE_FIRMWARE.value
    return back("stations.commands", station_id=station.id, order=order, firmware_id=image.id)
