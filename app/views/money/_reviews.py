"""The review inbox, as part of the bills: what is held, why, and what a person decides."""

from decimal import Decimal, InvalidOperation
from typing import Any

from flask import abort, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.domain.charging import sessions
from app.domain.ground.errors import Conflict, DomainError
from app.domain.ground.vocabulary import ReceiptState, doubts
from app.domain.money import billing, reviews
from app.domain.money.billing.ledger import written
from app.extensions import db
from app.forms.ground import refusals
from app.forms.money import AssignForm, DecisionForm, DismissForm, in_wh
from app.models import Review
from app.process.clock import utc_now
from app.queries.charging import sessions as session_queries
from app.queries.ground import names
from app.queries.money import reviews as queries
from app.text import bill_text, review_words
from app.text.numbers import money
from app.text.writers import DeskWriter
from app.uow import unit_of_work
from app.views.ground import _bulk
from app.web import listing
from app.web.security import Pages, actor, back

blueprint = Pages("bills", __name__, url_prefix="/bills")

KWH_MOST = 2000
WAITING_STATES = (ReceiptState.QUEUED, ReceiptState.SENDING)


@blueprint.get("/review")
@blueprint.get("/review/<int:session_id>")
def review(session_id: int | None = None) -> ResponseReturnValue:
    """The inbox, or the review of one session with its numbers side by side."""
    if session_id is None:
        return _inbox()
    chosen = _chosen(request.args.get("energy_kwh", ""))
    given = {} if chosen is None else {"energy_kwh": chosen}
    return _page(_review(session_id), DecisionForm(formdata=None, data=given), chosen)


def _chosen(text: str) -> Decimal | None:
    """The energy of a figure that was chosen, in kilowatt-hours; it fills the field."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found <= KWH_MOST else None


@blueprint.post("/review/<int:session_id>")
def decide(session_id: int) -> ResponseReturnValue:
    """Approve, correct or waive a held session; the button's name says which."""
    found, form = _review(session_id), DecisionForm()
    decision = request.form.get("decision", "")
    if decision == "correct" and form.energy_kwh.data is None and not form.energy_kwh.errors:
        form.validate()
        form.energy_kwh.errors = ["Name the energy that is to be billed."]
    elif form.validate_on_submit():
        try:
            said = _decided(found, decision, form)
        except Conflict as error:  # somebody was quicker
            flash(error.sentence, "error")
            return back("bills.review", session_id=session_id)
        except DomainError as error:
            refusals.show(form, error)
        else:
            flash(said, "success")
            return back("bills.review")
    return _page(found, form), 422


@blueprint.post("/stray/<int:stray_id>/dismiss")
def dismiss(stray_id: int) -> ResponseReturnValue:
    """Put a stop that matches no session aside."""
    stray, form = queries.stray(db.session(), stray_id), DismissForm()
    if stray is None:
        abort(404)
    with unit_of_work() as work:
        reviews.dismiss_stray(work, actor(), stray, note=form.note.data or "", now=utc_now())
    flash(_("The stop was set aside. The audit log keeps the reason."), "success")
    return back("bills.review")


@blueprint.post("/stray/<int:stray_id>/assign")
def assign(stray_id: int) -> ResponseReturnValue:
    """Give a stop that matched no session to the one that it ended."""
    stray, form = queries.stray(db.session(), stray_id), AssignForm()
    if stray is None:
        abort(404)
    with unit_of_work() as work:
        session = session_queries.one(work, form.session_id.data or 0)
        stray = queries.stray(work, stray_id)
        if session is None or stray is None:
            raise Conflict("There is no such session.")
        sessions.assign_stray(
            work, actor(), stray, session, note=form.note.data or "", now=utc_now()
        )
        number = session.id
    flash(_("The stop now belongs to session %(number)s.", number=number), "success")
    return back("sessions.show", session_id=number)


_bulk.hang(
    blueprint,
    reviews.MANY,
    lambda work: queries.held(listing.text("doubt")),
    {
        "approve": lambda n: ngettext(
            "%(num)s session is approved.", "%(num)s sessions are approved.", n
        )
    },
    lambda action, more: {"note": request.form.get("note", "")},
    rule="/review/approve", name="approve_many", back_to="review",
)  # fmt: skip


def _inbox() -> str:
    session, show_decided = db.session(), listing.text("show") == "decided"
    doubt, wish = listing.text("doubt"), listing.wish()
    strays = [] if show_decided else queries.strays(session)
    return render_template(
        "money/bills/inbox.html",
        page=queries.decided(session, wish)
        if show_decided
        else queries.waiting(session, wish, doubt),
        doubt=doubt,
        doubts=[] if show_decided else queries.doubts(session),
        label=doubts.label,
        decided=show_decided,
        sentence=doubts.sentence,
        strays=strays,
        stations=names.stations(session, {stray.station_id for stray in strays}),
        candidates={stray.id: sessions.candidates(session, stray) for stray in strays},
        dismiss_form=DismissForm(formdata=None),
    )


def _page(found: Review, form: DecisionForm, chosen: Decimal | None = None) -> str:
    session = db.session()
    assessment = billing.assess(session, found.session, utc_now())
    bill = written(assessment)
    form.tariff.choices = [("", "Choose…"), *queries.tariffs(session, found.session, utc_now())]
    zone, codes = found.session.timezone, list(found.reasons)
    if found.decided_at is None:  # what has come to light since it was held
        codes = list(dict.fromkeys([*codes, *assessment.doubts]))
    return render_template(
        "money/bills/review.html",
        review=found,
        session=found.session,
        zone=zone,
        reasons=[doubts.sentence(code) for code in codes],
        numbers=[
            *review_words.numbers(assessment, bill),
            *review_words.compared(session, assessment, bill, utc_now()),
        ],
        figures=review_words.figures(assessment),
        proposal=review_words.proposal(assessment),
        capped=assessment.is_capped,
        other_id=assessment.continuity.other_id,
        told=bill_text.in_words(bill, DeskWriter(zone)) if bill is not None else None,
        chosen=_with_energy(found, chosen),
        standing=billing.standing(session, found.session),
        priced=found.session.tariff_version_id is not None,
        form=form,
    )


def _with_energy(found: Review, kwh: Decimal | None) -> bill_text.BillWords | None:
    """What the session would cost with another energy."""
    if kwh is None:
        return None
    session = db.session()
    assessment = billing.assess(session, found.session, utc_now(), energy_wh=in_wh(kwh))
    bill = written(assessment)
    return None if bill is None else bill_text.in_words(bill, DeskWriter(found.session.timezone))


def _decided(found: Review, decision: str, form: DecisionForm) -> str:
    given: dict[str, Any] = {"note": form.note.data, "now": utc_now()}
    with unit_of_work() as work:
        if decision == "waive":
            reviews.waive(work, actor(), found, **given)
            return f"Session {found.session_id} costs nothing."
        if decision == "keep":
            return f"Bill {reviews.keep(work, actor(), found, **given).number} stays as it is."
        given["tariff_version_id"] = form.tariff.data
        if decision == "correct":
            given["energy_wh"] = in_wh(form.energy_kwh.data)
        elif decision != "approve":
            abort(400)
        bill = reviews.approve(work, actor(), found, **given)
        waits = bill.receipt is not None and bill.receipt.state in WAITING_STATES
        mail = " Its receipt is on its way." if waits else ""
        return f"Bill {bill.number} of {money(bill.gross_minor, bill.currency)} is issued.{mail}"


def _review(session_id: int) -> Review:
    found = queries.one(db.session(), session_id)
    if found is None:
        abort(404, "This session is not held for review.")
    return found
