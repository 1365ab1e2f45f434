"""Broadcasts of the desk: one order to many stations, and what came of it at each."""

from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import Select, func, select

from app.domain.commands import broadcasts, command_rules, orders
from app.domain.commands.orders.catalogue import FOR_MANY, NOUNS
from app.domain.ground.errors import DomainError
from app.domain.ground.rows import read
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import Order
from app.extensions import db, the_settings
from app.forms.commands.commands import OrderForm, PaceForm, form_class
from app.forms.ground import refusals
from app.models import Broadcast, Site, Station
from app.process.clock import utc_now
from app.queries.commands import commands as queries
from app.queries.ground import names
from app.queries.network import stations as station_queries
from app.uow import unit_of_work
from app.views.commands._station_commands import posted_arguments, posted_order
from app.views.ground import _doing
from app.web import listing
from app.web.security import Pages, actor

blueprint = Pages("broadcasts", __name__, url_prefix="/broadcasts")
blueprint.add_app_template_filter(broadcasts.failures)

#: The plugs that a form offers when the stations are many.
PLUGS = [1, 2, 3, 4]
#: Of the stations that a filter finds, so many are named.
NAMED = 60
FILTER = (
    "q",
    "stations",
    "site",
    "state",
    "online",
    "vendor",
    "model",
    "protocol",
    "registration",
    "mode",
)


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The broadcasts, newest first."""
    page = queries.broadcasts_page(db.session(), listing.wish())
    count = {row.id: broadcasts.tally(db.session(), row) for row in page.rows}
    return render_template("commands/broadcasts/index.html", page=page, count=count)


@blueprint.get("/new", right="write")
def new() -> ResponseReturnValue:
    """Choose the stations (in the URL) and the order."""
    return _new_page(_order_form(), PaceForm(formdata=None))


@blueprint.post("")
def create() -> ResponseReturnValue:
    """Begin; the filter is in the URL, so the stations are those that it finds now."""
    order, pace = posted_order(), PaceForm()
    if not pace.validate_on_submit():
        return _new_page(_order_form(order), pace), 422
    try:
        given = posted_arguments(order, _zone())
        with unit_of_work() as work:
            found = work.scalars(_ids().order_by(Station.identity_key)).all()
            broadcast = broadcasts.start(
                *(work, actor(), current_user.tenant_id, found, order),
                given,
                now=utc_now(),
                ttl_s=the_settings().command_ttl_s,
                at_once=pace.at_once.data,
                stop_percent=pace.stop_percent.data,
                chosen_by=_chosen(),
            )
    except DomainError as error:
        form = _order_form(order)
        refusals.show(form, error)
        return _new_page(form, pace), error.status
    return redirect(url_for("broadcasts.show", broadcast_id=broadcast.id), 303)


@blueprint.get("/<int:broadcast_id>")
def show(broadcast_id: int) -> ResponseReturnValue:
    """One broadcast: every station with its result, kept fresh."""
    broadcast = _broadcast(broadcast_id)
    if listing.wants_file():
        every = queries.results(db.session(), broadcast, broadcasts.MOST_STATIONS)
        return listing.file_response(f"broadcast-{broadcast.id}", COLUMNS, every)
    rows = queries.results(db.session(), broadcast)
    count = broadcasts.tally(db.session(), broadcast)
    state = listing.text("state")
    return render_template(
        "commands/broadcasts/show.html",
        broadcast=broadcast,
        rows=[row for row in rows if not state or row.state == state],
        count=count,
        words=orders.describe(broadcast.order, broadcast.arguments),
        may_change=_may_change(broadcast),
        again=sum(count[name] for name in broadcasts.AGAIN),
    )


COLUMNS = [
    *read("station=identity name state sentence latency_ms sent_at command=command_id"),
]


_doing.does(
    *(blueprint, "/<int:broadcast_id>/cancel", broadcasts.cancel),
    lambda broadcast_id: _changeable(broadcast_id),
    N_("Cancelled. Nothing more is sent; answers to what was sent still arrive."),
)


@blueprint.post("/<int:broadcast_id>/retry")
def retry(broadcast_id: int) -> ResponseReturnValue:
    """Give the same order to those that failed or were not reached."""
    broadcast = _changeable(broadcast_id)
    with unit_of_work() as work:
        again = broadcasts.retry(work, actor(), broadcast, now=utc_now())
    return redirect(url_for("broadcasts.show", broadcast_id=again.id), 303)


def _broadcast(broadcast_id: int) -> Broadcast:
    found = queries.broadcast(db.session(), broadcast_id)
    return found or abort(404, "There is no such broadcast.")


def _changeable(broadcast_id: int) -> Broadcast:
    broadcast = _broadcast(broadcast_id)
    if not _may_change(broadcast):
        abort(403, "It reaches beyond your sites: whoever began it can change it.")
    return broadcast


def _may_change(broadcast: Broadcast) -> bool:
    """Staff of some sites may change their own broadcasts, which stay within these."""
    everywhere = current_user.can("write", everywhere=True)
    return bool(everywhere or broadcast.user_id == current_user.id)


def _chosen() -> dict[str, str]:
    picked = ",".join(map(str, sorted(listing.numbers("stations") or ())))
    words = {name: listing.text(name) for name in FILTER if listing.text(name)}
    return {**words, "stations": picked} if picked else words


def _filter() -> station_queries.Filter:
    words: dict[str, Any] = {
        name: listing.text(name) for name in FILTER if name not in ("stations", "site", "online")
    }
    return station_queries.Filter(
        ids=listing.numbers("stations"),
        site_id=listing.number("site"),
        **words,
        # Nothing is kept for whoever is away, so only those that are here are chosen at first.
        online=request.args.get("online", "yes"),
    )


def _ids() -> Select[Any]:
    """Select the ids of the stations that the URL chooses."""
    return _filter().select(utc_now()).with_only_columns(Station.id)


def _order_form(order: Order | None = None) -> OrderForm | None:
    """The form of the order that is posted, or that the URL names; None before one is chosen."""
    word = request.args.get("order", "")
    if order is None:
        order = Order(word) if word in FOR_MANY else None
    if order is None:
        return None
    form = (
        form_class(order)()
        if request.method == "POST"
        else form_class(order)(formdata=None, data=dict(request.args))
    )
    form.offer(PLUGS, [])
    form.on_clock(_zone())
    return form


def _zone() -> str:
    """The clock that times are typed on: that of the sites if they share one, else the asker's."""
    query = _filter().select(utc_now()).with_only_columns(Site.timezone)
    zones = db.session().scalars(query.distinct().limit(2)).all()
    return zones[0] if len(zones) == 1 else str(g.zone)


