"""The way to the first receipt as a page of its own, for whoever put it away or wants it again."""

import segno
from flask import Blueprint, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from app.domain.office import housekeeping
from app.extensions import db
from app.queries.office import first_run
from app.text.setup_guide import charger_address
from app.uow import unit_of_work
from app.web.security import actor, back, needs

blueprint = Blueprint("first_run", __name__, url_prefix="/first-run")


@blueprint.get("")
@needs("read")
def index() -> ResponseReturnValue:
    """All steps with what is done, where chargers connect, and the page's code for a phone."""
    settings = current_app.config["SETTINGS"]
    url = f"{settings.desk_url}/first-run"
    drawn = segno.make(url, error="m", micro=False).svg_inline(scale=4, border=2, light="#fff")
    return render_template(
        "office/home/first_run.html",
        first_steps=first_run.open_steps(db.session(), current_user.tenant_id),
        address=charger_address(settings, request.host.partition(":")[0]),
        url=url,
        code=Markup(drawn),
    )


@blueprint.post("/hide")
@needs("read")
def hide() -> ResponseReturnValue:
    """Put the steps away for oneself; they stay on their own page."""
    with unit_of_work() as work:
        housekeeping.see(
            *(work, actor(), current_user.tenant_id),
            kind=first_run.HIDDEN, subject=str(current_user.id), up_to=g.now, now=g.now,
        )  # fmt: skip
    return back("home.index")
