"""Reservations of the desk: the list, one station's, keeping a connector and letting it go."""

from flask import abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.domain.access import local_lists
from app.domain.access.known_tags import limits, newest_change
from app.domain.access.reservations import OPEN
from app.domain.commands.orders.tags import PLUG_TYPES
from app.domain.ground.rows import read
from app.domain.ground.vocabulary import Order, ReservationState
from app.domain.network import plugs
from app.extensions import db
from app.forms.access import ReserveAtForm, ReserveForm
from app.forms.ground import refusals
from app.models import LocalList, Reservation, Station
from app.process.clock import utc_now
from app.queries.access import reservations as queries
from app.queries.access.reservations import last_commands
from app.queries.ground import picks
from app.queries.network import station_page
from app.views.commands import _station_commands as order_pages
from app.views.network._station_pages import station_or_404
from app.web import kept, listing
from app.web.security import Pages, back

blueprint = Pages("reservations", __name__)
blueprint.add_app_template_test(lambda row: row.state in OPEN, "kept")
blueprint.add_app_template_filter(lambda kind: PLUG_TYPES.get(kind, kind), "plug_word")

STATES = [
    ("open", "kept"),
    ("over", "over"),
    *((state.value, state.value) for state in ReservationState),
]


@blueprint.get("/reservations")
def index() -> ResponseReturnValue:
    """All reservations, narrowed by the URL."""
    wanted = listing.asked(queries.Filter)
    return listing.shown(
        *("reservations", COLUMNS, lambda wish: queries.page(db.session(), wanted, wish)),
        "access/reservations/index.html",
        lambda page: {"states": STATES},
    )


COLUMNS = [
    *read("id station=station.identity"),
    ("connector", lambda row: row.evse or None),
    *read("plug_type tag=token state=state.value sentence created_at created_by"),
    *read("expires_at settled_at session=session_id kept_from no_show no_show_why"),
]


@blueprint.get("/reservations/new", right="write")
def new() -> ResponseReturnValue:
    """The form of a reservation at any station."""
    return _new(ReserveAtForm(formdata=None, connector="0"))


@blueprint.post("/reservations/new")
def make() -> ResponseReturnValue:
    """Keep a connector of the station that is named."""
    form = ReserveAtForm()
    if form.validate_on_submit():
        with refusals.on(form):
            place = picks.station(db.session(), form.station.data or "", in_use=True)
            order_pages.ask(place, Order.RESERVE, form.wish())
            flash(_("Sent. The row below shows the station’s answer."), "success")
            return back("reservations.index")
    return _new(form), form.answer


@blueprint.get("/stations/<int:station_id>/reservations")
def station(station_id: int) -> ResponseReturnValue:
    """The reservations of one station, and the form of a new one."""
    place = station_or_404(station_id)
    form = ReserveForm(formdata=None, connector=request.args.get("connector", "0"))
    return _page(place, form)


@blueprint.post("/stations/<int:station_id>/reservations")
def reserve(station_id: int) -> ResponseReturnValue:
    """Keep a connector of a station for a tag."""
    place = station_or_404(station_id)
    form = ReserveForm()
    form.offer([plug.evse for plug in plugs.of(place)])
    if form.validate_on_submit():
        with refusals.on(form):
            order_pages.ask(place, Order.RESERVE, form.wish())
            flash(_("Sent. The row below shows the station’s answer."), "success")
            return back("reservations.station", station_id=station_id)
    return _page(place, form), form.answer


@blueprint.post("/reservations/<int:reservation_id>/cancel")
def cancel(reservation_id: int) -> ResponseReturnValue:
    """Ask the station to let a connector go."""
    row = db.session.get(Reservation, reservation_id) or abort(404, "There is no such reservation.")
    order_pages.ask(row.station, Order.CANCEL_RESERVATION, {"reservation_id": row.id})
    flash(
        _(
            "%(identity)s was asked to cancel reservation %(id)s.",
            identity=row.station.identity,
            id=row.id,
        ),
        "success",
    )
    return back("reservations.station", station_id=row.station_id)


def _new(form: ReserveAtForm) -> str:
    form.offer(range(1, queries.most_connectors(db.session()) + 1))
    return render_template("access/reservations/new.html", form=form)


def _page(place: Station, form: ReserveForm) -> str:
    now = utc_now()
    there = station_page.now_of(db.session(), place, now)
    form.offer([plug.evse for plug in there.plugs])
    return render_template(
        "access/reservations/station.html",
        station=place,
        there=there,
        form=form,
        reservations=queries.of_station(db.session(), place),
    )


# The list of tags that a station knows by heart: what it holds, and what it would get now.

lists = Pages("local_lists", __name__)

#: What a list would get is known for so long where no tag changes: tags expire meanwhile.
LOOKED_S = 30.0


@lists.get("/stations/<int:station_id>/local-list", endpoint="station")
def local_list(station_id: int) -> ResponseReturnValue:
    """The list of one station."""
    place, session, now = station_or_404(station_id), db.session(), utc_now()
    row = queries.list_row(session, place)
    return render_template(
        "access/local_lists/station.html",
        station=place,
        there=station_page.now_of(session, place, now),
        row=row,
        drifted=row is not None and local_lists.drifted(row),
        look=_looked(place, row),
        limits=limits(session, place),
        commands=last_commands(session, place),
        kept_up=bool((place.onboarding or {}).get("local_list")),
        supported=Order.SEND_LOCAL_LIST.value in place.supported_orders,
    )


def _looked(place: Station, row: LocalList | None) -> queries.ListLook:
    """Look at the list anew once it or anything in the audit has changed."""
    session = db.session()
    key = ("list", place.id, row and (row.version, row.accepted_at), newest_change(session))
    return kept.get(
        *(place.tenant_id, key, LOOKED_S),
        lambda: queries.look_at_list(session, place, utc_now()),
    )