def _question(form: OrderForm | None, stations: int) -> str:
    """What is asked before it begins, with the sessions that it may end."""
    if form is None:
        return ""
    question = orders.SPECS[form.order].question_to_many(stations)
    count = command_rules.count_at(db.session(), form.order, _ids())
    running = "1 session is running" if count == 1 else f"{count} sessions are running"
    return f"{question} {running} there now." if count else question


def _new_page(form: OrderForm | None, pace: PaceForm) -> str:
    session, query = db.session(), _filter().select(utc_now())
    found = session.scalar(select(func.count()).select_from(_ids().subquery())) or 0
    return render_template(
        "commands/broadcasts/new.html",
        form=form,
        pace=pace,
        found=found,
        named=session.scalars(query.order_by(Station.identity_key).limit(NAMED)).all(),
        chosen={**_chosen(), "online": request.args.get("online", "yes")},
        question=_question(form, found),
        online=request.args.get("online", "yes"),
        groups=[
            (title, [(spec.order, spec.label) for spec in specs if not spec.single])
            for title, specs in NOUNS.items()
        ],
        sites=names.sites(session),
        vendors=[(vendor, vendor) for vendor in station_queries.vendors(session)],
        models=[(model, model) for model in station_queries.models(session)],
    )  # fmt: skip
