"""The Display tab of a station: the texts on it, and a form to show one."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.domain.ground import clock
from app.domain.ground.errors import DomainError
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.forms.device import ShowForm
from app.forms.ground import refusals
from app.models import Station
from app.process.clock import utc_now
from app.queries.device import device_model
from app.queries.device import device_model as queries
from app.queries.network import station_page
from app.views.commands import _station_commands as order_pages
from app.views.network._station_pages import station_or_404
from app.web.security import back, needs

blueprint = Blueprint("display", __name__)

ASKED = (Order.SHOW_MESSAGE, Order.READ_MESSAGES, Order.CLEAR_MESSAGE)


@blueprint.get("/stations/<int:station_id>/display")
@needs("read")
def station(station_id: int) -> ResponseReturnValue:
    """The tab."""
    return _page(station_or_404(station_id), ShowForm(formdata=None))


def _page(place: Station, form: ShowForm) -> str:
    session = db.session()
    return render_template(
        "device/display/station.html",
        station=place,
        there=station_page.now_of(session, place, utc_now()),
        texts=queries.texts(session, place),
        waiting=device_model.asked(session, place, ASKED),
        form=form,
    )


@blueprint.post("/stations/<int:station_id>/display")
@needs("write")
def show(station_id: int) -> ResponseReturnValue:
    """Show a text; the times are those of the site's clock."""
    place, form = station_or_404(station_id), ShowForm()
    if not form.validate_on_submit():
        return _page(place, form), 422
    given = {name: form[name].data for name in ("text", "when", "priority", "language")}
    try:
        for name in ("starts_at", "ends_at"):
            if (typed := form[name].data) is not None:
                moment = clock.instant(typed, place.site.timezone, field=name)
                given[name] = moment.isoformat()
        order_pages.ask(place, Order.SHOW_MESSAGE, given)
    except DomainError as error:
        refusals.show(form, error)
        return _page(place, form), error.status
    return back("display.station", station_id=station_id)
