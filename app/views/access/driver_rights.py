"""The rights of a driver: all that is kept of them on one page, as a file, and forgotten."""

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.domain.access import forgetting
from app.domain.ground.texts import N_
from app.extensions import db
from app.models import Driver, Forgetting
from app.process.clock import utc_now
from app.queries.access import person
from app.views.ground import _doing
from app.web import listing, person_file
from app.web.security import Pages, actor

blueprint = Pages("driver_rights", __name__, url_prefix="/drivers/<int:driver_id>/rights")
_driver = _doing.by_number(Driver, "There is no such driver.")


@blueprint.get("", everywhere=True)
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


@blueprint.get("/file", everywhere=True)
def file(driver_id: int) -> Response:
    """All that is kept, as a ZIP."""
    driver, now = _driver(driver_id), utc_now()
    name = person_file.name_of(driver, now)
    parts = person_file.pack(db.session(), actor(), driver, now=now)
    return listing.sent(parts, "application/zip", name)


_doing.does(
    *(blueprint, "/forget", forgetting.forget),
    _driver,
    *(N_("Forgotten. The message log follows within minutes."), ".show"),
    everywhere=True,
    given=lambda: {"name": request.form.get("name", "")},
    tells=True,
)
