"""The Device model tab of a station: components, variables, attributes, as it told them."""

from flask import Blueprint, abort, render_template
from flask.typing import ResponseReturnValue

from app.domain.device import settings
from app.domain.device.variable_names import VariableName, component_of
from app.domain.ground.errors import Invalid
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.models import StationVariable
from app.process.clock import utc_now
from app.queries.device import device_model as queries
from app.queries.device import device_model as setting_queries
from app.queries.network import station_page
from app.views.ground import _doing
from app.views.network._station_pages import station_or_404
from app.web import listing
from app.web.security import needs

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


_doing.does(
    *(blueprint, "/stations/<int:station_id>/configuration/<int:variable_id>/keep"),
    *(settings.keep_reported, _doing.of_station(StationVariable, "There is no such setting.")),
    *(N_("The charger’s value is now the wanted one."), "stations.configuration"),
)
