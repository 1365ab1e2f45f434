"""What a field offers while somebody types: a few rows of a list that may be long."""

from flask import render_template, request, url_for
from flask_login import current_user

from app.domain.ground.vocabulary import Area
from app.extensions import db
from app.models import Station
from app.queries.ground.picks import KINDS
from app.web import listing
from app.web.security import Pages

blueprint = Pages("pick", __name__)


@blueprint.get(f"/pick/<any({', '.join(KINDS)}):kind>")
def options(kind: str) -> str:
    """The options for what was typed, be the field called as it may; none without the right."""
    area = Area.NETWORK if kind == "stations" else Area.ACCESS
    if not current_user.may(area, "read"):
        return ""
    typed = next(iter(request.args.values()), "")[:100]
    return render_template("ground/options.html", found=KINDS[kind](db.session(), typed))


@blueprint.app_template_global()
def picks(kind: str) -> dict[str, str]:
    """The attributes of a text field that offers what fits; without JavaScript it is just text."""
    if kind not in KINDS:
        return {}
    return {
        "list": kind,
        "autocomplete": "off",
        "data-pick": "",
        "hx-get": url_for("pick.options", kind=kind),
        "hx-trigger": "input changed delay:200ms, focus once",
        "hx-target": f"#{kind}",
        "hx-swap": "innerHTML",
    }


@blueprint.app_template_global()
def station_chosen() -> str:
    """The station to which the URL narrows a list, as the field shows it."""
    number = listing.number("station")
    chosen = db.session.get(Station, number) if number is not None else None
    return listing.text("station_name") or (chosen.identity if chosen else "")
