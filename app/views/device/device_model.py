"""The Device model tab of a station: components, variables, attributes, as it told them."""

from flask import Blueprint, abort, flash, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.clock import utc_now
from app.domain.device import settings
from app.domain.device.variable_names import VariableName, component_of
from app.domain.ground.errors import Invalid
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.models import StationVariable
from app.queries.device import device_model as queries
from app.queries.device import settings as setting_queries
from app.queries.network import station_page
from app.uow import unit_of_work
from app.views.network._station_pages import station_or_404
from app.web import listing
from app.web.security import actor, back, needs

blueprint = Blueprint("device_model", __name__)

#: Orders whose last commands stand beside the tree.
ASKED = (Order.READ_BASE_REPORT, Order.READ_REPORT, Order.READ_SETTINGS)


@blueprint.get("/stations/<int:station_id>/device-model")
@needs("read")
def station(station_id: int) -> ResponseReturnValue:
    """The components, and the variables of the chosen one or of a search."""
    place, session = station_or_404(station_id), db.session()
    q, chosen = listing.text("q"), _chosen()
    components = queries.components(session, place)
    if chosen is None and not q and components:
        chosen = components[0].name
    variables, more = queries.variables(session, place, q, chosen)
    return render_template(
        "device/device_model/station.html",
        station=place,
        there=station_page.now_of(session, place, utc_now()),
        components=components,
        chosen=chosen,
        variables=variables,
        more=more,
        waiting=setting_queries.asked(session, place, ASKED),
    )


def _chosen() -> VariableName | None:
    text = listing.text("component")
    try:
        return component_of(text) if text else None
    except Invalid as error:
        abort(400, error.sentence)


@blueprint.post("/stations/<int:station_id>/configuration/<int:variable_id>/keep")
@needs("write")
def keep(station_id: int, variable_id: int) -> ResponseReturnValue:
    """Take what the station tells for what is wanted: no drift any more."""
    place = station_or_404(station_id)
    with unit_of_work() as work:
        row = work.get(StationVariable, variable_id)
        if row is None or row.station_id != place.id:
            abort(404, "There is no such setting.")
        settings.keep_reported(work, actor(), row, now=utc_now())
    flash(_("The charger’s value is now the wanted one."), "success")
    return back("stations.configuration", station_id=place.id)
