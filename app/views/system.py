"""How the installation itself fares: for the frame of every page, and for those who watch it."""

from typing import Any

from flask import Blueprint, g, jsonify, render_template
from sqlalchemy.exc import SQLAlchemyError

from app import system
from app.extensions import db
from app.security import needs, public

blueprint = Blueprint("system", __name__)


@blueprint.get("/system/bar")
@needs("viewer")
def bar() -> Any:
    """The pieces of the frame: whether a worker answers, and how many stations are connected."""
    return render_template("layouts/_system.html")


@blueprint.get("/healthz")
@public
def health() -> Any:
    """The state of each part in a word, for a load balancer: 503 when pages cannot be served."""
    try:
        found = system.parts(db.session(), now=g.now)
    except SQLAlchemyError:
        return jsonify(status=system.BAD, parts={"Database": system.BAD}), 503
    states = {part.name: part.state for part in found}
    served = states["Database"] != system.BAD
    return jsonify(status=system.worst(found), parts=states), 200 if served else 503
