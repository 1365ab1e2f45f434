"""Charging sessions on the desk: the list with those that run, and one session whole."""

from datetime import UTC, datetime, timedelta

from flask import abort, flash, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.charging import sessions
from app.domain.commands import commands
from app.domain.ground.errors import DomainError, NotFound
from app.domain.ground.texts import N_
from app.domain.ground.vocabulary import BillingState, Order, SessionState, doubts
from app.domain.money import reviews
from app.extensions import db, the_settings
from app.forms.charging import BillForm, EndForm
from app.models import Bill, ChargingSession, Station
from app.process.clock import utc_now
from app.queries.charging import session_chart, session_rows
from app.queries.charging import sessions as queries
from app.queries.charging.session_rows import SessionRow
from app.queries.charging.sessions import Filter
from app.queries.ground import names
from app.queries.money import costs
from app.text import session_words
from app.text.sentences import translated
from app.uow import unit_of_work
from app.views.charging._session_page import page_of, readings_file
from app.views.ground import _bulk
from app.web import kept, listing, scope, spreadsheet
from app.web.security import Pages, actor, back

blueprint = Pages("sessions", __name__, url_prefix="/sessions")
blueprint.add_app_template_filter(lambda code: translated(doubts.label(code)), "flag_label")
blueprint.add_app_template_filter(session_words.explained, "flags_explained")

#: The presets of the list: key -> word; of one that is not long, all is shown at first.
PRESETS = {
    "all": "All",
    "today": N_("Today"),
    "yesterday": N_("Yesterday"),
    "7days": "7 days",
    "recent": f"{listing.RECENT_DAYS} days",
    "month": "This month",
    "last-month": "Last month",
}
STATES = [
    ("charging", "running"),
    ("ended", "ended"),
    ("no_show", "no-show"),
    ("provisional", "without a stop"),
    ("unauthorised", "refused card"),
]
BILLING = [
    (BillingState.OPEN.value, "not billed yet"),
    (BillingState.HELD.value, "held for review"),
    (BillingState.BILLED.value, "billed"),
    (BillingState.WAIVED.value, "waived"),
]
#: Sums may be so old, in seconds.
TOTALS_S = 10.0


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, narrowed, sorted and paged by the URL, with its sums; or all of it as a file."""
    session, wish = db.session(), listing.wish()
    wanted, recent = _filter(session)
    if listing.wants_file():
        return _file(session, wanted)
    return render_template(
        "charging/sessions/index.html",
        page=(page := queries.page(session, wanted, wish)),
        totals=_totals(session, wanted) if listing.summed(wanted, page) else None,
        recent=recent,
        running=queries.running(session) if _unfiltered() else [],
        cost=lambda row: costs.so_far(session, row, _now()),
        span=lambda row: session_chart.span(row, _now()),
        presets=PRESETS,
        states=STATES,
        billing=BILLING,
        flags=sorted((doubt.code, doubt.label) for doubt in doubts.DOUBTS.values()),
        sites=names.all_sites(session),
        named=queries.named(session, wanted),
    )


def _file(session: Session, wanted: Filter) -> ResponseReturnValue:
    return listing.file_response(
        *("sessions", spreadsheet.of_tuples(SessionRow), session_rows.rows(session, wanted)),
        since=wanted.since,
        until=wanted.until,
    )


def _chosen_file(ids: frozenset[int] | None) -> ResponseReturnValue:
    session = db.session()
    return _file(session, _filter(session)[0] if ids is None else Filter(ids=ids))


_bulk.hang(
    blueprint,
    reviews.SESSIONS,
    lambda work: _filter(work)[0].select(work),
    {
        "bill": lambda n: ngettext("%(num)s session is billed.", "%(num)s sessions are billed.", n),
        "recount": lambda n: ngettext(
            "%(num)s bill is corrected; the others are right.",
            "%(num)s bills are corrected; the others are right.",
            n,
        ),
    },
    lambda action, more: {"note": request.form.get("note", "")},
    file=_chosen_file,
)


@blueprint.get("/running")
def running() -> ResponseReturnValue:
    """The piece of the list that keeps itself fresh: who charges now."""
    session = db.session()
    return render_template(
        "charging/sessions/_running.html",
        running=queries.running(session),
        cost=lambda row: costs.so_far(session, row, _now()),
        span=lambda row: session_chart.span(row, _now()),
    )


def _totals(session: Session, wanted: Filter) -> queries.Totals:
    """The sums of the list, found once in some seconds for all who ask for the same."""
    reach = scope.of(session)
    assert reach is not None
    key, topics = ("totals", reach, wanted), " ".join(("sessions", "bills"))
    return kept.get(reach.tenant_id, key, TOTALS_S, lambda: queries.totals(session, wanted), topics)


def _unfiltered() -> bool:
    return not set(request.args) - {"sort"}


def _now() -> datetime:
    return g.get("now") or utc_now()


def _filter(session: Session) -> tuple[Filter, bool]:
    """What the URL asks for, and whether the list begins with what is recent as it is so long."""
    since, until = _preset(request.args.get("when", ""))
    wanted = listing.asked(
        Filter, since=listing.day("since") or since, until=listing.day("until", end=True) or until
    )
    return listing.lately(wanted, session)


def _preset(name: str) -> tuple[datetime | None, datetime | None]:
    """The first instant of a preset and the one after its last; days are the reader's."""
    here = _now().astimezone(listing.zone())
    today = here.replace(hour=0, minute=0, second=0, microsecond=0)
    month = today.replace(day=1)
    spans = {
        "recent": (listing.recent().astimezone(listing.zone()), None),
        "today": (today, None),
        "yesterday": (today - timedelta(days=1), today),
        "7days": (today - timedelta(days=6), None),
        "month": (month, None),
        "last-month": ((month - timedelta(days=1)).replace(day=1), month),
    }
    since, until = spans.get(name, (None, None))
    return since and since.astimezone(UTC), until and until.astimezone(UTC)


