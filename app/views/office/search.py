"""The search at the top of every page."""

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.domain.commands.orders import SPECS
from app.domain.commands.orders.catalogue import FOR_MANY
from app.extensions import db
from app.queries.office import search
from app.web.filters import page_url
from app.web.security import Pages

blueprint = Pages("search", __name__, url_prefix="/search")

#: What a kind's page is called, and how its URL names the row.
PAGES = {
    "stations": "station_id",
    "tags": "tag_id",
    "drivers": "driver_id",
    "sessions": "session_id",
    "bills": "bill_id",
    "sites": "site_id",
}


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Show what was found; a single exact hit is opened at once.  The palette gets links alone."""
    text = request.args.get("q", "").strip()[: search.LONGEST]
    found = search.search(db.session(), text, current_user.rights)
    if request.headers.get("X-Palette"):
        return render_template(
            "office/search/_found.html", text=text, found=found, url_of=url_of, orders=_orders(text)
        )
    hit = search.only_hit(found)
    if hit is not None and (address := url_of(hit.kind, hit.rows[0].id)):
        return redirect(address, code=303)
    return render_template("office/search/index.html", text=text, found=found, url_of=url_of)


def _orders(text: str) -> list[tuple[str, str]]:
    """The orders of this name that many stations may be given, with the pages that ask for them."""
    if not text or not current_user.may_open("broadcasts.new"):
        return []
    many = [SPECS[order] for order in FOR_MANY]
    fitting = [spec for spec in many if text.casefold() in spec.label.casefold()]
    return [(spec.label, url_for("broadcasts.new", order=spec.order.value)) for spec in fitting[:8]]


def url_of(kind: str, number: int) -> str | None:
    """The address of a hit's page."""
    if kind not in PAGES:
        return None
    return page_url(kind, "show", **{PAGES[kind]: number})
