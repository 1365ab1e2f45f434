"""The list of tags that a station knows by heart: what it holds, and what it would get now."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from app.clock import utc_now
from app.domain.access import local_lists
from app.domain.access.known_tags import limits
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.queries.access.reservations import last_commands
from app.queries.network import station_page
from app.views.network._station_pages import station_or_404
from app.web.security import needs

blueprint = Blueprint("local_lists", __name__)

#: Entries shown at once; a list may hold tens of thousands.
SHOWN = 500


@blueprint.get("/stations/<int:station_id>/local-list")
@needs("read")
def station(station_id: int) -> ResponseReturnValue:
    """The list of one station."""
    place, session, now = station_or_404(station_id), db.session(), utc_now()
    row = local_lists.of(session, place)
    wish, changes = local_lists.pending(session, place, now)
    entries = row.entries if row else []
    return render_template(
        "access/local_lists/station.html",
        station=place,
        there=station_page.now_of(session, place, now),
        row=row,
        drifted=row is not None and local_lists.drifted(row),
        entries=entries[:SHOWN],
        total=len(entries),
        untold=sum(1 for entry in entries if entry.get("untold")),
        wish=wish,
        changes=changes,
        limits=limits(session, place),
        commands=last_commands(session, place),
        kept_up=bool((place.onboarding or {}).get("local_list")),
        supported=Order.SEND_LOCAL_LIST.value in place.supported_orders,
    )
