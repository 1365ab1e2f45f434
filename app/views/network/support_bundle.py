"""Support bundles: a station, or a session with the minutes around it, as one ZIP to hand on."""

from flask import Blueprint, Response, abort, request
from flask_login import current_user

from app.clock import utc_now
from app.extensions import db
from app.models import ChargingSession
from app.queries.network.bundle import Extent
from app.views.network._station_pages import station_or_404
from app.web import bundle, listing
from app.web.security import actor, needs

blueprint = Blueprint("support_bundle", __name__)


@blueprint.get("/stations/<int:station_id>/support-bundle")
@needs("write")
def station(station_id: int) -> Response:
    """The last days of a station."""
    row, days = station_or_404(station_id), listing.number("days")
    return _sent(bundle.extent(row, now=utc_now(), days=days))


@blueprint.get("/sessions/<int:session_id>/support-bundle")
@needs("write")
def session(session_id: int) -> Response:
    """A session, from two minutes before it began to two after it ended."""
    row = db.session.get(ChargingSession, session_id) or abort(404, "There is no such session.")
    return _sent(bundle.extent(row.station, row, now=utc_now()))


def _sent(of: Extent) -> Response:
    cards, now = "tags" in request.args, utc_now()
    if cards and not current_user.may("privacy", "read"):
        abort(403, "Only admins hand on the numbers of tags.")
    name = bundle.name_of(of, now)
    parts = bundle.pack(db.session(), actor(), of, now=now, cards=cards)
    return listing.sent(parts, "application/zip", name)
