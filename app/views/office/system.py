"""How the installation itself fares: for the frame of every page, and for those who watch it."""

from datetime import UTC, datetime

from flask import Blueprint, Response, abort, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from app.domain.office import housekeeping
from app.queries.office import attention
from app.uow import unit_of_work
from app.web import figures, system
from app.web.security import actor, back, needs, public

blueprint = Blueprint("system", __name__)


@blueprint.get("/system/bar")
@needs("read")
def bar() -> ResponseReturnValue:
    """The pieces of the frame: whether a worker answers, and how many stations are connected."""
    return render_template("layouts/_system.html")


@blueprint.post("/attention/seen")
@needs("write")
def seen() -> ResponseReturnValue:
    """Put away something that has no end of its own; whatever happens after it is news."""
    kind, subject = request.form.get("kind", ""), request.form.get("subject", "")
    with unit_of_work() as work:
        found = attention.visible(work, current_user.tenant_id, kind, subject)
        if not found:
            abort(404)
        housekeeping.see(
            *(work, actor(), current_user.tenant_id),
            kind=kind, subject=subject, up_to=_instant(request.form.get("up_to", "")), now=g.now,
        )  # fmt: skip
    if request.headers.get("HX-Request"):
        return ""
    return back("home.index")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        abort(400)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


@blueprint.get("/healthz")
@public
def health() -> ResponseReturnValue:
    """The desk is alive, whatever its parts are: for who would start it again."""
    return jsonify(status=system.OK)


@blueprint.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """How each part fares, for a load balancer: 503 when pages cannot be served."""
    served, found = system.ready()
    parts = {part.name: {"state": part.state, "sentence": part.sentence} for part in found}
    return jsonify(status=system.worst(found), parts=parts), 200 if served else 503


@blueprint.get("/metrics")
@public
def metrics() -> ResponseReturnValue:
    """Figures for Prometheus, for who shows the token of the settings."""
    return Response(figures.page(), content_type=CONTENT_TYPE_LATEST)
