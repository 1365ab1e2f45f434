"""The map of sites: drawn by the server, and on tiles where the installation has some."""

from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, render_template
from flask.typing import ResponseReturnValue

from app.extensions import db
from app.queries.network import map as queries
from app.web.security import needs

blueprint = Blueprint("map", __name__, url_prefix="/map")


@blueprint.get("")
@needs("read")
def index() -> ResponseReturnValue:
    """Sites by their coordinates, with their stations' state; those without are listed, too."""
    places = queries.places(db.session(), now=g.now)
    settings = current_app.config["SETTINGS"]
    if settings.map_tiles:
        g.images_from = _origin(settings.map_tiles)
    return render_template(
        "network/sites/map.html",
        places=[place for place in places if place.latitude is not None],
        without=[place for place in places if place.latitude is None],
        plot=queries.plot(places),
        size=(queries.WIDTH, queries.HEIGHT),
        tiles=settings.map_tiles,
        credit=settings.map_credit,
    )


def _origin(template: str) -> str:
    """From where a page with tiles may take images: their scheme and host, {s} being any name."""
    parts = urlsplit(template)
    return f"{parts.scheme}://{parts.netloc}".replace("{s}", "*")