@blueprint.get("/<int:session_id>")
def show(session_id: int) -> ResponseReturnValue:
    """One session: chart, cost, timeline, facts; its readings as CSV or JSON lines."""
    session = _found(db.session(), session_id)
    wanted = request.args.get("format")
    if wanted in ("csv", "json"):
        return readings_file(session, wanted)
    page = page_of(db.session(), session, _now(), _hold_h())
    return render_template("charging/sessions/show.html", **page)


@blueprint.get("/<int:session_id>/live")
def live(session_id: int) -> ResponseReturnValue:
    """The part of a session's page that keeps itself fresh."""
    session = _found(db.session(), session_id)
    page = page_of(db.session(), session, _now(), _hold_h())
    return render_template("charging/sessions/_body.html", **page)


@blueprint.post("/<int:session_id>/stop")
def stop(session_id: int) -> ResponseReturnValue:
    """Ask the station to stop a running session."""
    now = utc_now()
    try:
        with unit_of_work() as work:
            session = _found(work, session_id)
            # It is named with its session wherever it stands; orders are for staff of its own site.
            station = work.scalar(select(Station).where(Station.id == session.station_id))
            if station is None:
                raise NotFound("Its station has been moved to a site that is not yours.")
            commands.queue(
                work,
                actor(),
                station,
                Order.STOP_CHARGING,
                {"session_id": session.id},
                now=now,
                ttl_s=the_settings().command_ttl_s,
            )
        flash(_("Asked the station to stop. It usually answers within seconds."), "success")
    except DomainError as error:
        flash(error.sentence, "error")
    return back("sessions.show", session_id=session_id)


@blueprint.route("/<int:session_id>/end", methods=["GET", "POST"])
def end(session_id: int) -> ResponseReturnValue:
    """End a session by hand whose stop will never come, with a reason."""
    form = EndForm()
    session = _found(db.session(), session_id)
    if session.state is not SessionState.CHARGING:
        flash(_("Session %(session_id)s has ended already.", session_id=session_id), "info")
        return back("sessions.show", session_id=session_id)
    if form.validate_on_submit():
        now = utc_now()
        try:
            with unit_of_work() as work:
                sessions.close_provisionally(
                    work,
                    _found(work, session_id),
                    now=now,
                    actor=actor(),
                    remark=form.reason.data,
                )
            flash(
                _("Session %(session_id)s was ended at its last reading.", session_id=session_id),
                "success",
            )
            return back("sessions.show", session_id=session_id)
        except DomainError as error:
            form.form_errors.append(error.sentence)
    status = 422 if request.method == "POST" else 200
    page = {"form": form, "session": session, "span": session_chart.span(session, _now())}
    return render_template("charging/sessions/end.html", **page), status


@blueprint.route("/<int:session_id>/bill", methods=["GET", "POST"])
def bill(session_id: int) -> ResponseReturnValue:
    """Bill a session that waits for its stop, with a reason."""
    form, session = BillForm(), _found(db.session(), session_id)
    if form.validate_on_submit():
        try:
            with unit_of_work() as work:
                made = reviews.bill_now(
                    work, actor(), _found(work, session_id), note=form.reason.data, now=_now()
                )
                if isinstance(made, Bill):
                    said, kind = f"Bill {made.number} is issued.", "success"
                else:
                    said, kind = "Other doubts hold its bill.", "info"
            flash(said, kind)
            return back("sessions.show", session_id=session_id)
        except DomainError as error:
            form.form_errors.append(error.sentence)
    status = 422 if request.method == "POST" else 200
    return render_template("charging/sessions/bill.html", form=form, session=session), status


def _found(session: Session, session_id: int) -> ChargingSession:
    found = queries.one(session, session_id) if session_id < 2**63 else None
    return found or abort(404)


def _hold_h() -> int:
    return int(the_settings().provisional_hold_h)
