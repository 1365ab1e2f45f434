"""The rights of a driver: all that is kept of them on one page, as a file, and forgotten."""

from flask import Blueprint, Response, abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from app.clock import utc_now
from app.domain.access import forgetting
from app.domain.ground.errors import DomainError
from app.extensions import db
from app.models import Driver, Forgetting
from app.queries.access import person
from app.uow import unit_of_work
from app.web import listing, person_file
from app.web.security import actor, back, needs

blueprint = Blueprint("driver_rights", __name__, url_prefix="/drivers/<int:driver_id>/rights")


@blueprint.get("")
@needs("read", everywhere=True)
def show(driver_id: int) -> ResponseReturnValue:
    """What is kept of the driver, counted, and what would stay."""
    driver = _driver(driver_id)
    return render_template(
        "access/drivers/rights.html",
        driver=driver,
        counts=person.counts(db.session(), driver),
        kept=forgetting.KEPT,
        forgotten=db.session.scalar(select(Forgetting).where(Forgetting.driver_id == driver_id)),
    )


@blueprint.get("/file")
@needs("read", everywhere=True)
def file(driver_id: int) -> Response:
    """All that is kept, as a ZIP."""
    driver, now = _driver(driver_id), utc_now()
    name = person_file.name_of(driver, now)
    parts = person_file.pack(db.session(), actor(), driver, now=now)
    return listing.sent(parts, "application/zip", name)


@blueprint.post("/forget")
@needs("write", everywhere=True)
def forget(driver_id: int) -> ResponseReturnValue:
    """Forget the driver whose name was typed."""
    driver = _driver(driver_id)
    try:
        with unit_of_work() as work:
            name = request.form.get("name", "")
            forgetting.forget(work, actor(), driver, name=name, now=utc_now())
    except DomainError as error:
        flash(error.sentence, "error")
    else:
        flash(_("Forgotten. The message log follows within minutes."), "success")
    return back("driver_rights.show", driver_id=driver_id)


def _driver(driver_id: int) -> Driver:
    return db.session.get(Driver, driver_id) or abort(404, "There is no such driver.")
