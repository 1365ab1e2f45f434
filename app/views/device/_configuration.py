"""The Configuration tab of a station: what it told, what is wanted, and a form to change one."""

from datetime import UTC, datetime
from typing import Any

from flask import abort, flash, render_template
from flask_babel import gettext as _

from app.domain.device import settings
from app.domain.ground.vocabulary import Order
from app.extensions import db
from app.models import Station, StationVariable
from app.queries.device import settings as queries
from app.queries.network import station_page
from app.schemas.quirks import QUIRKS
from app.uow import unit_of_work
from app.views.commands import _station_commands as order_pages
from app.web import listing
from app.web.security import actor, back

#: Orders whose last commands stand beside the list.
ASKED = (
    Order.READ_SETTINGS,
    Order.CHANGE_SETTING,
    Order.READ_BASE_REPORT,
    Order.SET_NETWORK_PROFILE,
)


def page(station: Station) -> Any:
    """Render the tab."""
    session = db.session()
    there = station_page.now_of(session, station, datetime.now(UTC))
    form = order_pages.order_form(Order.CHANGE_SETTING, there)
    form.key.data, form.value.data = listing.text("key"), listing.text("value")
    show = listing.text("show")
    return render_template(
        "network/stations/configuration.html",
        station=station,
        there=there,
        found=queries.listed(session, station, listing.text("q"), show, listing.wish()),
        total=queries.total(session, station),
        drifting=len(queries.drifting(session, station)),
        offered=queries.offered(session, station),
        read_at=queries.read_at(session, station),
        form=form,
        quirk_facts=[(QUIRKS[name].label, plain(value))
                     for name, value in station.quirks.items() if name in QUIRKS],
        confirm=order_pages.questions(station)[Order.CHANGE_SETTING],
        waiting=queries.asked(session, station, ASKED),
    )  # fmt: skip


def plain(value: object) -> str:
    """A quirk's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def keep(station: Station, variable_id: int) -> Any:
    """Take what the station tells for what is wanted: no drift any more."""
    with unit_of_work() as work:
        row = work.get(StationVariable, variable_id)
        if row is None or row.station_id != station.id:
            abort(404, "There is no such setting.")
        settings.keep_reported(work, actor(), row, now=datetime.now(UTC))
    flash(_("The charger’s value is now the wanted one."), "success")
    return back("stations.configuration", station_id=station.id)
